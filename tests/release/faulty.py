"""An index that answers as a test says, and writes down who came with which credentials."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final, NamedTuple

# The path in; the status, the Location of a redirect, and the body out. None: the connection is cut.
Answer = Callable[[str], tuple[int, str, bytes] | None]
OK: Final = 200


class Faulty(NamedTuple):
    """Where it listens; `requests` holds a method, a path and the Authorization of each request."""

    root: str
    requests: list[tuple[str, str, str | None]]


@contextmanager
def faulty(answer: Answer) -> Iterator[Faulty]:
    """Serve on a port of its own, which makes an origin of its own."""
    requests: list[tuple[str, str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            requests.append((self.command, self.path, self.headers.get("Authorization")))
            if (scripted := answer(self.path)) is None:
                return
            status, location, body = scripted
            self.send_response(status)
            self.send_header("Location", location) if location else None
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  (http.server's name)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Faulty(f"http://127.0.0.1:{server.server_port}", requests)
        finally:
            server.shutdown()
