"""What `FakeAuthServer` needs beside the login: operations of a test's own, and an address for other processes."""

from __future__ import annotations

import difflib
import json
import re
import threading
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    Handle = Callable[[httpx.Request], httpx.Response]

_PATIENCE = 10  # seconds


class Route(NamedTuple):
    """One operation of a test's own."""

    name: str
    method: str
    path: str  # below the base URL, as "/orders/{id}"
    signed_in: bool
    response: Callable[[], httpx.Response]

    def matches(self, request: httpx.Request, base: httpx.URL) -> bool:
        """Say whether a request is this operation's."""
        pattern = "[^/]+".join(map(re.escape, re.split(r"\{[^}/]*\}", self.path)))
        path = request.url.path.removeprefix(base.path)
        same = request.url.host == base.host and request.method == self.method
        return same and re.fullmatch(pattern, path) is not None


def demand_name(name: str, names: Iterable[str], kind: str) -> None:
    """Refuse a name that is none of these, with the list."""
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no {kind} {name!r}.{hint} There are: {', '.join(sorted(names))}.")


def document(path: Path) -> Any:
    """Return a spec in JSON or YAML."""
    if path.suffix == ".json":
        return json.loads(path.read_bytes())
    import yaml  # with the extra `testing`

    return yaml.safe_load(path.read_bytes())


@contextmanager
def listening(handle: Handle, base: httpx.URL, tls: ssl.SSLContext | None) -> Iterator[str]:
    """Serve what `handle` answers on a free loopback port, and give the base URL there."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, handle, base))
    http.daemon_threads = True
    if tls is not None:  # the handshake is part of the first read, in the thread of the connection
        http.socket = tls.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{http.server_address[1]}{base.path}"
    finally:
        http.shutdown()
        http.server_close()
        thread.join(_PATIENCE)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, handle: Handle, base: httpx.URL, *arguments: Any) -> None:
        self._handle, self._base = handle, base
        super().__init__(*arguments)

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        url = f"{self._base.scheme}://{self._base.netloc.decode()}{self.path}"
        request = httpx.Request(self.command, url, headers=dict(self.headers), content=body)
        self.close_connection = True
        with suppress(httpx.TransportError, OSError):  # a fault of the network, or a client that was killed
            answer = self._handle(request)
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
