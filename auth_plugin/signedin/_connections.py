"""Connections: a stack of httpx transports that hold one connection each, and a FIFO queue of requests before it.

httpx's own pool looks at all its connections for every request, belongs to one event loop, and is shared by a forked
child. Here each event loop and each process has connections of its own. What the options mean (TLS, proxies), and a
transport of the user's own, are in _network.py; who sends is above, in auth.py and client.py.
"""

from __future__ import annotations

import _thread
import os
import ssl
import sys
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import httpx

from signedin._network import CLOSED, LEAVING, RETURNING, ConnectionOptions, Network
from signedin._threads import Signal, after_fork
from signedin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator

T = TypeVar("T")
_FOR_EVER: Final = 10.0**8  # seconds; a timer takes no infinity


class Connection:
    """A transport that holds at most one connection, idle on the stack or in use by one checkout.

    Nothing else refers to it, so whatever interrupt loses it ends it: it then counts no more against the limit.
    """

    __slots__ = ("__weakref__", "network_stream", "origin", "since", "stack", "transport")

    def __init__(self, stack: Stack, origin: tuple[str, bytes]) -> None:
        self.stack: Stack | None = stack  # None: dropped
        self.origin = origin
        self.transport: Any = None
        self.network_stream: Any = None  # httpcore's, of the last response
        self.since = 0.0  # when it became idle

    def __del__(self) -> None:
        if (stack := self.stack) is not None:
            stack.drop(self)
            stack.tidy_up()  # later: this thread may be the one that holds the lock


class Checkout(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A request's turn: it waits for a connection and holds it until the response, whose body this is, is closed."""

    connection: Connection | None = None
    ring: Callable[[], object] | None = None  # wakes who waits
    sent = False
    body: Any = None  # of the transport's response

    def __init__(self, stack: Stack, request: httpx.Request) -> None:
        self.stack = stack
        self.origin = (request.url.scheme, request.url.netloc)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.body)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self.body)

    def close(self) -> None:
        run(self.aclose())

    async def aclose(self) -> None:
        stack, reusable = self.stack, False
        try:
            await stack.close(self.body)
            reusable = True
        finally:
            stack.release(self, reusable=reusable)
            if stack.dropped or stack.closed:
                await stack.close_dropped()


class Stack:
    """Which request gets which connection, decided under a lock, without I/O; and sending, in both colours.

    The coroutines of threads block, and never suspend. Invariants: a connection is idle or in use by one request.
    Nobody waits while one is idle or may be opened. What is to be closed stands in `dropped`, and whoever comes next
    closes it.
    """

    kind: type[httpx.BaseTransport | httpx.AsyncBaseTransport]
    tidy_up: Callable[[], None]  # closes what is dropped, and serves who waits, soon
    # Returns when the checkout has its connection, when all is closed, or in vain after so many seconds.
    wait: Callable[[Checkout, float], Coroutine[Any, Any, None]]
    # Sends. The transport's method is looked up each time: vcrpy and pytest-httpx patch the class.
    handle: Callable[[Connection, httpx.Request], httpx.Response | Coroutine[Any, Any, httpx.Response]]
    close: Callable[[Any], Coroutine[Any, Any, None]]

    def __init__(self, network: Network, clock: Callable[[], float]) -> None:
        self._network, self._clock = network, clock
        self._lock = threading.Lock()
        self._idle: list[Connection] = []  # guarded by _lock; the last used at the end
        self._waiting: deque[Checkout] = deque()  # guarded by _lock
        self.connections: weakref.WeakSet[Connection] = weakref.WeakSet()  # idle and in use
        self.dropped: deque[Any] = deque()  # transports
        # Of all connections: one that the garbage collector takes must not take its transport along, unclosed.
        self._transports: set[Any] = set()
        # One for each way: httpx's own pools where requests share connections (HTTP/2), and pyreqwest's.
        self._pools: dict[httpx.Proxy | None, Any] = {}
        self.closed = False

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send the request on a connection that it has for itself until the response is closed."""
        checkout = self._enter(request)
        try:
            if checkout.connection is None:
                seconds = request.extensions.get("timeout", {}).get("pool")
                await self.wait(checkout, _FOR_EVER if seconds is None else min(max(seconds, 0.0), _FOR_EVER))
            if self.dropped:
                await self.close_dropped()
            if (connection := checkout.connection) is None:
                self._refuse(request)
            if connection.transport is None:
                connection.transport = self._transport(request.url)
            if (leaving := request.extensions.get(LEAVING)) is not None:
                leaving(request)
            checkout.sent = True
            answer = self.handle(connection, request)
            response = answer if isinstance(answer, httpx.Response) else await answer
        except BaseException:
            self.release(checkout, reusable=not checkout.sent)
            await self.close_dropped()
            raise
        connection.network_stream = response.extensions.get("network_stream")
        checkout.body = response.stream
        if response.is_closed:
            await checkout.aclose()
        else:
            response.stream = checkout
        return response

    def _enter(self, request: httpx.Request) -> Checkout:
        """Return a checkout with a connection or, if none is free, with a place in the queue."""
        if self.closed:
            self._refuse(request)
        checkout = Checkout(self, request)
        with self._lock:
            self._drop_stale(self._clock())
            if RETURNING in request.extensions:
                self._waiting.appendleft(checkout)
            else:
                self._waiting.append(checkout)
            self._serve()
        return checkout

    def _refuse(self, request: httpx.Request) -> NoReturn:
        if self.closed:
            raise ConfigurationError(CLOSED)
        raise httpx.PoolTimeout("All connections stayed in use; nothing was sent.", request=request)

    def _transport(self, url: httpx.URL) -> Any:
        proxy = self._network.proxy_for(url)
        if (transport := self._pools.get(proxy)) is None:
            transport = self._network.transport(self.kind, proxy)
            if self._network.pooled or getattr(transport, "is_pool", False):
                return self._pools.setdefault(proxy, transport)
            self._transports.add(transport)
        return transport

    def release(self, checkout: Checkout, *, reusable: bool) -> None:
        """End a checkout, waiting or served. The first in the queue gets the connection, or opens another."""
        with self._lock:
            connection, checkout.connection, now = checkout.connection, None, self._clock()
            if connection is None:
                with suppress(ValueError):
                    self._waiting.remove(checkout)
            elif reusable and not self.closed:
                connection.since = now
                self._idle.append(connection)
            else:
                self.drop(connection)
            if self._waiting:
                self._serve()
            self._drop_stale(now)

    def serve(self) -> None:
        """Serve who waits, after a connection was abandoned."""
        with self._lock:
            self._serve()

    def drop(self, connection: Connection) -> None:
        """Let go of a connection, which whoever comes next closes."""
        connection.stack = None
        self.connections.discard(connection)
        if connection.transport in self._transports:
            self.dropped.append(connection.transport)
            self._transports.discard(connection.transport)

    async def close_dropped(self) -> None:
        """Close what is to be closed; neither a cancellation nor an interrupt keeps the others open."""
        try:
            while self.dropped:
                with suppress(Exception):  # IndexError: another thread was quicker
                    await self.close(self.dropped.popleft())
        except BaseException:
            await self.close_dropped()
            raise

    def shut(self) -> None:
        """Serve nobody any more. A connection in use is dropped when it is released."""
        with self._lock:
            self.closed = True
            while self._idle:
                self.drop(self._idle.pop())
            self._serve()
        self.dropped.extend(self._pools.values())

    async def aclose(self) -> None:
        self.shut()
        await self.close_dropped()

    def forget(self) -> None:
        """In a forked child: let go of the inherited connections without a byte on the wire, and wait for no lock.

        The objects that refer to their sockets stay as they are: to close those may take locks of threads that are
        gone, send TLS's close_notify, or change an epoll that the parent shares. So the child's copies of the file
        descriptors stay taken, by /dev/null.
        """
        self._lock, self.closed = threading.Lock(), True  # the old lock may be held by a thread that is not here
        _INHERITED.append(self)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for connection in list(self.connections):
            with suppress(Exception):
                os.dup2(nowhere, connection.network_stream.get_extra_info("socket").fileno(), inheritable=False)
        os.close(nowhere)

    # The following with the lock held.

    def _serve(self) -> None:
        # In this order Ctrl-C between any two steps leaves a queue that the next call serves.
        while self._waiting:
            first = self._waiting[0]
            if first.connection is None and not self.closed:
                first.connection = self._pick(first.origin)
                if first.connection is None:
                    return
            if first.ring is not None:
                first.ring()
            self._waiting.popleft()

    def _pick(self, origin: tuple[str, bytes]) -> Connection | None:
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index].origin == origin:
                return self._idle.pop(index)
        if len(self.connections) >= self._network.most_connections:
            if not self._idle:
                return None
            self.drop(self._idle.pop(0))
        self.connections.add(connection := Connection(self, origin))
        return connection

    def _drop_stale(self, now: float) -> None:
        stale = now - self._network.keepalive_expiry
        while self._idle and (len(self._idle) > self._network.most_idle or self._idle[0].since < stale):
            self.drop(self._idle.pop(0))


class _Threads(Stack):
    kind = httpx.HTTPTransport

    async def wait(self, checkout: Checkout, seconds: float) -> None:
        bell = Signal()
        checkout.ring = bell.set
        if checkout.connection is None and not self.closed:  # since then
            bell.wait(seconds)

    def handle(self, connection: Connection, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = connection.transport.handle_request(request)
        return response

    async def close(self, closable: Any) -> None:
        closable.close()

    def tidy_up(self) -> None:
        run(self.close_dropped())
        if self._waiting:
            with suppress(RuntimeError):
                _thread.start_new_thread(self.serve, ())


class _Loop(Stack):
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

    def handle(self, connection: Connection, request: httpx.Request) -> Coroutine[Any, Any, httpx.Response]:
        if request.url.scheme == "https" and not connection.network_stream:
            return self._handle_first(connection, request)
        response: Coroutine[Any, Any, httpx.Response] = connection.transport.handle_async_request(request)
        return response

    async def _handle_first(self, connection: Connection, request: httpx.Request) -> httpx.Response:
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
            response: httpx.Response = await connection.transport.handle_async_request(request)
        except ssl.SSLError as error:  # TLS 1.3 refuses certificates after the handshake, where httpcore maps no more
            raise httpx.ReadError(str(error), request=request) from error
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
        after_fork(self)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request on a connection that it has for itself until the response is closed.

        Raises:
            httpx.PoolTimeout: All connections stayed in use.
        """
        return run(self._stack.send(request))

    def close(self) -> None:
        run(self._stack.aclose())

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's connections."""
        inherited, self._stack = self._stack, _Threads(self._network, self._clock)
        self._stack.closed = inherited.closed
        inherited.forget()


class AsyncConnections(httpx.AsyncBaseTransport):
    """As `Connections`, for tasks of asyncio and trio; each event loop has its own, which are closed when it ends."""

    def __init__(
        self, options: ConnectionOptions | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._network, self._clock = Network(options or ConnectionOptions()), clock
        self._stacks: dict[object, _Loop] = {}  # by running loop; each entry set by its loop's thread, in one step
        self._closed = False
        after_fork(self)

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
        return await stack.send(request)

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
        for stack in inherited.values():
            stack.forget()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
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


_INHERITED: Final[list[object]] = []  # never freed: finalizers of asyncio's transports would warn
