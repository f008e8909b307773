"""Connections: a stack of httpx transports that hold one connection each, and a FIFO queue of requests before it.

httpx's own pool looks at all its connections for every request, belongs to one event loop, and is shared by a forked
child. Here each event loop and each process has connections of its own. What the options mean (TLS, proxies) is in
_network.py; who sends is above, in auth.py and client.py.
"""

from __future__ import annotations

import _thread
import inspect
import os
import queue
import ssl
import sys
import time
import weakref
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx

from signedin._network import ConnectionOptions, Network
from signedin._stack import CLOSED, LEAVING, Checkout, Stack
from signedin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping

T = TypeVar("T")
_FOR_EVER: Final = 10.0**8  # seconds; a timer takes no infinity


class _Sending(Stack):
    """What is done with a connection, in both colours: the coroutines of threads block, and never suspend."""

    # Returns when the checkout has its connection, when all is closed, or in vain after so many seconds.
    wait: Callable[[Checkout, float], Coroutine[Any, Any, None]]
    # Sends. The transport's method is looked up each time: vcrpy and pytest-httpx patch the class.
    handle: Callable[[Any, Checkout, httpx.Request], Coroutine[Any, Any, httpx.Response]]
    close: Callable[[Any], Coroutine[Any, Any, None]]

    async def send(self, request: httpx.Request) -> httpx.Response:
        checkout = self.enter(request)
        try:
            if checkout.connection is None:
                seconds = request.extensions.get("timeout", {}).get("pool")
                await self.wait(checkout, _FOR_EVER if seconds is None else min(max(seconds, 0.0), _FOR_EVER))
            if self.dropped:
                await self.close_dropped()
            response = await self.handle(self.ready(checkout, request), checkout, request)
        except BaseException:
            self.release(checkout, reusable=not checkout.sent)
            await self.close_dropped()
            raise
        stream = _Stream(self, checkout, response)
        if response.is_closed:
            await stream.aclose()
        else:
            response.stream = stream
        return response

    async def close_dropped(self) -> None:
        """Close what is to be closed; neither a cancellation nor an interrupt keeps the others open."""
        try:
            while self.dropped:
                with suppress(Exception):  # IndexError: another thread was quicker
                    await self.close(self.dropped.popleft())
        except BaseException:
            await self.close_dropped()
            raise

    async def aclose(self) -> None:
        self.shut()
        await self.close_dropped()


class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a response; closing it releases the connection."""

    def __init__(self, stack: _Sending, checkout: Checkout, response: httpx.Response) -> None:
        self._stack, self._checkout, self._stream = stack, checkout, response.stream
        if checkout.connection is not None:
            checkout.connection.network_stream = response.extensions.get("network_stream")

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)  # type: ignore[arg-type]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)  # type: ignore[arg-type]

    def close(self) -> None:
        _run(self.aclose())

    async def aclose(self) -> None:
        stack, reusable = self._stack, False
        try:
            await stack.close(self._stream)
            reusable = True
        finally:
            stack.release(self._checkout, reusable=reusable)
            if stack.dropped or stack.closed:
                await stack.close_dropped()


class _Threads(_Sending):
    kind = httpx.HTTPTransport

    async def wait(self, checkout: Checkout, seconds: float) -> None:
        bell = queue.SimpleQueue[None]()  # in C: no Ctrl-C leaves it locked
        checkout.ring = partial(bell.put, None)
        if checkout.connection is None and not self.closed:  # since then
            with suppress(queue.Empty):
                bell.get(timeout=seconds)

    async def handle(self, transport: Any, _: Checkout, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = transport.handle_request(request)
        return response

    async def close(self, closable: Any) -> None:
        closable.close()

    def tidy_up(self) -> None:
        _run(self.close_dropped())
        if self._waiting:
            with suppress(RuntimeError):
                _thread.start_new_thread(self.serve, ())


class _Loop(_Sending):
    """The connections of one event loop, which are used in its thread only."""

    kind = httpx.AsyncHTTPTransport

    def __init__(self, network: Network, clock: Callable[[], float], loop: Any) -> None:
        super().__init__(network, clock)
        self._loop = loop
        self._trio = None if hasattr(loop, "call_soon_threadsafe") else sys.modules["trio"]
        self._tasks: set[object] = set()
        self.keeper = self._until_the_loop_ends()

    @property
    def ended(self) -> bool:
        return self.closed if self._trio else bool(self._loop.is_closed())

    async def wait(self, checkout: Checkout, seconds: float) -> None:
        if self._trio:
            bell = self._trio.Event()
            checkout.ring = bell.set
            with self._trio.move_on_after(seconds):
                await bell.wait()
            return
        future = self._loop.create_future()
        checkout.ring = lambda: future.done() or future.set_result(None)
        timer = self._loop.call_later(seconds, checkout.ring)
        try:
            await future
        finally:
            timer.cancel()

    async def handle(self, transport: Any, checkout: Checkout, request: httpx.Request) -> httpx.Response:
        response: httpx.Response
        if request.url.scheme != "https" or (checkout.connection and checkout.connection.network_stream):
            response = await transport.handle_async_request(request)
            return response
        # httpcore 1.0 leaves a connection open whose TLS handshake is cancelled: so it is watched, as is documented.
        streams: list[Any] = []
        extensions, users = request.extensions, request.extensions.get("trace")

        async def watch(event: str, info: dict[str, Any]) -> None:
            if event == "connection.connect_tcp.complete":
                streams.append(info["return_value"])
            if users is not None:
                await users(event, info)

        request.extensions = {**extensions, "trace": watch}
        try:
            response = await transport.handle_async_request(request)
        except BaseException:
            self.dropped.extend(streams)
            raise
        finally:
            request.extensions = extensions
        return response

    async def close(self, closable: Any) -> None:
        await closable.aclose()

    async def close_dropped(self) -> None:
        await super().close_dropped()
        if self.closed and not self.connections:
            with suppress(RuntimeError):  # it is running already
                await self.keeper.aclose()

    def tidy_up(self) -> None:
        self.soon(self._tidy)

    async def _tidy(self) -> None:
        self.serve()
        await self.close_dropped()

    def soon(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a job in the loop, from any thread; not at all where the loop has ended."""
        with suppress(RuntimeError):
            if self._trio:
                self._loop.run_sync_soon(self._trio.lowlevel.spawn_system_task, job)
            else:
                self._loop.call_soon_threadsafe(self._start, job)

    def _start(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = self._loop.create_task(job())
        self._tasks.add(task)  # the loop itself refers to it weakly
        task.add_done_callback(self._tasks.discard)

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        # asyncio.run, asyncio.Runner and trio.run close async generators at their end, still in the loop: the last
        # moment at which connections can be closed without a ResourceWarning.
        try:
            yield
        finally:
            self.shut()
            for connection in list(self.connections):  # of responses that were never closed
                self.drop(connection)
            await self.close_dropped()


class Connections(httpx.BaseTransport):
    """Connections for any number of threads: at most `limits.max_connections`, the last used taken first.

    `close` closes the idle ones now, each other one when its response is closed. New requests are refused.

    Raises:
        ConfigurationError: The options, or the environment, cannot work.
    """

    def __init__(
        self, options: ConnectionOptions | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._network, self._clock = Network(options or ConnectionOptions(), multiplexes=False), clock
        self._stack = _Threads(self._network, clock)
        _EVERYBODY.add(self)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request on a connection that it has for itself until the response is closed.

        Raises:
            httpx.PoolTimeout: All connections stayed in use.
        """
        return _run(self._stack.send(request))

    def close(self) -> None:
        _run(self._stack.aclose())

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's connections."""
        inherited, self._stack = self._stack, _Threads(self._network, self._clock)
        self._stack.closed = inherited.closed
        _INHERITED.append(inherited)
        inherited.forget()


class AsyncConnections(httpx.AsyncBaseTransport):
    """As `Connections`, for tasks of asyncio and trio; each event loop has its own, which are closed when it ends."""

    def __init__(
        self, options: ConnectionOptions | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._network, self._clock = Network(options or ConnectionOptions()), clock
        self._stacks: dict[object, _Loop] = {}  # by running loop; each entry set by its loop's thread, in one step
        self._closed = False
        _EVERYBODY.add(self)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As `Connections.handle_request`."""
        loop = _running_loop()
        stack = self._stacks.get(loop)
        if stack is None or stack.closed:
            if self._closed:
                raise ConfigurationError(CLOSED)
            for other in [other for other, stack in list(self._stacks.items()) if stack.ended]:
                self._stacks.pop(other, None)
            stack = self._stacks[loop] = _Loop(self._network, self._clock, loop)
            await anext(stack.keeper)
        try:
            return await stack.send(request)
        except ssl.SSLError as error:  # TLS 1.3 refuses certificates after the handshake, where httpcore maps no more
            raise httpx.ReadError(str(error), request=request) from error

    async def aclose(self) -> None:
        self._closed = True
        here = _running_loop()
        for loop, stack in list(self._stacks.items()):
            if loop is not here:
                stack.soon(stack.aclose)
        if here in self._stacks:
            await self._stacks[here].aclose()

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's connections."""
        inherited, self._stacks = self._stacks, {}
        _INHERITED.append(inherited)
        for stack in inherited.values():
            stack.forget()


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine of threads returns."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it has suspended")


def _running_loop() -> Any:
    """Return the running event loop, or what stands for a run of trio as long as it lasts.

    In guest mode and with trio-asyncio both run in one thread. httpcore asks sniffio, which trio brings along, too;
    `in_trio_task()` is true in asyncio's tasks of trio-asyncio.
    """
    if (trio := sys.modules.get("trio")) is not None:
        sniffio = sys.modules["sniffio"]
        with suppress(sniffio.AsyncLibraryNotFoundError):
            if sniffio.current_async_library() == "trio":
                return trio.lowlevel.current_trio_token()
    try:
        return sys.modules["asyncio"].get_running_loop()
    except (KeyError, RuntimeError):
        raise ConfigurationError("An async client works in a task of asyncio or trio; use Client elsewhere.") from None


class Borrowed(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that the user made, and closes; here for threads, which one that is async only cannot serve."""

    def __init__(self, transport: httpx.BaseTransport | httpx.AsyncBaseTransport) -> None:
        self._transport: Any = transport
        self._pid = os.getpid()
        self._refuse_the_other_colour()

    def _refuse_the_other_colour(self) -> None:
        handler = getattr(self._transport, "handler", None)  # of a MockTransport
        awaits = any(map(inspect.iscoroutinefunction, (handler, type(handler).__call__)))
        if awaits or not isinstance(self._transport, httpx.BaseTransport):
            raise ConfigurationError(
                f"{type(self._transport).__name__} is async only, and is needed in a thread: pass a refresh_transport "
                "for the refresh, for example httpx.HTTPTransport() or httpx.WSGITransport(app=...)."
            )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = self._ready(request).handle_request(request)
        return response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = await self._ready(request).handle_async_request(request)
        return response

    def _ready(self, request: httpx.Request) -> Any:
        if os.getpid() != self._pid:
            raise ConfigurationError(
                f"{type(self._transport).__name__} was given to a client before this process was forked, and would use "
                "the parent's connections. Nothing was sent; create transport and client after the fork."
            )
        if (leaving := request.extensions.get(LEAVING)) is not None:
            leaving(request)
        return self._transport


class AsyncBorrowed(Borrowed):
    """As `Borrowed`, for tasks."""

    def _refuse_the_other_colour(self) -> None:
        if not isinstance(self._transport, httpx.AsyncBaseTransport):
            name = type(self._transport).__name__
            raise ConfigurationError(f"{name} is not async, and an async client needs one that is.")


def refresh_client(options: ConnectionOptions, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """Return a client for refreshes: a new connection for each, the calls' TLS and proxies; no cookies, redirects."""
    fresh = replace(options, limits=httpx.Limits(max_keepalive_connections=0), http2=False, fast=False)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.Client(transport=Connections(fresh), headers=headers, cookies=no_cookies, trust_env=False)


# --------------------------------------------------------------------------------------------------------------- fork

_EVERYBODY: Final[weakref.WeakSet[Connections | AsyncConnections]] = weakref.WeakSet()
_JARS: Final[weakref.WeakSet[httpx.Client | httpx.AsyncClient]] = weakref.WeakSet()
_INHERITED: Final[list[object]] = []  # never freed: finalizers of asyncio's transports would warn


def _after_fork_in_child() -> None:
    for each in list(_EVERYBODY):
        with suppress(Exception):
            each.after_fork()
    for http in list(_JARS):
        with suppress(Exception):
            http.cookies = httpx.Cookies()


def fresh_cookies_after_fork(http: httpx.Client | httpx.AsyncClient) -> None:
    """Give a client new cookies in a forked child: a thread that is not there may hold the lock of the old ones."""
    _JARS.add(http)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
