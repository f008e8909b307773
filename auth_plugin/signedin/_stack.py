"""Which connection serves which request: the decisions, made under a lock, without I/O.

A connection is a transport of httpx with room for one; sending, waiting and closing are in _connections.py.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import httpx

from signedin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin._network import Network

# Request extension: a callable that gets the request when it has its connection, just before it is sent.
LEAVING: Final = "signedin.leaving"
# Request extension: it has waited its turn before, and goes first now: its new token lives for a while only.
RETURNING: Final = "signedin.returning"
CLOSED: Final = "The client is closed; create another one."


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


class Checkout:
    """One request's way to a connection: waiting for it, then holding it until the response is closed."""

    __slots__ = ("connection", "origin", "ring", "sent")

    def __init__(self, request: httpx.Request) -> None:
        self.origin = (request.url.scheme, request.url.netloc)
        self.connection: Connection | None = None
        self.ring: Callable[[], object] | None = None  # wakes who waits
        self.sent = False


class Stack:
    """Decides, under a lock, which request gets which connection; does no I/O.

    Invariants: a connection is idle or in use by one request. Nobody waits while one is idle or may be opened. What
    is to be closed stands in `dropped`, and whoever comes next closes it.
    """

    kind: type[httpx.BaseTransport | httpx.AsyncBaseTransport]
    tidy_up: Callable[[], None]  # closes what is dropped, and serves who waits, soon

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

    def enter(self, request: httpx.Request) -> Checkout:
        """Return a checkout with a connection or, if none is free, with a place in the queue."""
        if self.closed:
            raise ConfigurationError(CLOSED)
        checkout = Checkout(request)
        with self._lock:
            self._drop_stale(self._clock())
            if RETURNING in request.extensions:
                self._waiting.appendleft(checkout)
            else:
                self._waiting.append(checkout)
            self._serve()
        return checkout

    def ready(self, checkout: Checkout, request: httpx.Request) -> Any:
        """Return the transport for a request that is about to leave, or raise if it waited in vain."""
        if (connection := checkout.connection) is None:
            if self.closed:
                raise ConfigurationError(CLOSED)
            raise httpx.PoolTimeout("All connections stayed in use; nothing was sent.", request=request)
        if connection.transport is None:
            proxy, build = self._network.proxy_for(request.url), self._network.transport
            if (transport := self._pools.get(proxy)) is None:
                transport = build(self.kind, proxy)
                if self._network.pooled or getattr(transport, "is_pool", False):
                    transport = self._pools.setdefault(proxy, transport)
                else:
                    self._transports.add(transport)
            connection.transport = transport
        if (leaving := request.extensions.get(LEAVING)) is not None:
            leaving(request)
        checkout.sent = True
        return connection.transport

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

    def shut(self) -> None:
        """Serve nobody any more. A connection in use is dropped when it is released."""
        with self._lock:
            self.closed = True
            while self._idle:
                self.drop(self._idle.pop())
            self._serve()
        self.dropped.extend(self._pools.values())

    def forget(self) -> None:
        """In a forked child: let go of the inherited connections without a byte on the wire, and wait for no lock."""
        self._lock, self.closed = threading.Lock(), True  # the old lock may be held by a thread that is not here
        _cut(list(self.connections))

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


def _cut(connections: list[Connection]) -> None:
    """Let go of the child's copies of the sockets, and leave the objects that refer to them as they are.

    To close those may take locks of threads that are gone, send TLS's close_notify, or change an epoll that the parent
    shares. So the file descriptors stay taken, by /dev/null.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for connection in connections:
        with suppress(Exception):
            os.dup2(nowhere, connection.network_stream.get_extra_info("socket").fileno(), inheritable=False)
    os.close(nowhere)
