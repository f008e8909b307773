"""How many connections a worker has, and which of them goes when one more comes.

It is one whose peer we wait for, not one that waits for us: whoever opens connections and says nothing, begins a
request and does not end it, or does not read its answer, keeps nobody else out.
"""

import asyncio
import resource
import time
from collections.abc import Callable
from typing import Any, Protocol

from signedin_backend.journal import LOG
from signedin_backend.settings import Settings

# Connections that are taken in one turn of the event loop. asyncio takes as many as the kernel may have waiting, and
# what is closed in one turn gives its descriptor back two turns later.
ACCEPTED_AT_ONCE = 16
# Descriptors that are no connections: four turns of accepting, log, event loop, key file and the like; and what one
# thread of database work may have open, twice, for the pool has two connections for each: SQLite's file, its log,
# its index and a journal.
_OTHERS, _OF_ONE_THREAD = 4 * ACCEPTED_AT_ONCE + 32, 8
_FEWEST = 16


class Closable(Protocol):
    """A connection, as far as a gate knows it."""

    def give_way(self) -> None:
        """Close now."""


class Seldom:
    """Logs at most once a second what may happen any number of times, with how often it did."""

    def __init__(self, event: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._event, self._clock = event, clock
        self._times, self._next = 0, 0.0

    def warn(self, **fields: object) -> None:
        """Count it, and log it unless this was done less than a second ago."""
        self._times += 1
        if (now := self._clock()) >= self._next:
            LOG.warning(self._event, extra={"fields": {**fields, "times": self._times}})
            self._times, self._next = 0, now + 1


class Gate:
    """All connections of one worker; used on the event loop only."""

    def __init__(self, most: int) -> None:
        self._most, self._open = most, 0
        # Both in the order in which we began to wait: for a first whole request, and for anything after an answer.
        self._strangers: dict[Closable, None] = {}
        self._guests: dict[Closable, None] = {}
        self._crowded = Seldom("no room for another connection")

    def __len__(self) -> int:
        """Return how many are open."""
        return self._open

    def enter(self, one: Closable) -> bool:
        """Count a new connection, and close the one that we waited for longest if it is one too many.

        False where every connection but the new one waits for us: it must go itself.
        """
        self._open += 1
        self._strangers[one] = None
        if self._open <= self._most:
            return True
        longest = next(iter(self._strangers))
        if longest is one:
            longest = next(iter(self._guests), one)
        if longest is one:
            self._crowded.warn(connections=self._most)
            return False
        # Its place is free at once; the event loop reports its end only later.
        self.leave(longest)
        longest.give_way()
        return True

    def wait_for(self, one: Closable, *, stranger: bool = False) -> None:
        """We wait for this peer from now on, or still do."""
        if one not in self._strangers and one not in self._guests:
            (self._strangers if stranger else self._guests)[one] = None

    def work_for(self, one: Closable) -> None:
        """Its request is whole: it waits for us."""
        self._strangers.pop(one, None)
        self._guests.pop(one, None)

    def leave(self, one: Closable) -> None:
        """Forget a connection that is closed or about to be."""
        self.work_for(one)
        self._open -= 1


def room(settings: Settings) -> int:
    """Return how many connections there may be, after raising the limit of descriptors to what they need."""
    others = _OTHERS + _OF_ONE_THREAD * settings.database_threads
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.connections + others
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return settings.connections
    fewer = max(_FEWEST, soft - others)
    fields = {"connections": fewer, "configured": settings.connections, "descriptors": soft}
    LOG.warning("fewer connections than configured: the system gives too few descriptors", extra={"fields": fields})
    return fewer


def hush(loop: asyncio.AbstractEventLoop) -> None:
    """Have a failure to accept logged once a second.

    asyncio logs it for each connection that the kernel may have waiting, thousands of times in one turn.
    """
    failing = Seldom("no connection can be accepted")

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and "accept" in str(context.get("message")):
            failing.warn(reason=error.strerror)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
