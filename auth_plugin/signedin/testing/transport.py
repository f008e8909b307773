"""A transport that hands requests to a function, as a wire would: what arrives is a copy, and a body is read once.

httpx's MockTransport reads the request itself, after which every body, also a generator's, could be sent again: tests
would pass where a real connection sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answer requests by `handle`, for blocking and async clients alike."""

    def __init__(self, handle: Callable[[httpx.Request], httpx.Response]) -> None:
        self._handle = handle

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Read the body from its stream and answer."""
        if not isinstance(request.stream, httpx.SyncByteStream):
            raise TypeError("a blocking client cannot send an async body")
        return self._handle(_arrived(request, b"".join(request.stream)))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Read the body from its stream and answer, without leaving the event loop."""
        if not isinstance(request.stream, httpx.AsyncByteStream):
            raise TypeError("an async client cannot send a blocking body")
        return self._handle(_arrived(request, b"".join([chunk async for chunk in request.stream])))


def _arrived(request: httpx.Request, content: bytes) -> httpx.Request:
    return httpx.Request(request.method, request.url, headers=request.headers, content=content)
