"""Where async requests wait their turn before httpx's connection pool.

The pool looks at every request that waits in it whenever one of them moves: a thousand at once keep the event loop busy
for minutes, until they end in timeouts. So only as many go in as it has connections.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import Final

import httpx

from signedin._waiting import until_done

CONNECTIONS: Final = 100  # of httpx's pool, unless it is told otherwise
_FOR_EVER: Final = 10.0**8  # seconds


class Places:
    """So many at a time, first come first served; in tasks of asyncio and trio."""

    def __init__(self, count: int) -> None:
        self._free = count  # guarded by _mutex
        self._queue: deque[Future[None]] = deque()  # guarded by _mutex
        self._mutex = threading.Lock()

    def turn(self, request: httpx.Request) -> _Turn:
        """Hold a place while the request is sent, waiting for it as long as the request's pool timeout says."""
        return _Turn(self, request)

    async def take(self, patience: float) -> bool:
        """Return True with a place, or False when there was none for so many seconds. Cancelling takes none."""
        turn: Future[None] = Future()
        turn.set_running_or_notify_cancel()
        with self._mutex:
            if self._free:
                self._free -= 1
                return True
            self._queue.append(turn)
        try:
            await until_done(turn, patience)
        except BaseException:
            if not self._withdrawn(turn):
                self.give_back()  # it was this one's turn already
            raise
        return not self._withdrawn(turn)

    def give_back(self) -> None:
        """Leave the place to the next."""
        with self._mutex:
            turn = self._queue.popleft() if self._queue else None
            self._free += turn is None
        if turn is not None:
            turn.set_result(None)

    def _withdrawn(self, turn: Future[None]) -> bool:
        with self._mutex:
            if turn in self._queue:
                self._queue.remove(turn)
                return True
            return False


class _Turn:
    def __init__(self, places: Places, request: httpx.Request) -> None:
        self._places, self._request = places, request

    async def __aenter__(self) -> None:
        patience = self._request.extensions.get("timeout", {}).get("pool")
        if not await self._places.take(_FOR_EVER if patience is None else patience):
            raise httpx.PoolTimeout("no connection became free in time", request=self._request)

    async def __aexit__(self, *_: object) -> None:
        # Nothing is awaited: httpx may close the flow from another task than the one that it ran in.
        self._places.give_back()
