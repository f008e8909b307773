"""Tells subscribers, the log and the observer what happens to a session: in order, in the thread in which it happens.

A callback that takes long keeps later events waiting, and `close()`, but no refresh and no request. `observer`, set by
`signedin.opentelemetry`, sees the calls, too.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import threading
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol, get_args

from signedin.errors import ConfigurationError
from signedin.protocols import Event, EventName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BACKLOG: Final = 1000  # events that wait for a callback; the oldest go first
_WARNINGS: Final = frozenset({"expired", "refresh_failed", "unsaved"})
_logger = logging.getLogger("signedin")
_logger.addHandler(logging.NullHandler())  # a program that sets up no logging shows nothing (logging HOWTO)


class Observer(Protocol):
    """Sees attempts of calls and refreshes begin; what it returns is called when they end. Nothing here may raise."""

    def attempt(
        self, base_url: str, method: str, path: str, number: int
    ) -> tuple[Mapping[str, str], Callable[[object], None]]:
        """Return headers for the attempt, and what is called with its outcome: a response or an error."""
        ...

    def refresh(self, reason: str) -> Callable[[str, int, float], None]:
        """Return what is called with the outcome of the refresh, how many callers waited for it, and its seconds."""
        ...

    def event(self, event: Event) -> None: ...


observer: Observer | None = None  # of the process


class Events:
    """The subscribers of one session.

    Whoever changes the session calls `add` under the lock that makes the order; it only appends. And `deliver` once
    the lock is free, and the waiters are awake.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._subscribers: list[tuple[EventName, Callable[[Event], object]]] = []  # appending and removing are atomic
        self._backlog: deque[Event] = deque(maxlen=_BACKLOG)
        self._delivering = threading.Lock()  # held by the thread that calls back

    def __len__(self) -> int:
        return len(self._subscribers)

    def on(self, name: EventName, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Subscribe; call what is returned to unsubscribe."""
        if name not in get_args(EventName):
            raise ConfigurationError(f"There is no event {name!r}; there are {', '.join(get_args(EventName))}.")
        if inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(type(callback).__call__):
            raise ConfigurationError(
                "An async function cannot be called back: events happen in threads. Pass a function that hands the "
                "event to your loop, such as lambda event: loop.call_soon_threadsafe(queue.put_nowait, event)."
            )
        subscription = (name, callback)
        self._subscribers.append(subscription)

        def off() -> None:
            with contextlib.suppress(ValueError):  # unsubscribed before
                self._subscribers.remove(subscription)

        return off

    def add(self, name: EventName, generation: int | None, **details: object) -> None:
        self._backlog.append(Event(name, self._key, generation, MappingProxyType(details)))

    def deliver(self) -> None:
        """Log the backlog and call back; where another thread does already, leave it to that one."""
        while self._backlog and self._delivering.acquire(blocking=False):
            try:
                while self._backlog:
                    self._call_back(self._backlog.popleft())
            finally:
                self._delivering.release()

    def begin_refresh(self, reason: str) -> Callable[[str, int, float], None]:
        """Return what logs the refresh once it has ended: its outcome, who waited, and how many seconds it took."""
        end_observed = observer.refresh(reason) if observer is not None else None

        def end(outcome: str, waiters: int, seconds: float) -> None:
            line = "%s: refresh (%s): %s in %.1f ms, %d waiting"
            _logger.debug(line, self._key, reason, outcome, seconds * 1000, waiters)
            if end_observed is not None:
                end_observed(outcome, waiters, seconds)

        return end

    def after_fork(self) -> None:
        """Forget, in a forked child, what happened in the parent."""
        self._delivering = threading.Lock()
        self._backlog.clear()

    def _call_back(self, event: Event) -> None:
        reason = f" ({event.details['reason']})" if "reason" in event.details else ""
        level = logging.WARNING if event.name in _WARNINGS else logging.INFO
        _logger.log(level, "%s: %s, generation %s%s", event.key, event.name, event.generation, reason)
        if observer is not None:
            observer.event(event)
        for name, callback in list(self._subscribers):
            if name == event.name:
                try:
                    callback(event)
                except (Exception, SystemExit):
                    _logger.exception("a subscriber to %r raised", event.name)
