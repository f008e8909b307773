"""What `FakeAuthServer` answers beside the login, an address for other processes, and what a test asks it in a word."""

from __future__ import annotations

import difflib
import json as json_library
import os
import re
import threading
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from signedin.testing._examples import examples
from signedin.testing.faults import FAULTS

if TYPE_CHECKING:
    import ssl
    from collections import Counter
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from signedin.testing.transport import FakeTransport

    Handle = Callable[[httpx.Request], httpx.Response]

_PATIENCE = 10  # seconds


class Route(NamedTuple):
    """One operation of a test's own."""

    name: str
    method: str
    path: re.Pattern[str]
    signed_in: bool
    response: Callable[[], httpx.Response]


class Routes:
    """The part of `FakeAuthServer` that knows no tokens."""

    base_url: str
    ledger: Counter[str]
    seen: list[str]
    transport: FakeTransport
    refresh_operation = "refreshToken"
    revoke_operation = "logout"
    _own: list[Route]
    _refusal: Callable[[httpx.Request], httpx.Response | None]
    fail: Callable[..., None]

    @property
    def operations(self) -> list[str]:
        """The names that `fail`, `hold` and `ledger` know."""
        own = [route.name for route in self._own]
        return [
            "register",
            "login",
            self.refresh_operation,
            self.revoke_operation,
            "getProfile",
            "echo",
            "foreign",
            *own,
        ]

    def route(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        status: int = 200,
        signed_in: bool = True,
        name: str | None = None,
    ) -> None:
        """Answer one operation of your own API, by a path below the base URL such as "/orders/{id}".

        Without `json` the body is empty. `signed_in`: demand a valid access token, as the login's own operations do.
        Its name in `fail`, `hold` and `ledger` is `name`, or "GET /orders". The route that was added last wins.
        """
        pattern = re.compile("[^/]+".join(map(re.escape, re.split(r"\{[^}/]*\}", path))))
        body = {} if json is None else {"json": json}
        response = partial(httpx.Response, status, **body)
        self._own.insert(0, Route(name or f"{method.upper()} {path}", method.upper(), pattern, signed_in, response))

    def route_examples(self, spec: Mapping[str, Any] | str | os.PathLike[str]) -> None:
        """Answer every operation of a spec but the login's by its example: the document, or a JSON or YAML file."""
        document = _document(Path(spec)) if isinstance(spec, str | os.PathLike) else spec
        login = self.operations
        for one in examples(document):
            if one.name not in login:
                self.route(
                    one.method, one.path, json=one.json, status=one.status, signed_in=one.signed_in, name=one.name
                )

    def refuse_refresh(self) -> None:
        """Let the server refuse the next refresh: the session is over."""
        self.fail(self.refresh_operation, "401")

    def lose_answer(self, operation: str | None = None) -> None:
        """Let the server do the next request of an operation, the refresh by default, and its answer get lost."""
        self.fail(operation or self.refresh_operation, "lost read timeout")

    def assert_refreshes(self, count: int) -> None:
        """Fail unless so many refreshes have arrived."""
        if (arrived := self.ledger[self.refresh_operation]) != count:
            raise AssertionError(f"{arrived} refreshes arrived, not {count}. The server saw: {', '.join(self.seen)}")

    @contextmanager
    def listening(self, tls: ssl.SSLContext | None = None) -> Iterator[str]:
        """Listen on a free loopback port, for other processes, and give the base URL there; with `tls` by https.

        Their clocks are the machine's: give the server a `VirtualClock(time.time())`.
        """
        http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        http.daemon_threads = True
        if tls is not None:  # the handshake is part of the first read, in the thread of the connection
            http.socket = tls.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http{'s' if tls else ''}://127.0.0.1:{http.server_address[1]}{httpx.URL(self.base_url).path}"
        finally:
            http.shutdown()
            http.server_close()
            thread.join(_PATIENCE)

    def _own_route(self, request: httpx.Request) -> tuple[str, Handle] | None:
        base = httpx.URL(self.base_url)
        path = request.url.path.removeprefix(base.path)
        for route in self._own if request.url.host == base.host else ():
            if route.method == request.method and route.path.fullmatch(path):
                return route.name, partial(self._answer, route)
        return None

    def _answer(self, route: Route, request: httpx.Request) -> httpx.Response:
        return (self._refusal(request) if route.signed_in else None) or route.response()

    def _demand_names(self, operation: str, faults: Iterable[str]) -> None:
        _demand(operation, self.operations, "operation")
        for fault in faults:
            _demand(fault, FAULTS, "fault")


def _demand(name: str, names: Iterable[str], kind: str) -> None:
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no {kind} {name!r}.{hint} There are: {', '.join(sorted(names))}.")


def _document(path: Path) -> Any:
    if path.suffix == ".json":
        return json_library.loads(path.read_bytes())
    import yaml  # with the extra `testing`

    return yaml.safe_load(path.read_bytes())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, fake: Routes, *arguments: Any) -> None:
        self._fake = fake
        super().__init__(*arguments)

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        origin = str(httpx.URL(self._fake.base_url).copy_with(path="/")).rstrip("/")
        request = httpx.Request(self.command, f"{origin}{self.path}", headers=dict(self.headers), content=body)
        self.close_connection = True
        with suppress(httpx.TransportError, OSError):  # a fault of the network, or a client that was killed
            answer = self._fake.transport.handle_request(request)
            content = answer.read()
            self.send_response_only(answer.status_code)
            for name, value in answer.headers.multi_items():
                if name not in {"content-length", "content-encoding", "transfer-encoding"}:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(content)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = _answer  # noqa: N815 -- http.server's

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] -- called by position
        """Write nothing."""
