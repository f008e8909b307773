"""The fault server of the table: `FakeAuthServer`'s rules behind real sockets, in real time, and a foreign origin.

Two dialects of one server: the contract of openapi.yaml, and an OAuth 2.0 token endpoint (form-encoded, `expires_in`)
for peers that speak only that. A peer without an Idempotency-Key gets one here, so that the grace is the same for all.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Literal, Self, cast
from urllib.parse import parse_qs, urlsplit

import httpx
from signedin.testing import FakeAuthServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin import TokenPair
    from signedin.testing import VirtualClock

TTL: Final = 3600  # seconds; some peers refresh five minutes before the end
# What a proxy, a cache or a strange server may do to an answer that is otherwise right.
Spoiling = Literal["created", "gzip", "drip", "another user"]
_BASE: Final = "/api/v1"
_DRIP: Final = 0.25  # seconds between two bytes
_LOST: Final = 30.0  # seconds for which an answer that never comes keeps its connection


class RealClock:
    """The machine's time where the fake server expects a virtual one."""

    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


@dataclass(slots=True)
class Site:
    """A running fault server; `fake` has its rules, its faults and its ledger."""

    strict: bool = False
    ttl: int = TTL
    skew: float = 0.0
    fake: FakeAuthServer = field(init=False)
    seen: Counter[str] = field(default_factory=Counter)  # what arrived at the foreign origin and in echoes
    bodies: list[bytes] = field(default_factory=list)  # of requests that were accepted
    delays: dict[str, float] = field(default_factory=dict)  # seconds by the last part of the path
    on_the_way: deque[Spoiling] = field(default_factory=deque)  # what happens to the next answers to a refresh
    refreshed_at: list[float] = field(default_factory=list)  # when refreshes arrived, by the monotonic clock
    _servers: list[ThreadingHTTPServer] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = cast("VirtualClock", RealClock())
        grace = None if self.strict else 5
        self.fake = FakeAuthServer(access_ttl=self.ttl, grace=grace, skew=self.skew, clock=clock)

    def __enter__(self) -> Self:
        self._servers = [self._serve(handler) for handler in (_Home, _Foreign)]
        return self

    def _serve(self, handler: type[BaseHTTPRequestHandler], port: int = 0) -> ThreadingHTTPServer:
        server = _Server(("127.0.0.1", port), handler)
        server.site = self
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def go_away(self) -> Callable[[], None]:
        """Refuse connections from now on; return what ends that, on the same port."""
        port = self._servers[0].server_address[1]
        self._servers[0].shutdown()
        self._servers[0].server_close()

        def come_back() -> None:
            self._servers[0] = self._serve(_Home, port)

        return come_back

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @property
    def base_url(self) -> str:
        return f"{self._origin(0)}{_BASE}"

    @property
    def token_url(self) -> str:
        """The OAuth 2.0 token endpoint."""
        return f"{self._origin(0)}/oauth/token"

    @property
    def foreign_url(self) -> str:
        """Another origin; it answers 401 `TokenExpiredError` to everything."""
        return f"{self._origin(1)}/take"

    def _origin(self, number: int) -> str:
        return f"http://127.0.0.1:{self._servers[number].server_address[1]}"

    def pair(self, email: str = "ada@example.com", *, expired: bool = False) -> TokenPair:
        """Return a pair as if signed in just now, or so long ago that its access token has expired."""
        skew, self.fake.skew = self.fake.skew, self.fake.skew - (2 * self.ttl if expired else 0)
        try:
            return self.fake.issue(email)
        finally:
            self.fake.skew = skew

    @property
    def refreshes(self) -> int:
        """How many refreshes arrived, refused and repeated ones too."""
        return self.fake.ledger["refreshToken"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    site: Site

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that clients gave up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Be quiet."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    @property
    def site(self) -> Site:
        return cast("_Server", self.server).site

    def _serve(self) -> None:
        raise NotImplementedError

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Foreign(_Handler):
    """Another origin: counts what it received."""

    def _serve(self) -> None:
        body = self._body()
        self.site.seen["foreign requests"] += 1
        self.site.seen["foreign tokens"] += "authorization" in self.headers
        self.site.seen["foreign bodies"] += bool(body)
        self._answer(401, b'{"message": "TokenExpiredError", "stack": ""}')


class _Home(_Handler):
    """The server itself."""

    def _serve(self) -> None:
        body, url = self._body(), urlsplit(self.path)
        try:
            if url.path == "/oauth/token":
                self._token(parse_qs(body.decode()))
            else:
                self._call(url.path, body)
        except httpx.TransportError as error:
            self._break(lost="timeout" in str(error).lower())

    def _call(self, path: str, body: bytes) -> None:
        headers = dict(self.headers)
        if path.endswith("/refreshToken") and "idempotency-key" not in self.headers:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                headers["idempotency-key"] = _name(json.loads(body)["refreshToken"])
        answer = self._ask(self.command, path, headers, body)
        name = path.rpartition("/")[2]
        if answer.status_code == 200:
            if name in {"upload", "order"}:
                self.site.bodies.append(body)
            special = {
                "forbidden": (403, "Forbidden"),
                "other": (401, "This action needs another scope."),
                "always": (401, "TokenExpiredError"),
            }.get(name)
            if special:
                answer = httpx.Response(special[0], json={"message": special[1], "stack": ""})
            if name == "away":
                answer = httpx.Response(307, headers={"location": self.site.foreign_url})
        time.sleep(self.site.delays.get(name, 0.0))
        headers = {k: v for k, v in answer.headers.items() if k in {"content-type", "location", "retry-after"}}
        if name == "refreshToken":
            self._refreshed(answer, answer.content, headers)
        else:
            self._answer(answer.status_code, answer.content, headers)

    def _token(self, form: dict[str, list[str]]) -> None:
        """RFC 6749, sections 4.3 and 6, on top of the same rules and faults."""
        fields = {name: values[0] for name, values in form.items()}
        if fields.get("grant_type") == "password":
            self.site.seen["password logins"] += 1
            pair = self.site.fake.issue(fields["username"])
            self._answer(200, self._oauth({"accessToken": pair.access_token, "refreshToken": pair.refresh_token}))
            return
        token = fields.get("refresh_token", "")
        headers = {"idempotency-key": _name(token), "content-type": "application/json"}
        body = json.dumps({"refreshToken": token}).encode()
        answer = self._ask("POST", f"{_BASE}/auth/refreshToken", headers, body)
        time.sleep(self.site.delays.get("refreshToken", 0.0))
        if answer.status_code == 401 and b"TokenExpiredError" not in answer.content:
            self._answer(400, b'{"error": "invalid_grant"}')
            return
        try:
            content = self._oauth(answer.json())
        except ValueError:
            content = answer.content
        headers = {k: v for k, v in answer.headers.items() if k in {"location", "retry-after"}}
        self._refreshed(answer, content, headers)

    def _refreshed(self, answer: httpx.Response, content: bytes, headers: dict[str, str]) -> None:
        """Answer a refresh, with what happens to the answer on its way."""
        if "location" in headers:
            headers["location"] = self.site.foreign_url
        spoiling = self.site.on_the_way.popleft() if self.site.on_the_way and answer.status_code == 200 else None
        if spoiling == "gzip":
            self._answer(200, gzip.compress(content), {**headers, "content-encoding": "gzip"})
        elif spoiling == "drip":
            self._drip(content)
        elif spoiling == "another user":
            bob = self.site.pair("bob@example.com")
            for mine, his in zip(answer.json().values(), (bob.access_token, bob.refresh_token or ""), strict=True):
                content = content.replace(mine.encode(), his.encode())
            self._answer(200, content, headers)
        else:
            self._answer(201 if spoiling == "created" else answer.status_code, content, headers)

    def _drip(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(OSError):
            for byte in content:
                self.wfile.write(bytes([byte]))
                time.sleep(_DRIP)
        self.close_connection = True

    def _oauth(self, body: Any) -> bytes:
        names = {"accessToken": "access_token", "refreshToken": "refresh_token"}
        if not isinstance(body, dict) or "message" in body:
            return json.dumps(body).encode()
        translated = {names.get(name, name): value for name, value in body.items()}
        return json.dumps({**translated, "token_type": "Bearer", "expires_in": self.site.ttl}).encode()

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        if path.endswith("/refreshToken"):
            self.site.refreshed_at.append(time.monotonic())
        headers = {k: v for k, v in headers.items() if k.lower() not in {"content-length", "transfer-encoding", "host"}}
        request = httpx.Request(method, f"https://auth.test{path}", headers=headers, content=body)
        return self.site.fake.transport.handle_request(request)

    def _break(self, *, lost: bool) -> None:
        self.close_connection = True
        if lost:  # no answer, ever; the client gives up first
            self.connection.settimeout(_LOST)
            with contextlib.suppress(OSError):
                self.connection.recv(1)


def _name(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:32]
