"""What comes over a connection before, between and instead of requests; each is logged under the id of its answer."""

import errno
import json
import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.backend.running import Received, Serve, Served, connected, impatient, lines, receive
from tests.servers import backend

JSON = b"Host: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = JSON + b"Transfer-Encoding: chunked\r\n\r\n"
LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\n"
PROFILE = b"GET /api/v1/users/profile HTTP/1.1\r\nHost: localhost\r\n\r\n"
MALFORMED = {"message": "Malformed HTTP request.", "stack": ""}


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def answer_to(served: Served, head: bytes, path: str = "/auth/login") -> Received:
    """Send a request; a refusal that never came to its operation is checked like a login's, which knows a 400."""
    with connected(served.base_url) as peer:
        peer.sendall(head)
        return receive(peer, path)


def logged(caplog: pytest.LogCaptureFixture, served: Served) -> list[dict[str, Any]]:
    """Return the lines of all requests so far; a line is written after its answer, and before the next one's."""
    served.client.get("/users/profile", headers={"X-Request-ID": "last"})
    assert {record.getMessage() for record in caplog.records if record.name == "signedin_backend"} <= {"request"}
    return [line for line in lines(caplog, "request") if line["request_id"] != "last"]


def dripped(peer: socket.socket) -> bool:
    """Send a byte ten times a second; tell whether the other side closes within twenty seconds."""
    peer.settimeout(0.1)
    for _ in range(200):
        try:
            peer.sendall(b"x")
            if peer.recv(1) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


@pytest.mark.parametrize("before", [None, b"", PROFILE], ids=["nothing", "a head", "a later head"])
def test_a_head_that_never_ends_is_closed_however_it_goes_on(served: Served, before: bytes | None) -> None:
    with impatient(served) as (_, peer):
        peer.sendall(before or b"")
        if before:
            assert receive(peer, "/users/profile", method="GET").status == 401
        if before is not None:
            peer.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        assert peer.recv(1) == b"" if before is None else dripped(peer)


def test_a_request_under_way_may_take_longer_than_a_connection_may_be_idle(serve: Serve) -> None:
    with impatient(serve(body_seconds=2)) as (_, peer):
        peer.sendall(LOGIN + JSON + b"Content-Length: 2\r\n\r\n{")
        assert receive(peer).status == 400


@pytest.mark.parametrize(
    ("line", "route"),
    [(LOGIN, "/api/v1/auth/login"), (b"GET /api/v1/users/profile HTTP/1.1\r\n", "/api/v1/users/profile"),
     (b"DELETE /api/v1/users/profile HTTP/1.1\r\n", "/api/v1/users/profile")],
    ids=["read", "not read", "no such method"],
)  # fmt: skip
@pytest.mark.parametrize("first", [b"5\r\nabcde\r\n", b""], ids=["later chunk", "first chunk"])
@pytest.mark.parametrize("named", [b"", b"X-Request-ID: mine\r\n"], ids=["no id", "an id"])
def test_a_broken_body_is_logged_once_under_the_id_of_its_answer(
    served: Served, caplog: pytest.LogCaptureFixture, line: bytes, route: str, first: bytes, named: bytes
) -> None:
    answer = answer_to(served, line + named + CHUNKED + first + b"ZZ\r\n")
    (entry,) = logged(caplog, served)
    assert (answer.status, json.loads(answer.body)) == (400, MALFORMED)
    assert (entry["status"], entry["request_id"]) == (400, answer.headers["x-request-id"])
    assert not named or entry["request_id"] == "mine"
    assert entry["route"] == route


@pytest.mark.parametrize(
    ("pieces", "message"),
    [(128, "You must provide an email and a password."), (129, MALFORMED["message"]), (9_000, MALFORMED["message"])],
)
def test_a_body_in_pieces_of_one_byte_is_refused_before_they_add_up(served: Served, pieces: int, message: str) -> None:
    with connected(served.base_url) as peer:
        peer.sendall(LOGIN + CHUNKED + b"1\r\n \r\n" * pieces + b"0\r\n\r\n")
        answer = receive(peer)
        assert (answer.status, json.loads(answer.body)["message"]) == (400, message)
        assert pieces == 128 or peer.recv(1) == b""


def test_pieces_of_a_sensible_size_may_be_many(serve: Serve) -> None:
    body = b'{"refreshToken": "x"}'.ljust(40_000)
    chunks = b"".join(b"100\r\n" + body[at : at + 256].ljust(256) + b"\r\n" for at in range(0, len(body), 256))
    head = b"POST /api/v1/auth/refreshToken HTTP/1.1\r\n"
    answer = answer_to(serve(body_limit=65_536), head + CHUNKED + chunks + b"0\r\n\r\n", "/auth/refreshToken")
    assert answer.status == 401


@pytest.mark.parametrize("sent", [b"1\r\n \r\n" * 129, b"4001\r\n" + b"x" * 16_385], ids=["in pieces", "large"])
def test_a_body_that_nobody_reads_is_not_parsed_for_ever(served: Served, sent: bytes) -> None:
    with connected(served.base_url) as peer:
        peer.sendall(b"GET /api/v1/users/profile HTTP/1.1\r\n" + CHUNKED)
        assert receive(peer, "/users/profile", method="GET").status == 401
        peer.sendall(sent)
        assert peer.recv(1) == b""


def test_what_follows_a_body_over_the_limit_is_dropped_unparsed_and_its_answer_arrives(served: Served) -> None:
    with connected(served.base_url) as peer:
        peer.sendall(LOGIN + CHUNKED + b"4001\r\n" + b"x" * 16_385 + b"\r\nno chunk at all\r\n" + b"x" * 3_000_000)
        answer = receive(peer)
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert peer.recv(1) == b""


def test_a_peer_that_goes_away_before_its_large_body_is_answered_is_no_failure(
    served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> None:
        raise OSError(errno.ENOTCONN, "not connected")

    monkeypatch.setattr(socket.socket, "shutdown", gone)
    assert answer_to(served, LOGIN + JSON + b"Content-Length: 16385\r\n\r\n" + b"x" * 16_385).status == 413
    (line,) = logged(caplog, served)
    assert line["status"] == 413


def test_a_body_that_breaks_after_its_answer_is_the_end_of_the_connection_and_no_failure(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(served.base_url) as peer:
        peer.sendall(b"GET /api/v1/users/profile HTTP/1.1\r\n" + CHUNKED)
        assert receive(peer, "/users/profile", method="GET").status == 401
        peer.sendall(b"ZZ\r\n")
        assert peer.recv(1) == b""
    (line,) = logged(caplog, served)
    assert line["status"] == 401
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("before", [b"", PROFILE], ids=["first", "later"])
def test_what_is_no_http_is_logged_under_its_id(
    served: Served, caplog: pytest.LogCaptureFixture, before: bytes
) -> None:
    with connected(served.base_url) as peer:
        peer.sendall(before)
        answers = [receive(peer, "/users/profile", method="GET")] if before else []
        peer.sendall(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
        answers.append(receive(peer))
    requests = logged(caplog, served)
    assert [line["request_id"] for line in requests] == [answer.headers["x-request-id"] for answer in answers]
    assert (requests[-1]["level"], requests[-1]["status"], requests[-1]["route"]) == ("info", 400, "")
    assert len({line["request_id"] for line in requests}) == len(requests)


def test_the_program_logs_what_is_no_http_in_one_line_and_not_in_its_servers_words_too(tmp_path: Path) -> None:
    with backend(tmp_path, checked=False) as server:
        with connected(server.base_url) as peer:
            peer.sendall(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
            answer = receive(peer)
        with connected(server.base_url) as peer:
            peer.sendall(PROFILE[:-2] + b"Connection: upgrade\r\nUpgrade: websocket\r\nX-Request-ID: mine\r\n\r\n")
            assert receive(peer, "/users/profile", method="GET").status == 401
        assert server.stop() == 0
        logged = [json.loads(line) for line in server.log.read_text().splitlines()]
    requests = [line for line in logged if line["event"] == "request" or line["level"] != "info"]
    assert [line["request_id"] for line in requests] == [answer.headers["x-request-id"], "mine"]


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://localhost/api/v1/users/profile", "localhost", 401),
        ("HTTP://LOCALHOST:5000/api/v1/users/profile?a=http://b", "localhost", 401),
        ("https://127.0.0.1/api/v1/users/profile", "localhost", 401),
        ("http://localhost/api/v1/users%2Fprofile", "localhost", 401),
        # The target's authority is what counts, whatever Host says.
        ("http://localhost/api/v1/users/profile", "evil.example", 401),
        ("http://evil.example/api/v1/users/profile", "localhost", 400),
        ("http://localhost@evil.example/api/v1/users/profile", "localhost", 400),
        ("http://ada@localhost/api/v1/users/profile", "localhost", 400),
        ("http:///api/v1/users/profile", "localhost", 400),
        ("http://localhost", "localhost", 404),
        ("http://localhost?a=1", "localhost", 404),
        ("ftp://localhost/api/v1/users/profile", "localhost", 404),
    ],
)
def test_a_target_may_be_a_whole_url_and_names_the_host_then(
    served: Served, caplog: pytest.LogCaptureFixture, target: str, host: str, status: int
) -> None:
    with connected(served.base_url) as peer:
        peer.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        answer = receive(peer) if status == 400 else receive(peer, "/users/profile", method="GET")
    assert answer.status == status
    (line,) = logged(caplog, served)
    assert (line["status"], line["route"]) == (status, "/api/v1/users/profile" if status == 401 else "")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"GET /api/v1/users/profile HTTP/1.0\r\n", "Invalid host header."),
        (b"GET /api/v1/users/profile HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", MALFORMED["message"]),
    ],
    ids=["none", "two"],
)
def test_a_request_names_one_host(served: Served, head: bytes, message: str) -> None:
    answer = answer_to(served, head + b"\r\n")
    assert (answer.status, json.loads(answer.body)["message"]) == (400, message)


SMUGGLED = b"0\r\n\r\n" + PROFILE


@pytest.mark.parametrize(
    "head",
    [
        LOGIN + JSON + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        LOGIN + JSON + b"Transfer-Encoding: chunked\r\nContent-Length: 500\r\n\r\n",
        LOGIN + JSON + b"Transfer-Encoding: CHUNKED\r\nContent-Length: 0\r\n\r\n",
        LOGIN.replace(b"1.1", b"1.0") + CHUNKED,
        LOGIN + JSON + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        LOGIN + JSON + b"Transfer-Encoding: chunked, chunked\r\n\r\n",
        LOGIN + JSON + b"Transfer-Encoding: gzip\r\n\r\n",
    ],
)
def test_a_request_whose_end_two_servers_may_see_at_two_places_is_refused_and_is_the_last(
    served: Served, caplog: pytest.LogCaptureFixture, head: bytes
) -> None:
    with connected(served.base_url) as peer:
        peer.sendall(head + SMUGGLED)
        answer = receive(peer)
        assert (answer.status, json.loads(answer.body), answer.headers["connection"]) == (400, MALFORMED, "close")
        assert peer.recv(1) == b""
    assert [line["status"] for line in logged(caplog, served)] == [400]


@pytest.mark.parametrize(
    ("head", "status", "pieces"),
    [
        (LOGIN + JSON + b"Transfer-Encoding: chunked\r\nContent-Length: 500\r\n\r\n0\r\n\r\n", 400, 65_536),
        (PROFILE[:-2] + b"Connection: close\r\nContent-Length: 8000\r\n\r\n", 401, 1_000),
    ],
    ids=["ambiguous", "not read"],
)
def test_an_answer_that_ends_the_connection_arrives_although_the_body_still_does(
    served: Served, head: bytes, status: int, pieces: int
) -> None:
    with connected(served.base_url) as peer:
        peer.sendall(head)
        answer = receive(peer, "/users/profile", method="GET") if status == 401 else receive(peer)
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        # A closed connection would answer these with a reset, which discards what its peer has not read.
        for _ in range(8):
            peer.sendall(b"x" * pieces)
        assert peer.recv(1) == b""


def test_a_method_of_any_length_is_a_short_line_of_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    assert answer_to(served, b"X" * 10_000 + b" /api/v1/auth/login HTTP/1.1\r\n" + JSON + b"\r\n").status == 405
    assert answer_to(served, b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\n" + JSON + b"\r\n").status == 404
    assert [(line["method"], line["route"]) for line in logged(caplog, served)] == [
        ("X" * 16, "/api/v1/auth/login"), ("GET", "")
    ]  # fmt: skip
