"""The refresh on a real wire: total timeouts, fresh connections, what goes along and what an answer means."""

import gzip
import queue
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore
import httpx
import pytest
import signedin_sdk.contract
from signedin import Client, HttpRefresher, TokenPair
from signedin._wire import _Exchange, _read
from signedin.protocols import Answer, Busy, NotSent, Refused, Renewed, Unknown
from signedin_sdk.types import Grace

from tests.auth.contracts import contract
from tests.auth.driving import Server, Wire, jwt
from tests.auth.loopback import loopback
from tests.auth.talking import Talk, answer_of, dripping, saying, silent, talking

PAIR = TokenPair("a", "r")
# No time in it: the test's id is made of it, and the workers must agree on ids.
ZIPPED = gzip.compress(b'{"access_token": "a", "refresh_token": "r"}', mtime=0)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "talk",
    [
        silent,
        dripping(b"", b"H"),
        dripping(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n", b" "),
        dripping(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["silent", "status line", "headers", "body", "chunks"],
)
def test_a_server_that_drips_is_cut_after_a_total_time(talk: Talk) -> None:
    with talking(talk) as url:
        assert isinstance(answer_of(url, timeout=0.7), Unknown)


@pytest.mark.timeout(10)
def test_a_server_that_drips_over_a_kept_connection_of_the_users_own_is_given_up_after_a_total_time() -> None:
    connections = []

    def talk(connection: socket.socket, stop: threading.Event) -> None:
        connections.append(connection)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        connection.recv(65536)
        dripping(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n")(connection, stop)

    with talking(talk) as url:
        transport = httpx.HTTPTransport()
        transport.handle_request(httpx.Request("GET", url)).read()
        assert isinstance(answer_of(url, timeout=0.7, transport=transport), Unknown)
    assert len(connections) == 1


def test_an_answer_that_comes_too_late_counts_as_none_on_a_transport_that_reports_nothing() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        late.wait(10)
        return httpx.Response(200, content=b'{"access_token": "a", "refresh_token": "r"}')

    late, transport = threading.Event(), httpx.MockTransport(answer)
    assert isinstance(answer_of("https://auth.test", timeout=0.05, transport=transport), Unknown)
    late.set()
    assert isinstance(answer_of("https://auth.test", timeout=10.0, transport=transport), Renewed)


def test_a_name_server_that_hangs_means_not_sent_and_nothing_is_sent_later(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve, answered, received = socket.getaddrinfo, threading.Event(), queue.Queue[bytes]()

    def hanging(*arguments: Any) -> object:
        answered.wait(10)
        return resolve("127.0.0.1", *arguments[1:])

    with talking(lambda connection, _: received.put(connection.recv(100)), reads=False) as url:
        monkeypatch.setattr("socket.getaddrinfo", hanging)
        assert isinstance(answer_of(url.replace("127.0.0.1", "auth.test"), timeout=0.7), NotSent)
        answered.set()
        assert received.get(timeout=10) == b""


def given_up(*events: tuple[str, dict[str, Any]]) -> _Exchange:
    """Return an exchange whose time was over after some events of httpcore's."""
    forever = threading.Event()
    exchange = _Exchange(lambda: forever.wait(10), {}, ("", ""))  # type: ignore[arg-type,return-value]
    for event, info in events:
        exchange._trace(event, info)
    assert exchange.run(0.0) is httpx.ReadTimeout
    forever.set()
    return exchange


def connected(event: str, connection: socket.socket) -> tuple[str, dict[str, Any]]:
    class Stream:
        def get_extra_info(self, _: str) -> socket.socket:
            return connection

    return f"{event}.complete", {"return_value": Stream()}


def sending(event: str, method: bytes = b"POST") -> tuple[str, dict[str, Any]]:
    return f"{event}.send_request_headers.started", {"request": httpcore.Request(method, "https://auth.test")}


@pytest.mark.parametrize(
    "event",  # as httpcore names them; with TLS the socket of before is an empty shell
    ["connection.connect_tcp", "connection.connect_unix_socket", "connection.start_tls", "proxy.start_tls",
     "socks.connect_tcp", "socks.start_tls"],
)  # fmt: skip
def test_a_connection_that_took_the_whole_time_is_cut_as_soon_as_there_is_one(event: str) -> None:
    here, there = socket.socketpair()
    with here, there:
        given_up()._trace(*connected(event, here))
        there.settimeout(10)
        assert there.recv(1) == b""


@pytest.mark.parametrize("protocol", ["http11", "http2"])
@pytest.mark.parametrize("method", [b"POST", b"CONNECT"])
def test_an_exchange_that_was_given_up_never_begins_to_send(protocol: str, method: bytes) -> None:
    with pytest.raises(httpx.ConnectTimeout):
        given_up()._trace(*sending(protocol, method))


def test_a_connection_that_others_share_is_not_cut() -> None:
    here, there = socket.socketpair()
    with here, there:
        given_up(connected("connection.start_tls", here), sending("http2"))
        here.sendall(b"another's")
        assert there.recv(100) == b"another's"


def test_a_transport_that_sent_before_it_could_not_connect_is_in_doubt() -> None:
    class Retrying(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            try:
                return super().handle_request(request)
            except httpx.RemoteProtocolError:
                raise httpx.ConnectError("at the second attempt") from None

    with talking(saying(b"")) as url:
        assert isinstance(answer_of(url, timeout=5.0, transport=Retrying()), Unknown)


@pytest.mark.timeout(10)
def test_a_pool_of_the_users_own_without_a_free_place_means_not_sent() -> None:
    with talking(dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n", b" ")) as url:
        transport = httpx.HTTPTransport(limits=httpx.Limits(max_connections=1))
        under_way = transport.handle_request(httpx.Request("GET", url))
        assert isinstance(answer_of(url, timeout=1.0, transport=transport), NotSent)
        under_way.close()


def test_where_no_thread_can_be_started_the_exchange_runs_in_its_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly() -> Iterator[bytes]:
        yield b'{"access_token": "a", '
        while time.monotonic() < begun + 0.02:
            pass
        yield b'"refresh_token": "r"}'

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=slowly()))
    monkeypatch.setattr("threading.Thread.start", refuse)
    begun = time.monotonic()
    assert isinstance(answer_of("https://auth.test", timeout=10.0, transport=transport), Renewed)
    begun = time.monotonic()
    assert isinstance(answer_of("https://auth.test", timeout=0.01, transport=transport), Unknown)


@pytest.mark.timeout(10)
def test_an_endless_body_is_cut_at_its_size() -> None:
    with talking(dripping(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", b"a" * 65_536)) as url:
        assert isinstance(answer_of(url, timeout=8.0), Unknown)


@pytest.mark.parametrize(
    ("coding", "body", "expected"),
    [
        ("gzip", ZIPPED, Renewed),
        ("GZIP", ZIPPED, Renewed),
        ("gzip", ZIPPED[:-20], Unknown),
        ("gzip", b"no gzip", Unknown),
        ("gzip", gzip.compress(b'{"access_token": "a", "refresh_token": "r"}' + b" " * 70_000, mtime=0), Unknown),
        ("gzip, gzip", gzip.compress(ZIPPED, mtime=0), Unknown),
        ("br", ZIPPED, Unknown),
    ],
)
def test_an_answer_compressed_unasked_is_read_in_bounds(coding: str, body: bytes, expected: type[Answer]) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {len(body)}\r\n\r\n"
    with talking(saying(head.encode() + body)) as url:
        assert type(answer_of(url, timeout=8.0)) is expected


def test_an_answer_that_blows_up_when_decoded_takes_no_memory() -> None:
    bomb = gzip.compress(b" " * 20_000_000, mtime=0)
    response = httpx.Response(200, headers={"content-encoding": "gzip"}, content=iter([bomb]))
    tracemalloc.start()
    with pytest.raises(httpx.DecodingError, match="too large"):
        _read(response, float("inf"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_nobody_listening_means_not_sent() -> None:
    with talking(silent) as url:
        pass
    assert isinstance(answer_of(url, timeout=8.0), NotSent)


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (200, {}, b'{"access_token": "a", "refresh_token": "r"}', Renewed),
        (200, {"content-encoding": "gzip"}, ZIPPED, Renewed),
        (200, {}, b'{"access_token": "a", "refresh_token": "r", "more": "' + b"x" * 70_000 + b'"}', Unknown),
        (201, {}, b'{"access_token": "a", "refresh_token": "r"}', Renewed),
        (204, {}, b"", Unknown),
        (200, {}, b'{"access_token": "a"}', Unknown),
        (200, {}, b'{"refresh_token": "r"}', Unknown),
        (200, {}, b'{"access_token": "a", "refresh_token": "r\\n"}', Unknown),
        (400, {}, b"{}", Refused),
        (401, {}, b'{"message": "Unauthorized"}', Refused),
        (401, {}, b"", Refused),
        (403, {}, b" \n", Refused),
        (401, {}, b"[]", Unknown),
        (401, {}, b"<html>", Unknown),
        (403, {}, b"\xff", Unknown),
        (429, {}, b"", Busy),
        (429, {"retry-after": "7"}, b"", Busy),
        (503, {"retry-after": "7"}, b"", Busy),
        (503, {}, b"", Unknown),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"", Unknown),
        (503, {"retry-after": "-7"}, b"", Unknown),
        (503, {"retry-after": "\u0667"}, b"", Unknown),
        (500, {}, b"", Unknown),
        (404, {}, b"", Unknown),
        (304, {}, b"", Unknown),
        (302, {"location": "https://evil.test"}, b"", Unknown),
        (307, {"location": "https://evil.test"}, b"", Unknown),
    ],
)
def test_each_answer_has_its_class(status: int, headers: dict[str, str], body: bytes, expected: type[Answer]) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        return httpx.Response(status, headers=raw, content=body)

    got = answer_of("https://auth.test", transport=httpx.MockTransport(answer))
    assert type(got) is expected
    if isinstance(got, Busy):
        assert got.retry_after == (7.0 if headers else None)


@pytest.mark.parametrize(
    ("date", "offset"),
    [
        ("Fri, 15 Jan 2027 08:10:00 GMT", 601.0),  # the end of that second: the token counts as shorter-lived
        ("Fri, 15 Jan 2027 07:50:00 GMT", -599.0),
        ("Fri, 15 Jan 2027 08:00:00 GMT", 0.0),
        ("tomorrow", 0.0),
        ("Fri, 15 Jan 99999 08:10:00 GMT", 0.0),
        (None, 0.0),
    ],
)
def test_without_iat_the_date_of_the_answer_tells_the_servers_time(date: str | None, offset: float) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        headers = {"date": date} if date else {}
        token = jwt({"exp": 1_800_000_300})
        return httpx.Response(200, headers=headers, json={"access_token": token, "refresh_token": "r"})

    got = answer_of("https://auth.test", transport=httpx.MockTransport(answer))
    assert isinstance(got, Renewed)
    assert got.clock_offset == offset


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"message": "Unauthorized", "stack": ""}', Refused),
        (b'{"message": "Unauthorized", "stack": null, "more": 1}', Refused),
        (b'{"message": "Forbidden"}', Unknown),  # as a gateway words it
        (b"", Unknown),
        (b'["message", "stack"]', Unknown),
        (b'"message stack"', Unknown),
    ],
)
def test_where_the_api_documents_its_refusals_only_one_of_that_shape_counts(
    body: bytes, expected: type[Answer]
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(403, content=body))
    api = contract(error_properties=frozenset({"message", "stack"}))
    refresher = HttpRefresher(api, "https://auth.test", client=lambda: httpx.Client(transport=transport))
    assert type(refresher.refresh(PAIR, attempt="a", timeout=10.0)) is expected


def test_headers_of_the_constructor_go_along_but_those_of_the_exchange_itself() -> None:
    requests: list[httpx.Request] = []
    headers = {"x-api-key": "k", "authorization": "Basic us", "user-agent": "mine/1", "idempotency-key": "constant"}
    headers |= {"accept": "text/html", "accept-encoding": "br", "content-type": "text/plain"}
    headers["connection"] = "keep-alive"

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(204)

    refresher = HttpRefresher(
        contract(grace=Grace("Idempotency-Key", 60.0, 5), revoke={}),
        "https://auth.test",
        client=lambda: httpx.Client(transport=httpx.MockTransport(answer), headers=headers),
    )
    refresher.refresh(PAIR, attempt="an id", timeout=10.0)
    refresher.revoke(PAIR, timeout=10.0)
    own = {"accept": "application/json", "accept-encoding": "identity", "content-type": "application/json"}
    for request, attempt in zip(requests, ["an id", "constant"], strict=True):
        expected = {**headers, **own, "connection": "close", "idempotency-key": attempt}
        assert {name: request.headers.get_list(name) for name in expected} == {n: [v] for n, v in expected.items()}


def test_each_refresh_has_an_attempt_id_of_its_own(server: Server) -> None:
    wire = Wire(server)
    client = Client(server.base_url, transport=wire, clock=server.clock)
    client.session.sign_in(server.issue())
    for _ in range(3):
        client.session.refresh()
    assert len({request.headers["idempotency-key"] for request in wire.refreshes}) == 3


def test_revoking_never_raises(server: Server) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    revoke: dict[str, Any] | None
    for revoke in (None, {}):
        refresher = HttpRefresher(
            contract(revoke=revoke), server.base_url, client=lambda: httpx.Client(transport=httpx.MockTransport(fail))
        )
        refresher.revoke(PAIR, timeout=1.0)


def test_closing_does_not_cut_an_exchange_under_way() -> None:
    with loopback() as served, ThreadPoolExecutor(1) as pool:
        refresh = served.fake.hold("refreshToken")
        refresher = HttpRefresher(signedin_sdk.contract, served.base_url)
        asking = pool.submit(refresher.refresh, served.fake.issue(), attempt="a", timeout=10.0)
        refresh.wait_for()
        refresher.close()  # as when one of two clients of a session closes it
        refresh.release()
        assert isinstance(asking.result(20), Renewed)


def test_a_cut_connection_never_becomes_one_without_encryption() -> None:
    here, there = socket.socketpair()
    context = ssl.create_default_context()
    with there, context.wrap_socket(here, server_hostname="x.test", do_handshake_on_connect=False) as encrypted:
        given_up(connected("connection.start_tls", encrypted), sending("http11"))
        with pytest.raises(OSError):  # of TLS, which has not begun; a plain socket would say EPIPE
            encrypted.send(b"secret")
        assert there.recv(100) == b""
        assert encrypted._sslobj is not None  # type: ignore[attr-defined]
