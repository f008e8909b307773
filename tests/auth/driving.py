"""One test, every colour: the same calls in threads, in asyncio tasks and in trio tasks, each of them bounded.

A test is a coroutine. `drive(call)` carries a call out: a blocking one in a thread of its own, an async one here.
"""

from __future__ import annotations

import base64
import inspect
import json
import os
import threading
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

import anyio
import anyio.to_thread
import httpx
from signedin import AsyncClient, BearerAuth, Client
from signedin._threads import Promise
from signedin.session import renewal_of
from signedin.testing import FakeAuthServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from signedin import TokenPair, TokenSession
    from signedin.protocols import Answer

Colour = Literal["threads", "asyncio", "trio"]
Server = FakeAuthServer
PATIENCE = float(os.environ.get("DRIVE_PATIENCE", "20"))  # seconds; nothing here takes one
# Faults of tokens that only the refresh, whose answer is parsed strictly, does not take: to a login they do no harm.
TAKEN_BY_A_LOGIN = {"two access tokens"}


class Wire(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The fake server's transport with a memory; async requests wait in threads, so that a gate blocks no loop.

    What a test wants otherwise overrides `_instead` or `_changed`.
    """

    def __init__(self, server: Server) -> None:
        self._transport = server.transport
        self.requests: list[httpx.Request] = []  # appended to only

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if (answer := self._instead(request)) is None:
            answer = self._transport.handle_request(self._arrived(request, b"".join(_sync(request.stream))))
        return self._changed(answer, request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if (answer := self._instead(request)) is None:
            content = b"".join([chunk async for chunk in _async(request.stream)])
            arrived = self._arrived(request, content)
            answer = await anyio.to_thread.run_sync(
                self._transport.handle_request, arrived, limiter=_roomy(), abandon_on_cancel=True
            )
        return self._changed(answer, request)

    def _instead(self, request: httpx.Request) -> httpx.Response | None:  # noqa: ARG002 -- for those who override it
        """Answer in the place of the server, which does not hear of the request."""
        return None

    def _changed(self, answer: httpx.Response, request: httpx.Request) -> httpx.Response:  # noqa: ARG002 -- likewise
        """Return what arrives of the server's answer."""
        return answer

    def _arrived(self, request: httpx.Request, content: bytes) -> httpx.Request:
        # A copy, as on a real wire: httpx's MockTransport calls `request.read()`, after which every body, also a
        # generator's, can be sent again; and a replay changes the headers of the very same object.
        arrived = httpx.Request(request.method, request.url, headers=request.headers, content=content)
        self.requests.append(arrived)
        return arrived

    def sent_to(self, ending: str) -> list[httpx.Request]:
        """Return the requests whose path ends so, in the order in which they arrived."""
        return [request for request in self.requests if request.url.path.endswith(ending)]

    @property
    def refreshes(self) -> list[httpx.Request]:
        return self.sent_to("/auth/refreshToken")


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in parts, in either colour; it breaks where a part is an exception."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self.parts, self.is_closed = parts, False

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.close()


class Drive:
    """Carries calls out in one colour."""

    def __init__(self, colour: Colour) -> None:
        self.colour = colour

    @property
    def is_async(self) -> bool:
        return self.colour != "threads"

    async def __call__(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what the call returns, or raise what it raises."""
        with anyio.fail_after(PATIENCE):
            if not self.is_async:
                return await anyio.to_thread.run_sync(
                    partial(call, *args, **kwargs), limiter=_roomy(), abandon_on_cancel=True
                )
            result = call(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

    def hook(self, hook: Callable[[Any], object]) -> Callable[[Any], Any]:
        """Return an event hook as this colour's clients want it."""

        async def awaited(argument: Any) -> None:
            hook(argument)

        return awaited if self.is_async else hook

    def close(self, closable: Any) -> Any:
        """Close a client or a session of this colour, to be awaited."""
        return self(closable.aclose if self.is_async else closable.close)

    def refresh(self, session: TokenSession) -> Any:
        """Refresh by hand, to be awaited."""
        return self(session.arefresh if self.is_async else session.refresh)

    async def aside(self, blocking: Callable[..., Any], *args: Any) -> Any:
        """Wait for something of the test's own, such as a gate, without blocking the loop."""
        with anyio.fail_after(PATIENCE):
            return await anyio.to_thread.run_sync(partial(blocking, *args), limiter=_roomy(), abandon_on_cancel=True)

    @asynccontextmanager
    async def under_way(self, call: Callable[..., Any], times: int = 1) -> AsyncIterator[list[Any]]:
        """Start the call so many times at once; at the end of the block the list holds results and exceptions."""
        outcomes: list[Any] = []

        async def one() -> None:
            try:
                outcomes.append(await self(call))
            except Exception as error:  # noqa: BLE001 -- an outcome like any other
                outcomes.append(error)

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                for _ in range(times):
                    tasks.start_soon(one)
                yield outcomes

    async def outcomes(self, call: Callable[..., Any], times: int) -> list[Any]:
        """Return what became of so many calls at once."""
        async with self.under_way(call, times) as outcomes:
            pass
        return outcomes

    @asynccontextmanager
    async def client(self, server: Server, *, signed_in: bool = True, **options: Any) -> AsyncIterator[Any]:
        """Open a client of this colour on the fake server, without retries; `client.wire` has what was sent."""
        wire = Wire(server)
        options = {"clock": server.clock, "transport": wire, "max_retries": 0, **options}
        client: Any = (AsyncClient if self.is_async else Client)(server.base_url, **options)
        client.wire = wire
        if signed_in:
            client.session.sign_in(server.issue())
        try:
            yield client
        finally:
            with anyio.CancelScope(shield=True):
                await self.close(client)

    @asynccontextmanager
    async def bare(self, session: TokenSession, server: Server, **options: Any) -> AsyncIterator[Any]:
        """Open an httpx client of this colour with nothing of ours but `BearerAuth`."""
        options = {"auth": BearerAuth(session), "transport": Wire(server), "base_url": server.base_url, **options}
        client: Any = (httpx.AsyncClient if self.is_async else httpx.Client)(**options)
        try:
            yield client
        finally:
            await self.close(client)


def client_on(server: Server, **options: Any) -> Client:
    """Open a client of threads on the fake server."""
    return Client(server.base_url, **{"transport": server.transport, "clock": server.clock, **options})


def signed_in(server: Server, **options: Any) -> Client:
    """Open a client of threads on the fake server, with a pair of ada's."""
    client = client_on(server, **options)
    client.session.sign_in(server.issue())
    return client


class Scripted:
    """A refresher that gives, or raises, the answers of a test, the last one again and again; it signals each call."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.sent = 0
        self.was_called = threading.Event()
        self.revoked: list[str | None] = []

    def refresh(self, pair: TokenPair, *, attempt: str, timeout: float) -> Answer:  # noqa: ARG002 -- a Refresher's
        self.sent += 1
        self.was_called.set()
        answer: Any = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return cast("Answer", answer)  # a test may answer what no refresher should

    def revoke(self, pair: TokenPair, *, timeout: float) -> None:  # noqa: ARG002 -- a Refresher's
        self.revoked.append(pair.refresh_token)

    def close(self) -> None:
        """Do nothing."""


class Waiters:
    """Counts the callers that a session makes wait, so that a test knows that all of them do."""

    def __init__(self, session: TokenSession) -> None:
        self._arrived = threading.Semaphore(0)
        renewal = renewal_of(session)
        for name in ("current", "renew"):
            setattr(renewal, name, self._counting(getattr(renewal, name)))

    def wait_for(self, count: int = 1) -> None:
        """Return when so many more callers have been handed a promise; fail after a while."""
        for _ in range(count):
            assert self._arrived.acquire(timeout=PATIENCE), f"fewer than {count} callers wait for the session"

    def _counting(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            result = ask(*args, **options)
            if isinstance(result, Promise):
                self._arrived.release()
            return result

        return counted


def kinds(outcomes: list[Any]) -> set[type]:
    """Return the types among the outcomes."""
    return {type(outcome) for outcome in outcomes}


def _sync(stream: object) -> httpx.SyncByteStream:
    assert isinstance(stream, httpx.SyncByteStream)
    return stream


def _async(stream: object) -> httpx.AsyncByteStream:
    assert isinstance(stream, httpx.AsyncByteStream)
    return stream


def _roomy() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(1)  # a thread for everyone: parties that wait for each other must not queue


def jwt(claims: dict[str, object]) -> str:
    """Return an access token that says so of itself, signed by nobody."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'HS256'})}.{part(claims)}.c2lnbmF0dXJl"
