"""Records what goes over the wire, call by call: transports around httpx's own, and the spans that they see."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Kind = Literal["call", "request", "refused", "replay", "refresh", "other"]
NOBODY: Final = ""
_lane: ContextVar[str] = ContextVar("lane", default=NOBODY)
# Comparable between processes like the wall clock, and as fine as the performance counter.
_ANCHOR: Final = time.time() - time.perf_counter()


def now() -> float:
    """Seconds since the epoch."""
    return _ANCHOR + time.perf_counter()


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time: a call as its caller saw it, or one exchange on the wire. `status` 0: no answer."""

    stage: str
    group: str
    lane: str
    kind: Kind
    start: float
    end: float
    status: int = 0


class Recorder:
    """Takes spans from any thread; `list.append` needs no lock."""

    def __init__(self, *, on_call: Callable[[], object] = lambda: None) -> None:
        self.spans: list[Span] = []
        self.stage = ""
        self._on_call = on_call
        self._refused: set[tuple[str, str]] = set()

    @contextmanager
    def call(self, group: str, lane: str) -> Iterator[None]:
        """Record one call; the exchanges inside belong to its lane. An exception leaves `status` at 0."""
        token, start, status = _lane.set(f"{group}/{lane}"), now(), 0
        try:
            yield
            status = 200
        finally:
            _lane.reset(token)
            self.spans.append(Span(self.stage, group, lane, "call", start, now(), status))
            self._on_call()

    def exchange(self, path: str, start: float, status: int) -> None:
        """Record one exchange that ends now."""
        group, _, lane = _lane.get().partition("/")
        kind = self._kind(path, lane, status)
        self.spans.append(Span(self.stage, group, lane, kind, start, now(), status))

    def _kind(self, path: str, lane: str, status: int) -> Kind:
        if path.endswith("/auth/refreshToken"):
            return "refresh"
        if lane == NOBODY:
            return "other"
        key = (self.stage, _lane.get())
        if key in self._refused:
            return "replay"
        if status == 401:
            self._refused.add(key)
            return "refused"
        return "request"


class Recorded(httpx.BaseTransport):
    """httpx's own transport, watched."""

    def __init__(self, recorder: Recorder) -> None:
        self._inner, self._recorder = httpx.HTTPTransport(), recorder

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and record."""
        start, status = now(), 0
        try:
            response = self._inner.handle_request(request)
            status = response.status_code
            return response
        finally:
            self._recorder.exchange(request.url.path, start, status)

    def close(self) -> None:
        """Give up connections."""
        self._inner.close()


class AsyncRecorded(httpx.AsyncBaseTransport):
    """`Recorded` in the other colour."""

    def __init__(self, recorder: Recorder) -> None:
        self._inner, self._recorder = httpx.AsyncHTTPTransport(), recorder

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and record."""
        start, status = now(), 0
        try:
            response = await self._inner.handle_async_request(request)
            status = response.status_code
            return response
        finally:
            self._recorder.exchange(request.url.path, start, status)

    async def aclose(self) -> None:
        """Give up connections."""
        await self._inner.aclose()


def count(spans: Iterable[Span], kind: Kind) -> int:
    """Return how many spans are of a kind."""
    return sum(span.kind == kind for span in spans)
