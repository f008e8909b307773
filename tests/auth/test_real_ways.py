"""Calls and refreshes on real ways to a server: client certificates, tunnels, HTTP/2, servers that hang up."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import h2.config
import h2.connection
import h2.events
import httpx
import pytest
from signedin import APIConnectionError, AsyncClient, Client, TokenPair

from tests.auth.certificates import certificate
from tests.auth.loopback import Loopback, loopback
from tests.auth.talking import talking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from signedin.testing import FakeAuthServer

    from tests.auth.driving import Drive, Server
    from tests.auth.talking import Talk

pytestmark = pytest.mark.anyio
ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}
PROFILE = b'{"id":"1","email":"ada@example.com","createdAt":"2026-01-02T03:04:05Z","updatedAt":"2026-01-02T03:04:05Z"}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(PROFILE), PROFILE)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One certificate for all: the authority, the server and the client."""
    return certificate(tmp_path_factory.mktemp("tls"), host="127.0.0.1", begins=0)


def _server_tls(identity: Path, *protocols: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    context.load_verify_locations(identity)
    context.set_alpn_protocols(list(protocols or ("http/1.1",)))
    return context


@pytest.fixture(scope="module")
def strict(identity: Path) -> Iterator[Loopback]:
    """A fake server that talks only to who shows a certificate."""
    tls = _server_tls(identity)
    tls.verify_mode = ssl.CERT_REQUIRED
    with loopback(tls) as served:
        yield served


@asynccontextmanager
async def _client(drive: Drive, url: str, **options: Any) -> AsyncIterator[Any]:
    client: Any = (AsyncClient if drive.is_async else Client)(url, **options)
    client.session.sign_in(TokenPair("a", "r"))
    try:
        yield client
    finally:
        await drive.close(client)


async def _use(drive: Drive, client: Any, fake: FakeAuthServer) -> None:
    """Call with a token that has expired, refresh, and call again."""
    client.session.sign_in(fake.issue())
    fake.expire_access_tokens()
    assert (await drive(client.users.get_profile)).email == "ada@example.com"


def _relay(served: list[str]) -> Talk:
    """A proxy: tunnels by CONNECT, or by SOCKS 5 without authentication (RFC 1928)."""

    def talk(near: socket.socket, _: threading.Event) -> None:
        if (greeting := near.recv(4096))[:1] == b"\5":
            near.sendall(b"\5\0")
            request = near.recv(4096)
            served.append("socks")
            host, port = socket.inet_ntoa(request[4:8]), int.from_bytes(request[8:10], "big")
            granted = b"\5\0\0\1" + bytes(6)
        else:
            served.append("http")
            host, number = greeting.split()[1].decode().split(":")
            port, granted = int(number), b"HTTP/1.1 200 Connected\r\n\r\n"
        with socket.create_connection((host, port)) as far:
            near.sendall(granted)
            back = threading.Thread(target=_copy, args=(far, near), daemon=True)
            back.start()
            _copy(near, far)
            back.join(5)

    return talk


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("by", ["nothing", "argument http", "argument socks5h", "HTTPS_PROXY http", "ALL_PROXY socks5"])
async def test_calls_and_refreshes_show_the_certificate_and_take_the_tunnel(
    drive: Drive, strict: Loopback, identity: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    served: list[str] = []
    with talking(_relay(served), reads=False) as address:
        source, _, scheme = by.partition(" ")
        options: dict[str, Any] = {"verify": str(identity), "cert": str(identity)}
        if source == "argument":
            options["proxy"] = address.replace("http", scheme)
        elif scheme:
            monkeypatch.setenv(source, address.replace("http", scheme))
        async with _client(drive, strict.base_url, **options) as client:
            await _use(drive, client, strict.fake)
    assert len(served) == (3 if scheme else 0)  # the server closes each connection
    assert set(served) <= {scheme.removesuffix("5").removesuffix("5h")}


async def test_without_the_certificate_nothing_is_served(drive: Drive, strict: Loopback, identity: Path) -> None:
    before = dict(strict.fake.ledger)
    async with _client(drive, strict.base_url, verify=str(identity), max_retries=0, trust_env=False) as client:
        with pytest.raises(APIConnectionError):
            await drive(client.users.get_profile)
    assert dict(strict.fake.ledger) == before


def _speaking_http2(identity: Path, fake: FakeAuthServer, opened: list[int]) -> Talk:
    context = _server_tls(identity, "h2", "http/1.1")

    def talk(connection: socket.socket, _: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            opened.append(1)
            _serve_http2(tls, fake)

    return talk


def _serve_http2(tls: ssl.SSLSocket, fake: FakeAuthServer) -> None:
    http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    http2.initiate_connection()
    requests: dict[int, dict[str, str]] = {}
    while True:
        tls.sendall(http2.data_to_send())
        if not (received := tls.recv(65536)):
            return
        for event in http2.receive_data(received):
            if isinstance(event, h2.events.RequestReceived):
                requests[event.stream_id] = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h2.events.StreamEnded):
                head = requests.pop(event.stream_id)
                url, headers = f"https://auth.test{head[':path']}", {"authorization": head["authorization"]}
                answer = fake.transport.handle_request(httpx.Request(head[":method"], url, headers=headers))
                fields = [(":status", str(answer.status_code)), ("content-type", "application/json")]
                http2.send_headers(event.stream_id, fields)
                http2.send_data(event.stream_id, answer.read(), end_stream=True)


@pytest.mark.usefixtures("exchange")
async def test_over_http2_tasks_share_a_connection(drive: Drive, server: Server, identity: Path) -> None:
    opened: list[int] = []
    with talking(_speaking_http2(identity, server, opened), reads=False) as address:
        url = f"{address.replace('http', 'https')}/api/v1"
        async with _client(drive, url, verify=str(identity), http2=True, clock=server.clock) as client:
            client.session.sign_in(server.issue())
            answer = await drive(client.with_raw_response.users.get_profile)
            assert answer.http_response.http_version == "HTTP/2"
            profiles = await drive.outcomes(client.users.get_profile, 20)
    assert {profile.email for profile in profiles} == {"ada@example.com"}
    assert len(opened) == 1 or not drive.is_async


@pytest.mark.usefixtures("exchange")
async def test_a_connection_that_ends_just_as_it_is_taken_costs_one_more_get_and_no_second_post(drive: Drive) -> None:
    received: list[bytes] = []

    def talk(connection: socket.socket, _: threading.Event) -> None:
        received.append(connection.recv(65536)[:4])
        connection.sendall(ANSWER)
        received.append(connection.recv(65536)[:4])  # and no answer

    with talking(talk, reads=False) as url:
        async with _client(drive, url, limits=httpx.Limits(max_connections=1)) as client:
            for _ in range(2):
                await drive(client.users.get_profile)
            assert received == [b"GET "] * 3
            with pytest.raises(APIConnectionError, match="unknown"):
                await drive(client.auth.login, **ADA)
            assert received == [b"GET "] * 3 + [b"POST"]


@pytest.mark.usefixtures("exchange")
async def test_a_connection_that_has_ended_while_idle_is_not_used(drive: Drive) -> None:
    closed = threading.Semaphore(0)

    def talk(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(ANSWER)
        connection.close()
        closed.release()

    with talking(talk) as url:
        async with _client(drive, url, limits=httpx.Limits(max_connections=1), max_retries=0) as client:
            for _ in range(3):
                await drive(client.users.get_profile)
                assert await drive.aside(lambda: closed.acquire(timeout=10))
