"""The fake auth server behind a real socket, and real child processes that use it."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import httpx
from signedin.testing import FakeAuthServer, VirtualClock

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

PATIENCE = 30  # seconds; a child takes one


class Loopback:
    """A fake server with an address; its clock starts at the machine's own time."""

    def __init__(self, origin: str) -> None:
        self.fake = FakeAuthServer(clock=VirtualClock(time.time()))
        self.fake.add_user()
        self.base_url = f"{origin}/api/v1"


@contextmanager
def loopback(tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """Serve a fake server on a free loopback port."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.daemon_threads = True
    if tls is not None:  # the handshake is part of the first read, in the thread of the connection
        http.socket = tls.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    served = Loopback(f"http{'s' if tls else ''}://127.0.0.1:{http.server_address[1]}")
    _Handler.served[http.server_address[1]] = served
    thread = Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        http.shutdown()
        http.server_close()
        thread.join(PATIENCE)


class _Handler(BaseHTTPRequestHandler):
    served: dict[int, Loopback] = {}  # noqa: RUF012 -- by port
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        fake = self.served[self.server.server_address[1]].fake  # type: ignore[index]
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        request = httpx.Request(self.command, f"https://auth.test{self.path}", headers=dict(self.headers), content=body)
        self.close_connection = True
        with suppress(httpx.TransportError, OSError):  # a fault of the network, or a client that was killed
            answer = fake.transport.handle_request(request)
            content = answer.read()
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers.get("content-type", "application/json"))
            self.send_header("content-length", str(len(content)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815 -- the names that the standard library asks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Child:
    """A Python program of its own."""

    def __init__(self, program: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)

    def output(self) -> str:
        """Wait for its end and return what it printed; fail if it failed."""
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == 0, err
        assert err == "", err
        return out.strip()


@contextmanager
def child(program: str, *arguments: object) -> Iterator[Child]:
    """Start a program, and see that it ends with the test."""
    started = Child(program, *arguments)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.kill()
        for stream in (started.process.stdout, started.process.stderr):
            if stream is not None:
                stream.close()
