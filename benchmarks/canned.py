"""The server of `make bench`: answers without parsing, in a process of its own, so that it is never the bottleneck."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PROFILE: Final = (
    b'{"id":"5f0c9e0e-8f0e-4a51-9a3c-0d6f0f4b3a11","email":"ada@example.com",'
    b'"createdAt":"2026-01-02T03:04:05Z","updatedAt":"2026-01-02T03:04:05Z"}'
)
TOKEN: Final = "a" * 180
OLD_TOKEN: Final = "o" * 180  # refused
PATH: Final = "/users/profile"


def _answer(status: bytes, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 %s\r\nserver: canned\r\ndate: Mon, 30 Nov 2026 12:00:00 GMT\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (status, len(body), body)
    )


_FRESH: Final = _answer(b"200 OK", PROFILE)
_EXPIRED: Final = _answer(b"401 Unauthorized", b'{"message":"TokenExpiredError","stack":""}')
_RENEWED: Final = _answer(b"200 OK", b'{"accessToken":"%s","refreshToken":"r"}' % TOKEN.encode())


class _Canned(asyncio.Protocol):
    """Answers each request by the blank line that ends its head."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"POST"):
            self._transport.write(_RENEWED * data.count(b"POST"))
        elif OLD_TOKEN.encode() in data:
            self._transport.write(_EXPIRED * data.count(b"\r\n\r\n"))
        else:
            self._transport.write(_FRESH * data.count(b"\r\n\r\n"))


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Canned, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def canned_server() -> Iterator[str]:
    """Serve; yield the address."""
    command = [sys.executable, "-m", "benchmarks.canned"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"  # type: ignore[union-attr]
        finally:
            process.terminate()


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve())
    else:
        uvloop.run(_serve())
