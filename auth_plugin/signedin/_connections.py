"""Connections: a stack of httpx transports that hold one connection each, and a FIFO queue of requests before it.

httpx's own pool looks at all its connections for every request, belongs to one event loop, and is shared by a forked
child. Here a lock guards decisions only, I/O happens outside; each event loop and each process has connections of its
own. What the options mean (TLS, proxies) is in _network.py; who sends is above, in auth.py and client.py.
"""

from __future__ import annotations

import _thread
import inspect
import os
import queue
import sys
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final

import httpx

from signedin._network import ConnectionOptions, Network
from signedin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping

# Request extension: a callable that gets the request when it has its connection, just before it is sent.
LEAVING: Final = "signedin.leaving"
_CLOSED: Final = "The client is closed; create another one."
_FOR_EVER: Final = 10.0**8  # seconds; a lock or timer takes no infinity

Origin = tuple[str, bytes]


class _Connection:
    """A transport that holds at most one connection; of one request at a time. Nobody else refers to it meanwhile.

    So it counts against the limit as long as it lives, and is closed when the request drops it, by whatever interrupt.
    """

    __slots__ = ("__weakref__", "_proxy", "_stack", "network_stream", "origin", "since", "transport")

    def __init__(self, stack: _Stack) -> None:
        self._stack = stack
        self._proxy: httpx.Proxy | None = None
        self.transport: Any = None
        self.origin: Origin | None = None
        self.since = 0.0  # when it became idle
        self.network_stream: Any = None  # httpcore's, of the last response

    def ready_for(self, url: httpx.URL) -> Any:
        """Return a transport that takes the way to this URL."""
        proxy = self._stack.network.proxy_for(url)
        if self.transport is None or self._proxy is not proxy:
            self._stack.drop(self.transport)
            self.transport, self._proxy = self._stack.transport(proxy), proxy
        return self.transport

    def __del__(self) -> None:
        if self.transport is not None:
            self._stack.abandon(self)


class _Turn:
    """A request that waits for a connection."""

    __slots__ = ("connection", "origin", "ring")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.connection: _Connection | None = None
        self.ring: Callable[[], object] = _nobody_waits


def _nobody_waits() -> None:
    pass


class _Stack:
    """Decides who gets which connection; sends and closes nothing itself.

    Invariants: a connection is idle, or in use by one request, never both. While one is idle, or another may be opened,
    nobody waits. What is to be closed stands in `dropped`.
    """

    def __init__(self, network: Network, clock: Callable[[], float]) -> None:
        self.network, self._clock = network, clock
        self._lock = threading.Lock()  # held for decisions only
        self._idle: list[_Connection] = []  # guarded by _lock; the last used at the end
        self._waiting: deque[_Turn] = deque()  # guarded by _lock
        self.connections: weakref.WeakSet[_Connection] = weakref.WeakSet()  # idle and in use
        self.dropped: deque[Any] = deque()  # transports
        self.shared: dict[httpx.Proxy | None, Any] | None = {} if network.http2 else None
        self.closed = False

    def take(self, origin: Origin) -> _Connection | None:
        """Return a connection if there is one and nobody waits for it."""
        with self._lock:
            if self.closed:
                raise ConfigurationError(_CLOSED)
            self._drop_stale()
            return None if self._waiting else self._pick(origin)

    def queue(self, turn: _Turn) -> None:
        """Wait behind the others."""
        with self._lock:
            self._waiting.append(turn)
            self._serve()

    def leave(self, turn: _Turn) -> None:
        """Wait no longer. The turn may have got its connection."""
        with self._lock, suppress(ValueError):
            self._waiting.remove(turn)

    def give_back(self, connection: _Connection) -> None:
        """Put a connection on the stack, or drop it: the first who waits gets it."""
        if self.shared is not None or self.closed:
            self.discard(connection)
            return
        connection.since = self._clock()
        with self._lock:
            self._idle.append(connection)
            self._serve()
            self._drop_stale()

    def discard(self, connection: _Connection) -> None:
        """Drop a connection that nobody may use again; another may be opened in its place."""
        transport, connection.transport = connection.transport, None
        self.drop(transport)
        with self._lock:
            self.connections.discard(connection)
            self._serve()

    def drop(self, transport: Any) -> None:
        if transport is not None and self.shared is None:
            self.dropped.append(transport)

    def shut(self) -> None:
        """Serve nobody any more. What is in use is dropped when it is given back."""
        with self._lock:
            self.closed = True
            self._serve()
            while self._idle:
                self._drop_idle(0)
        if self.shared is not None:
            self.dropped.extend(self.shared.values())
            self.shared.clear()

    def transport(self, proxy: httpx.Proxy | None) -> Any:
        if self.shared is None:
            return self._build(proxy)
        # With HTTP/2 one connection carries many requests: httpx's own pool, whose limits are the user's.
        return self.shared.get(proxy) or self.shared.setdefault(proxy, self._build(proxy))

    def _build(self, proxy: httpx.Proxy | None) -> Any:
        raise NotImplementedError

    def abandon(self, connection: _Connection) -> None:
        """Close what a request has dropped in the middle of an exchange. Called by the garbage collector, anywhere."""
        raise NotImplementedError

    def serve(self) -> None:
        """Serve who waits, after the garbage collector has made room."""
        with self._lock:
            self._serve()

    def forget(self) -> None:
        """In a forked child: let go of the inherited connections without a byte on the wire, and wait for no lock."""
        self._lock, self.closed = threading.Lock(), True  # the old lock may be held by a thread that is not here
        _cut(list(self.connections))

    # ------------------------------------------------------------------------------------------- with the lock held

    def _pick(self, origin: Origin) -> _Connection | None:
        idle = self._idle
        for index in range(len(idle) - 1, -1, -1):
            if idle[index].origin == origin:
                return idle.pop(index)
        if self.shared is not None or len(self.connections) < self.network.most_connections:
            connection = _Connection(self)
            self.connections.add(connection)
        elif idle:
            connection = idle.pop(0)  # its transport closes the connection to the other origin first
        else:
            return None
        connection.origin = origin
        return connection

    def _serve(self) -> None:
        # In this order an interrupt (Ctrl-C) between any two steps leaves a queue that the next call serves.
        while self._waiting:
            turn = self._waiting[0]
            if not self.closed and turn.connection is None:
                turn.connection = self._pick(turn.origin)
                if turn.connection is None:
                    return
            turn.ring()
            self._waiting.popleft()

    def _drop_stale(self) -> None:
        stale = self._clock() - self.network.keepalive_expiry
        while self._idle and (len(self._idle) > self.network.most_idle or self._idle[0].since < stale):
            self._drop_idle(0)

    def _drop_idle(self, index: int) -> None:
        connection = self._idle.pop(index)
        self.connections.discard(connection)
        transport, connection.transport = connection.transport, None
        self.drop(transport)


# ------------------------------------------------------------------------------------------------------------ threads


class _ThreadStack(_Stack):
    def _build(self, proxy: httpx.Proxy | None) -> httpx.BaseTransport:
        return self.network.transport(proxy)

    def wait(self, request: httpx.Request) -> _Connection:
        """Return a connection, in turn, or raise after the request's pool timeout."""
        origin = _origin(request)
        if (connection := self.take(origin)) is not None:
            return connection
        turn, bell = _Turn(origin), queue.SimpleQueue[None]()
        turn.ring = lambda: bell.put(None)
        try:
            self.queue(turn)
            with suppress(queue.Empty):
                bell.get(timeout=_patience(request))
        finally:
            self.leave(turn)
        return _served(turn, self, request)

    def close_dropped(self) -> None:
        """Close what is to be closed; an interrupt does not keep the others open."""
        try:
            while (transport := _popleft(self.dropped)) is not None:
                with suppress(Exception):
                    transport.close()
        except BaseException:
            self.close_dropped()
            raise

    def abandon(self, connection: _Connection) -> None:
        self.connections.discard(connection)
        if self.shared is None:
            with suppress(Exception):
                connection.transport.close()
        if self._waiting:
            # Not in this thread, which may be the one that holds the lock.
            with suppress(RuntimeError):
                _thread.start_new_thread(self.serve, ())


class Connections(httpx.BaseTransport):
    """Connections for any number of threads: at most `limits.max_connections`, the last used taken first.

    Raises:
        ConfigurationError: The options, or the environment, cannot work.
    """

    def __init__(
        self, options: ConnectionOptions | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._network, self._clock = Network(options or ConnectionOptions()), clock
        self._stack = _ThreadStack(self._network, clock)
        _EVERYBODY.add(self)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request on a connection of its own, which it keeps until the response is closed.

        Raises:
            httpx.PoolTimeout: All connections stayed in use.
        """
        stack = self._stack
        connection = stack.wait(request)
        try:
            stack.close_dropped()
            transport = connection.ready_for(request.url)
            _leave(request)
            # Looked up on the transport each time: vcrpy and pytest-httpx patch the class.
            response: httpx.Response = transport.handle_request(request)
        except BaseException:
            stack.discard(connection)
            stack.close_dropped()
            raise
        connection.network_stream = response.extensions.get("network_stream")
        stream = _Stream(response.stream, connection, stack)
        if response.is_closed:
            stream.close()
        else:
            response.stream = stream
        return response

    def close(self) -> None:
        """Close the idle connections now, each other one when its response is closed. New requests are refused."""
        self._stack.shut()
        self._stack.close_dropped()

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's connections."""
        inherited, self._stack = self._stack, _ThreadStack(self._network, self._clock)
        self._stack.closed = inherited.closed
        _INHERITED.append(inherited)
        inherited.forget()


class _Stream(httpx.SyncByteStream):
    """The body of a response; closing it gives the connection back."""

    def __init__(self, stream: Any, connection: _Connection, stack: _ThreadStack) -> None:
        self._stream, self._connection, self._stack = stream, [connection], stack

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        if (connection := _pop(self._connection)) is None:
            return
        try:
            self._stream.close()
        except BaseException:
            self._stack.discard(connection)
            raise
        else:
            self._stack.give_back(connection)
        finally:
            self._stack.close_dropped()


# -------------------------------------------------------------------------------------------------- asyncio and trio


class _LoopStack(_Stack):
    """The connections of one event loop, used in its thread only."""

    def __init__(self, network: Network, clock: Callable[[], float], loop: Any) -> None:
        super().__init__(network, clock)
        self._loop = loop
        self._trio = None if hasattr(loop, "call_soon_threadsafe") else sys.modules["trio"]
        self._tasks: set[object] = set()
        self.keeper = self._until_the_loop_ends()

    def _build(self, proxy: httpx.Proxy | None) -> httpx.AsyncBaseTransport:
        return self.network.async_transport(proxy)

    async def wait(self, request: httpx.Request) -> _Connection:
        """Return a connection, in turn, or raise after the request's pool timeout."""
        origin = _origin(request)
        if (connection := self.take(origin)) is not None:
            return connection
        turn = _Turn(origin)
        try:
            self.queue(turn)
            await (self._ring_in_asyncio if self._trio is None else self._ring_in_trio)(turn, _patience(request))
        except BaseException:
            self.leave(turn)
            if turn.connection is not None:
                self.give_back(turn.connection)
            raise
        self.leave(turn)
        return _served(turn, self, request)

    async def _ring_in_asyncio(self, turn: _Turn, seconds: float) -> None:
        bell = self._loop.create_future()

        def ring() -> None:
            if not bell.done():
                bell.set_result(None)

        turn.ring = ring
        timer = self._loop.call_later(seconds, ring)
        try:
            if turn.connection is None:
                await bell
        finally:
            timer.cancel()

    async def _ring_in_trio(self, turn: _Turn, seconds: float) -> None:
        assert self._trio is not None  # noqa: S101 -- for the type checker
        bell = self._trio.Event()
        turn.ring = bell.set
        with self._trio.move_on_after(seconds):
            if turn.connection is None:
                await bell.wait()

    async def close_dropped(self) -> None:
        """Close what is to be closed; neither a cancellation nor an interrupt keeps the others open."""
        try:
            while (transport := _popleft(self.dropped)) is not None:
                with suppress(Exception):
                    await transport.aclose()
        except BaseException:
            await self.close_dropped()
            raise

    async def aclose(self) -> None:
        self.shut()
        await self.tidy()

    async def tidy(self) -> None:
        """Do what others have left to be done in this loop."""
        self.serve()
        await self.close_dropped()
        if self.closed and not self.connections:
            await self.keeper.aclose()

    def soon(self, job: Callable[[], Awaitable[None]]) -> None:
        """Run `job`, which must not raise, in the loop, from any thread; not at all where the loop has ended."""
        with suppress(RuntimeError):
            if self._trio is None:
                self._loop.call_soon_threadsafe(self._start, job)
            else:
                self._loop.run_sync_soon(self._trio.lowlevel.spawn_system_task, job)

    def _start(self, job: Callable[[], Awaitable[None]]) -> None:
        task = self._loop.create_task(job())
        self._tasks.add(task)  # the loop itself refers to it weakly
        task.add_done_callback(self._tasks.discard)

    def abandon(self, connection: _Connection) -> None:
        self.connections.discard(connection)
        self.drop(connection.transport)
        self.soon(self.tidy)

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        # asyncio.run, Runner and trio.run close async generators at their end, in the loop: the last moment at which
        # connections can be closed without a ResourceWarning.
        try:
            yield
        finally:
            self.shut()
            for connection in list(self.connections):  # responses that were never closed
                self.discard(connection)
            await self.close_dropped()

    @property
    def ended(self) -> bool:
        """Whether the loop has ended."""
        return bool(self._loop.is_closed()) if self._trio is None else self.closed


class AsyncConnections(httpx.AsyncBaseTransport):
    """Connections for the tasks of asyncio and trio; each event loop has its own, closed when it ends.

    Raises:
        ConfigurationError: The options, or the environment, cannot work.
    """

    def __init__(
        self, options: ConnectionOptions | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._network, self._clock = Network(options or ConnectionOptions()), clock
        # By event loop, or TrioToken. Changed by single steps, each loop's entry by its own thread.
        self._stacks: dict[object, _LoopStack] = {}
        self._closed = False
        _EVERYBODY.add(self)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request on a connection of its own, which it keeps until the response is closed.

        Raises:
            httpx.PoolTimeout: All connections stayed in use.
        """
        loop = _running_loop()
        stack = self._stacks.get(loop) or await self._begin(loop)
        connection = await stack.wait(request)
        try:
            if stack.dropped:
                await stack.close_dropped()
            transport = connection.ready_for(request.url)
            _leave(request)
            # Looked up on the transport each time: vcrpy and pytest-httpx patch the class.
            response: httpx.Response = await transport.handle_async_request(request)
        except BaseException:
            stack.discard(connection)
            await stack.tidy()
            raise
        connection.network_stream = response.extensions.get("network_stream")
        stream = _AsyncStream(response.stream, connection, stack)
        if response.is_closed:
            await stream.aclose()
        else:
            response.stream = stream
        return response

    async def _begin(self, loop: object) -> _LoopStack:
        if self._closed:
            raise ConfigurationError(_CLOSED)
        for place, stack in list(self._stacks.items()):
            if stack.ended:
                self._stacks.pop(place, None)
        stack = self._stacks[loop] = _LoopStack(self._network, self._clock, loop)
        await anext(stack.keeper)
        return stack

    async def aclose(self) -> None:
        """Close the idle connections now, each other one when its response is closed. New requests are refused."""
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


class _AsyncStream(httpx.AsyncByteStream):
    """The body of a response; closing it gives the connection back."""

    def __init__(self, stream: Any, connection: _Connection, stack: _LoopStack) -> None:
        self._stream, self._connection, self._stack = stream, [connection], stack

    def __aiter__(self) -> AsyncIterator[bytes]:
        iterator: AsyncIterator[bytes] = aiter(self._stream)
        return iterator

    async def aclose(self) -> None:
        if (connection := _pop(self._connection)) is None:
            return
        try:
            await self._stream.aclose()
        except BaseException:
            self._stack.discard(connection)
            raise
        else:
            self._stack.give_back(connection)
        finally:
            if self._stack.dropped or self._stack.closed:
                await self._stack.tidy()


def _running_loop() -> Any:
    """Return the running event loop, or what stands for a run of trio as long as it lasts.

    trio in guest mode and trio-asyncio run both in one thread; httpcore asks sniffio, which trio brings along, too.
    """
    if (trio := sys.modules.get("trio")) is not None and _current_library() == "trio":
        return trio.lowlevel.current_trio_token()
    try:
        return sys.modules["asyncio"].get_running_loop()
    except (KeyError, RuntimeError):
        raise ConfigurationError("An async client works in a task of asyncio or trio; use Client elsewhere.") from None


def _current_library() -> str:
    sniffio = sys.modules["sniffio"]
    with suppress(sniffio.AsyncLibraryNotFoundError):
        return str(sniffio.current_async_library())
    return ""


# ----------------------------------------------------------------------------------------- transports of the user's own


class _Foreign:
    """A transport that the user made, who closes it. A forked child cannot be given another."""

    def __init__(self, transport: Any) -> None:
        self._transport, self._pid = transport, os.getpid()

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise ConfigurationError(
                f"{type(self._transport).__name__} was given to a client before this process was forked, and would use "
                "the parent's connections. Nothing was sent; create transport and client after the fork."
            )


class Borrowed(_Foreign, httpx.BaseTransport):
    """A user's own transport.

    Raises:
        ConfigurationError: It is async only.
    """

    def __init__(self, transport: httpx.BaseTransport | httpx.AsyncBaseTransport) -> None:
        if not isinstance(transport, httpx.BaseTransport) or _has_async_handler(transport):
            raise ConfigurationError(
                f"{type(transport).__name__} is async only, and is needed in a thread: pass a refresh_transport for "
                "the refresh, for example httpx.HTTPTransport() or httpx.WSGITransport(app=...)."
            )
        super().__init__(transport)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._check_process()
        _leave(request)
        response: httpx.Response = self._transport.handle_request(request)
        return response


class AsyncBorrowed(_Foreign, httpx.AsyncBaseTransport):
    """A user's own transport.

    Raises:
        ConfigurationError: It is not async.
    """

    def __init__(self, transport: httpx.BaseTransport | httpx.AsyncBaseTransport) -> None:
        if not isinstance(transport, httpx.AsyncBaseTransport):
            raise ConfigurationError(f"{type(transport).__name__} is not async; an async client needs one that is.")
        super().__init__(transport)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._check_process()
        _leave(request)
        response: httpx.Response = await self._transport.handle_async_request(request)
        return response


# ----------------------------------------------------------------------------------------------------------- the parts


def refresh_client(options: ConnectionOptions, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """Return a client for refreshes: a fresh connection for each, the calls' TLS and proxies; no cookies, no redirects.

    Raises:
        ConfigurationError: The options, or the environment, cannot work.
    """
    fresh = replace(options, limits=httpx.Limits(max_keepalive_connections=0), http2=False)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.Client(transport=Connections(fresh), headers=headers, cookies=no_cookies, trust_env=False)


def _origin(request: httpx.Request) -> Origin:
    return request.url.scheme, request.url.netloc


def _patience(request: httpx.Request) -> float:
    seconds = request.extensions.get("timeout", {}).get("pool")
    return _FOR_EVER if seconds is None else min(max(seconds, 0.0), _FOR_EVER)


def _served(turn: _Turn, stack: _Stack, request: httpx.Request) -> _Connection:
    if turn.connection is not None:
        return turn.connection
    if stack.closed:
        raise ConfigurationError(_CLOSED)
    raise httpx.PoolTimeout("All connections were in use for too long; nothing was sent.", request=request)


def _leave(request: httpx.Request) -> None:
    if (leaving := request.extensions.get(LEAVING)) is not None:
        leaving(request)


def _has_async_handler(transport: object) -> bool:
    if not isinstance(transport, httpx.MockTransport):
        return False
    handler = transport.handler
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


def _popleft(transports: deque[Any]) -> Any:
    with suppress(IndexError):
        return transports.popleft()
    return None


def _pop(connections: list[_Connection]) -> _Connection | None:
    with suppress(IndexError):
        return connections.pop()  # of two who close at once, one gets it
    return None


# --------------------------------------------------------------------------------------------------------------- fork

_EVERYBODY: Final[weakref.WeakSet[Connections | AsyncConnections]] = weakref.WeakSet()
# Never freed: a transport of asyncio that is would tell the parent's selector.
_INHERITED: Final[list[object]] = []


def _cut(connections: list[_Connection]) -> None:
    """Let go of the child's copies of the sockets.

    The numbers stay taken, by /dev/null: objects that refer to them are left as they are, since to close them may take
    locks of threads that are gone, send TLS's farewell, or change an epoll that the parent shares.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        for connection in connections:
            with suppress(Exception):
                os.dup2(nowhere, connection.network_stream.get_extra_info("socket").fileno(), inheritable=False)
    finally:
        os.close(nowhere)


def _after_fork_in_child() -> None:
    for each in list(_EVERYBODY):
        with suppress(Exception):
            each.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
