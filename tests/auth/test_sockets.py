"""The refresh on sockets that misbehave, at every stage of an exchange: each has its class."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import httpcore
import httpx
import pytest
from signedin.protocols import NotSent, Renewed, Unknown

from tests.auth.certificates import certificate
from tests.auth.talking import answer_of, resetting, saying, silent, talking

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from tests.auth.talking import Talk

TOKENS = b'{"access_token": "a", "refresh_token": "r"}'
OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = OK + b"content-length: 43\r\n\r\n" + TOKENS
BROKEN_ANSWERS = {
    "body shorter than its length": OK + b"content-length: 500\r\n\r\n" + TOKENS,
    "body longer than its length": OK + b"content-length: 20\r\n\r\n" + TOKENS,
    "two lengths": OK + b"content-length: 43\r\ncontent-length: 20\r\n\r\n" + TOKENS,
    "a length below zero": OK + b"content-length: -43\r\n\r\n" + TOKENS,
    "a chunk whose size is none": OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n" + TOKENS,
    "chunks without an end": OK + b"transfer-encoding: chunked\r\n\r\n2b\r\n" + TOKENS + b"\r\n",
    "an unknown transfer coding": OK + b"transfer-encoding: chocolate\r\n\r\n" + TOKENS,
    "headers without an end": OK + b"x: y\r\n",
    "headers of a megabyte": OK + b"x: " + b"y" * 1_000_000 + b"\r\n\r\n" + TOKENS,
    "a NUL in a header": OK + b"x: \0\r\n\r\n" + TOKENS,
    "a header without a name": OK + b": y\r\n\r\n" + TOKENS,
    "half a status line": b"HTTP/1.1 20",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n" + TOKENS,
    "an upgrade to another protocol": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
    "continue, and nothing after it": b"HTTP/1.1 100 Continue\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH\r\n",
    "bytes of TLS": b"\x15\x03\x01\x00\x02\x02\x16",
    "nothing at all": b"",
}
ODD_ANSWERS = {
    "continue first": b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE,
    "early hints first": b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + WHOLE,
    "no length, ended by closing": OK + b"\r\n" + TOKENS,
    "a version of the future": b"HTTP/9.9 200 OK\r\n\r\n" + TOKENS,
    "a version of the past": b"HTTP/1.0 200 OK\r\n\r\n" + TOKENS,
    "no reason": b"HTTP/1.1 200\r\ncontent-length: 43\r\n\r\n" + TOKENS,
    "a second answer behind the first": WHOLE + WHOLE,
}


@pytest.mark.parametrize("content", BROKEN_ANSWERS.values(), ids=BROKEN_ANSWERS)
def test_an_answer_that_is_broken_is_unknown(content: bytes) -> None:
    with talking(saying(content)) as url:
        assert isinstance(answer_of(url), Unknown)


@pytest.mark.parametrize("content", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_an_answer_that_is_odd_and_whole_is_taken(content: bytes) -> None:
    with talking(saying(content)) as url:
        assert isinstance(answer_of(url), Renewed)


STAGES = {"start": b"", "head": OK, "body": OK + b"content-length: 500\r\n\r\n" + TOKENS}


def _half_closing(content: bytes) -> Talk:
    def talk(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        stop.wait(20)

    return talk


@pytest.mark.parametrize("content", STAGES.values(), ids=STAGES)
def test_a_server_that_half_closes_is_unknown(content: bytes) -> None:
    with talking(_half_closing(content)) as url:
        assert isinstance(answer_of(url), Unknown)


@pytest.mark.parametrize("content", STAGES.values(), ids=STAGES)
def test_a_reset_after_the_request_is_unknown(content: bytes) -> None:
    with talking(resetting(content)) as url:
        assert isinstance(answer_of(url), Unknown)


def test_a_reset_before_the_request_was_read_is_unknown() -> None:
    # Nobody can tell from here how much of it the server has read.
    def talk(connection: socket.socket, stop: threading.Event) -> None:
        connection.recv(1, socket.MSG_PEEK)
        resetting(b"")(connection, stop)

    with talking(talk, reads=False) as url:
        assert isinstance(answer_of(url), Unknown)


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "502 Bad Gateway", "504 Gateway Timeout"])
def test_a_proxy_that_opens_no_tunnel_means_not_sent(status: str) -> None:
    with talking(saying(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())) as proxy:
        assert isinstance(answer_of("https://auth.test", proxy=proxy), NotSent)


def test_a_proxy_that_never_answers_means_not_sent() -> None:
    with talking(silent) as proxy:
        assert isinstance(answer_of("https://auth.test", timeout=0.7, proxy=proxy), NotSent)


def test_a_proxy_whose_answer_httpx_gives_up_first_means_not_sent() -> None:
    class Tunnel(httpx.BaseTransport):
        sends = False

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            trace = request.extensions["trace"]
            trace("connection.connect_tcp.started", {})
            trace("http11.send_request_headers.started", {"request": httpcore.Request("CONNECT", "https://auth.test")})
            if self.sends:
                trace("http11.send_request_headers.started", {"request": request})
            raise httpx.ReadTimeout("timed out")

    tunnel = Tunnel()
    assert isinstance(answer_of("https://auth.test", transport=tunnel), NotSent)
    tunnel.sends = True
    assert answer_of("https://auth.test", transport=tunnel) == Unknown("no answer from auth.test (ReadTimeout)")


def test_a_proxy_that_is_not_there_means_not_sent() -> None:
    with talking(silent) as proxy:
        pass
    assert isinstance(answer_of("https://auth.test", proxy=proxy), NotSent)


@pytest.mark.parametrize(
    "talk", [saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), saying(b""), resetting(b""), silent],
    ids=["plain http", "closes", "resets", "silent"],
)  # fmt: skip
def test_a_handshake_that_fails_means_not_sent(talk: Talk) -> None:
    with talking(talk) as url:
        assert isinstance(answer_of(url.replace("http:", "https:"), timeout=0.7), NotSent)


@pytest.mark.parametrize("flaw", ["issued by itself", "for another host", "run out", "not valid yet"])
def test_a_certificate_with_a_flaw_means_not_sent(flaw: str, tmp_path: Path) -> None:
    begins = {"run out": -2, "not valid yet": 2}.get(flaw, 0)
    file = certificate(tmp_path, host="127.0.0.2" if flaw == "for another host" else "127.0.0.1", begins=begins)
    verify = ssl.create_default_context(cafile=None if flaw == "issued by itself" else file)
    with talking(_behind_tls(file), reads=False) as url:
        assert isinstance(answer_of(url.replace("http:", "https:"), verify=verify), NotSent)


def test_a_certificate_without_a_flaw_is_taken(tmp_path: Path) -> None:
    file = certificate(tmp_path, host="127.0.0.1", begins=0)
    with talking(_behind_tls(file), reads=False) as url:
        verify = ssl.create_default_context(cafile=file)
        assert isinstance(answer_of(url.replace("http:", "https:"), verify=verify), Renewed)


def _behind_tls(file: Path) -> Talk:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def talk(connection: socket.socket, _: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            while not encrypted.recv(65536).endswith(b"}"):  # unread bytes would make closing a reset
                pass
            encrypted.sendall(WHOLE)

    return talk
