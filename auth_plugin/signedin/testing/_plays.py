"""How a fault of one exchange is played: instead of the server's answer, after its work, or by changing its answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    Handle = Callable[[httpx.Request], httpx.Response]

_JSON = {"content-type": "application/json"}


class Play(Protocol):
    """Answers a request in the server's place; calling `handle` is letting the request arrive."""

    def __call__(self, request: httpx.Request, handle: Handle) -> httpx.Response: ...


def raising(error: type[httpx.RequestError], text: str | None = None, *, after: bool = False) -> Play:
    """Break the exchange; `after` the server did its work, or before it saw anything."""

    def play(request: httpx.Request, handle: Handle) -> httpx.Response:
        if after:
            handle(request)
        raise error(text or error.__name__, request=request)

    return play


def answering(
    status: int, content: bytes = b"", *, after: bool = False, headers: Mapping[str, str] | None = None
) -> Play:
    """Answer something else; `after` the server did its work, or in its place."""

    def play(request: httpx.Request, handle: Handle) -> httpx.Response:
        if after:
            handle(request)
        return httpx.Response(status, content=content, headers=headers or _JSON)

    return play


def saying(status: int, message: str, **headers: str) -> Play:
    """Answer an error as the API words them."""
    content = json.dumps({"message": message, "stack": ""}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answering(status, content, headers={**_JSON, **named})


def changing(change: Callable[[dict[str, Any]], object]) -> Play:
    """Let the server do its work, and its answer arrive with other JSON in it."""

    def play(request: httpx.Request, handle: Handle) -> httpx.Response:
        answer = handle(request)
        return httpx.Response(answer.status_code, json=change(answer.json()))

    return play


def rewriting(change: Callable[[bytes], bytes], **headers: str) -> Play:
    """Let the server do its work, and its answer arrive as other bytes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def play(request: httpx.Request, handle: Handle) -> httpx.Response:
        answer = handle(request)
        return httpx.Response(answer.status_code, content=change(answer.content), headers={**_JSON, **named})

    return play


def breaking(error: type[httpx.TransportError]) -> Play:
    """Let the server do its work, and the connection break in the middle of the body."""

    def play(request: httpx.Request, handle: Handle) -> httpx.Response:
        answer = handle(request)
        return httpx.Response(answer.status_code, headers=_JSON, stream=_Half(answer.content, error))

    return play


class _Half(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Half of a body, then an error, for blocking and async clients alike."""

    def __init__(self, content: bytes, error: type[httpx.TransportError]) -> None:
        self._half, self._error = content[: len(content) // 2], error

    def __iter__(self) -> Iterator[bytes]:
        yield self._half
        raise self._error("in the middle of the body")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._half
        raise self._error("in the middle of the body")
