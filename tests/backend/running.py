"""The backend in a thread of this process, over real HTTP, with a clock that tests turn; every answer is checked.

Clients come from `checked`, raw answers from `receive`; `test_every_answer_is_checked.py` allows nothing else.
"""

import asyncio
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from signedin_backend import Settings, create_app
from signedin_backend.logs import JsonLines
from signedin_backend.protocol import Protocol
from sqlalchemy import create_engine, text
from starlette.applications import Starlette

from tests.contract import check_httpx, check_response

KEY = b"WUQ5nBTxQ2LjZsJ6PqJZw6I642XqLPoD9U0wz2S6hZB9o0gI"
PASSWORD = "correct horse battery staple"
T = TypeVar("T")
# No loopback server of ours speaks TLS, and a context for each client would read the CA bundle each time.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def checked(base_url: str = "", **options: Any) -> httpx.Client:
    """Return a client whose every answer is checked against `openapi.yaml`."""
    return httpx.Client(
        base_url=base_url, event_hooks={"response": [check_httpx]}, **{"timeout": 60, "verify": _NO_TLS, **options}
    )


def ask(url: str, *, method: str = "GET", **options: Any) -> httpx.Response:
    """Ask what stands beside the contract: `/healthz`, `/readyz`, the ledger, a browser's preflight.

    A refusal is checked all the same.
    """
    with httpx.Client(verify=_NO_TLS, timeout=60) as client:
        answer = client.request(method, url, **options)
    if answer.is_error:
        check_httpx(answer)
    return answer


@dataclass(frozen=True)
class Received:
    """An answer that came over a bare socket."""

    status: int
    headers: dict[str, str]
    body: bytes


def receive(peer: socket.socket, path: str = "/auth/login", *, method: str = "POST") -> Received:
    """Read one answer, and check it."""
    answer = http.client.HTTPResponse(peer)
    answer.begin()
    received = Received(answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read())
    check_response(method, path, received.status, received.headers, received.body)
    return received


def connected(base_url: str) -> socket.socket:
    """Open a bare connection to a backend; close it."""
    where = urlsplit(base_url)
    return socket.create_connection((where.hostname, where.port), 20)


@contextmanager
def body_awaited(base_url: str, path: str, length: int) -> Iterator[socket.socket]:
    """Begin a request, and keep its body back where the operation reads it."""
    with connected(base_url) as peer:
        head = f"POST /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        peer.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode())
        # Only an operation that reads its body causes this line: the request is under way.
        assert peer.recv(1000).startswith(b"HTTP/1.1 100 ")
        yield peer


def lines(caplog: pytest.LogCaptureFixture, event: str | None = None) -> list[dict[str, Any]]:
    """Return the lines that the log of this test has, or those of one event."""
    logged = [json.loads(JsonLines().format(record)) for record in caplog.records]
    return [line for line in logged if event in {None, line["event"]}]


class Clock:
    """Seconds since 1970, moved by hand; starts at a whole second so that lifetimes are exact."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@dataclass(frozen=True)
class Served:
    """A running backend and a client whose every answer is checked against the contract."""

    app: Starlette
    settings: Settings
    clock: Clock
    client: httpx.Client
    base_url: str

    def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        """Send JSON; `idempotency_key="x"` becomes the header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, json=body, headers=named)

    def register(self, email: str = "ada@example.com", password: str = PASSWORD) -> httpx.Response:
        """Create an account."""
        return self.post("/auth/register", {"email": email, "password": password})

    def login(self, email: str = "ada@example.com", password: str = PASSWORD) -> httpx.Response:
        """Sign in."""
        return self.post("/auth/login", {"email": email, "password": password})

    def pair(self, email: str = "ada@example.com") -> dict[str, str]:
        """Return the pair of a new account."""
        made: dict[str, str] = self.register(email).raise_for_status().json()
        return made

    def refresh(self, token: str, **headers: str) -> httpx.Response:
        """Present a refresh token."""
        return self.post("/auth/refreshToken", {"refreshToken": token}, **headers)

    def logout(self, token: str) -> httpx.Response:
        """End the session of a refresh token."""
        return self.post("/auth/logout", {"refreshToken": token})

    def profile(self, token: str) -> httpx.Response:
        """Read the user that an access token speaks for."""
        return self.client.get("/users/profile", headers={"Authorization": f"Bearer {token}"})

    def beside(self, path: str, **options: Any) -> httpx.Response:
        """GET a path that is no operation of the contract."""
        return ask(self.base_url.removesuffix("/api/v1") + path, **options)

    def rows(self, statement: str) -> list[Any]:
        """Look into the database past the backend."""
        return rows(self.settings.database, statement)


Serve = Callable[..., Served]


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[Served]:
    # The hash is the subject of its own tests; here it only costs time.
    cheap = {"hash_memory": 8, "hash_passes": 1, "rate_limit": False, "jwt_key": KEY}
    settings = Settings(**{"database": f"sqlite:///{folder / 'backend.sqlite3'}", **cheap, **options})
    clock = Clock()
    app = create_app(settings, clock=clock)
    config = uvicorn.Config(
        # As the program does, longer than the slowest test lets a connection lie idle.
        app, log_config=None, access_log=False, ws="none", http=Protocol, timeout_keep_alive=75
    )  # fmt: skip
    server = Server(config)
    with socket.create_server(("127.0.0.1", 0)) as bound, server.running(bound):
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        base_url = f"http://127.0.0.1:{bound.getsockname()[1]}/api/v1"
        with checked(base_url) as client:
            yield Served(app, settings, clock, client, base_url)


@contextmanager
def impatient(served: Served) -> Iterator[tuple["Server", socket.socket]]:
    """Connect to a server of this backend's that lets a connection be idle for one second."""
    config = uvicorn.Config(served.app, http=Protocol, ws="none", log_config=None, lifespan="off", timeout_keep_alive=1)
    server = Server(config)
    with (
        socket.create_server(("127.0.0.1", 0)) as bound,
        server.running(bound),
        socket.create_connection(bound.getsockname(), 20) as peer,
    ):
        yield server, peer


class Server(uvicorn.Server):
    """A server in a thread that stops at once: uvicorn's own rests add up to minutes over a thousand tests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up: Future[Callable[[], object]] = Future()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start."""
        await super().startup(sockets)
        await self.on_tick(0)

    async def main_loop(self) -> None:
        """Say how to stop it, and wait for that."""
        stop = asyncio.Event()
        self.up.set_result(partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set))
        await stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what listens and what lies idle, let requests end, and the application."""
        for server in self.servers:
            server.close()
        for bound in sockets or []:
            bound.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections:  # noqa: ASYNC110  # nothing tells when
            await asyncio.sleep(0.001)
        await self.lifespan.shutdown()

    @contextmanager
    def running(self, bound: socket.socket) -> Iterator[None]:
        """Run until the block ends."""
        thread = threading.Thread(target=self.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        stop = self.up.result(20)
        try:
            yield
        finally:
            stop()
            thread.join(20)


def rows(database: str, statement: str) -> list[Any]:
    """Run a statement on a database, past every backend; a writing one is committed."""
    engine = create_engine(database)
    with engine.begin() as connection:
        done = connection.execute(text(statement))
        returned = list(done) if done.returns_rows else []
    engine.dispose()
    return returned


def at_once(works: Sequence[Callable[[], T]]) -> list[T]:
    """Run all of them in threads of their own that start together."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        barrier.wait(20)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works, timeout=60))


def wide(text: str) -> str:
    """Return the full-width look-alikes of ASCII letters."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


def warm(base_url: str, headers: dict[str, str] | None = None) -> httpx.Client:
    """Return a checked client whose connection is open already; close it."""
    client = checked(base_url, headers=headers)
    client.get("/users/profile")
    return client
