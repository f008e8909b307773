"""A server on a loopback socket that counts its connections, and clients over connections of ours, in every colour."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import asynccontextmanager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx
from signedin._connections import AsyncConnections, Connections
from signedin._network import ConnectionOptions

from tests.auth.driving import PATIENCE

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.auth.driving import Drive


class Counting(ThreadingHTTPServer):
    """Answers each request with the number of its connection; one to /held/<name> when that is released."""

    request_queue_size = 1024
    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server_port}"
        self.tls = tls
        self.seen: list[str] = []  # paths
        self.proxied: list[str] = []  # absolute addresses, and those of CONNECT
        self.open: set[int] = set()  # connections, by number; guarded by the condition
        self.total = 0
        self.changed = threading.Condition()
        self.gates: defaultdict[str, threading.Event] = defaultdict(threading.Event)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self.tls is not None:  # its handshake is part of the first read, in the thread of the connection
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def release(self, name: str) -> None:
        self.gates[name].set()

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Return when it is true of what the server has seen; fail after a while."""
        with self.changed:
            assert self.changed.wait_for(true, PATIENCE)

    def handle_error(self, *_: object) -> None:
        """Say nothing of connections that were reset."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Counting

    def setup(self) -> None:
        with self.server.changed:
            self.server.total += 1
            self.number = self.server.total
            self.server.open.add(self.number)
            self.server.changed.notify_all()
        super().setup()

    def handle(self) -> None:
        try:
            with suppress(OSError):
                super().handle()
        finally:
            with self.server.changed:
                self.server.open.discard(self.number)
                self.server.changed.notify_all()

    def _answer(self) -> None:
        with self.server.changed:
            (self.server.seen if self.path.startswith("/") else self.server.proxied).append(self.path)
            self.server.changed.notify_all()
        self.rfile.read(int(self.headers.get("content-length", "0")))
        content = str(self.number).encode()
        self.send_response(403 if self.command == "CONNECT" else 200)
        self.send_header("content-length", str(len(content)))
        self.send_header("set-cookie", "left=behind")
        self.send_header("x-echo", self.headers.get("x-echo", ""))
        if "/held/" in self.path:
            assert self.server.gates[self.path.rpartition("/")[2]].wait(PATIENCE)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_CONNECT = _answer  # noqa: N815 -- the names that the standard library asks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def counting(tls: ssl.SSLContext | None = None) -> Iterator[Counting]:
    """Serve on a free loopback port."""
    server = Counting(tls)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        for gate in server.gates.values():
            gate.set()
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


class Connected:
    """An httpx client of one colour with nothing of ours but its connections."""

    def __init__(self, drive: Drive, options: ConnectionOptions, **arguments: Any) -> None:
        self._drive = drive
        kind: Any = AsyncConnections if drive.is_async else Connections
        self.connections = kind(options, **arguments)
        self.http: Any = (httpx.AsyncClient if drive.is_async else httpx.Client)(
            transport=self.connections, timeout=httpx.Timeout(PATIENCE, pool=None)
        )

    @property
    def stack(self) -> Any:
        if isinstance(self.connections, AsyncConnections):
            [stack] = self.connections._stacks.values()
            return stack
        return self.connections._stack

    @property
    def waiting(self) -> int:
        return len(self.stack._waiting)

    async def close(self) -> None:
        await self._drive(self.http.aclose if self._drive.is_async else self.http.close)

    async def close_response(self, response: Any) -> None:
        await self._drive(response.aclose if self._drive.is_async else response.close)


@asynccontextmanager
async def connected(drive: Drive, limits: httpx.Limits | None = None, **arguments: Any) -> AsyncIterator[Connected]:
    """Open a client of this colour."""
    options = ConnectionOptions() if limits is None else ConnectionOptions(limits=limits)
    client = Connected(drive, options, **arguments)
    try:
        yield client
    finally:
        with anyio.CancelScope(shield=True):
            await client.close()


async def until(true: Callable[[], bool]) -> None:
    """Let the others run until it is true; fail after a while."""
    with anyio.fail_after(PATIENCE):
        while not true():
            await anyio.lowlevel.checkpoint()
