"""Tells subscribers what happened to a session, in threads of its own: one that raises or blocks harms nobody."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from signedin.errors import ConfigurationError
from signedin.protocols import Event

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES: Final = frozenset(
    {"signed_in", "refreshed", "refresh_failed", "expired", "signed_out", "adopted", "unsaved"},
)
_BACKLOG: Final = 1000  # events kept for a subscriber that blocks; the oldest go first
_PATIENCE: Final = 1.0  # seconds for which the others wait for a subscriber that blocks
_logger = logging.getLogger("signedin")


class Events:
    """The subscribers of one session. Events arrive one after another, in the order in which they were noted.

    Whoever changes the session calls `note` while the change is made, under the lock that makes the order: it only
    appends. And `deliver` once the lock is given back: it logs, and begins threads.
    """

    def __init__(self, key: str, *, patience: float = _PATIENCE) -> None:
        self._key = key
        self._patience = patience
        self._subscribers: dict[str, dict[object, _Subscriber]] = {name: {} for name in NAMES}  # guarded by _mutex
        self._unlogged: deque[Event] = deque(maxlen=_BACKLOG)  # guarded by _mutex
        self._waiting: deque[Event] = deque(maxlen=_BACKLOG)  # guarded by _mutex
        self._telling = False  # guarded by _mutex
        self._mutex = threading.Lock()

    def on(self, name: str, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Subscribe; call what is returned to unsubscribe."""
        if name not in NAMES:
            raise ConfigurationError(f"There is no event {name!r}; there are {', '.join(sorted(NAMES))}.")
        subscription = object()
        with self._mutex:
            self._subscribers[name][subscription] = self._subscriber(callback)

        def off() -> None:
            with self._mutex:
                self._subscribers[name].pop(subscription, None)

        return off

    def note(self, name: str, generation: int | None, **details: object) -> None:
        """Keep an event for the next `deliver`. No I/O and no thread: it may be called under a lock."""
        event = Event(name, self._key, generation, details)
        with self._mutex:
            self._unlogged.append(event)
            if self._subscribers[name]:
                self._waiting.append(event)

    def deliver(self) -> None:
        """Log what was noted, see that its subscribers are told, and return at once; not under a lock."""
        try:
            for event in self._taken():
                level = logging.WARNING if event.name == "unsaved" else logging.INFO
                reason = f" ({event.details['reason']})" if "reason" in event.details else ""
                _logger.log(level, "%s: %s, generation %s%s", event.key, event.name, event.generation, reason)
        finally:
            self._begin()

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's threads."""
        self._mutex = threading.Lock()
        self._telling = False
        self._waiting.clear()
        self._unlogged.clear()
        for subscriber in self._all():
            subscriber.forget()

    def _subscriber(self, callback: Callable[[Event], object]) -> _Subscriber:
        """Return the one that has this callback, for whatever event: it is told one event at a time."""
        known = (subscriber for subscriber in self._all() if subscriber.callback == callback)
        return next(known, None) or _Subscriber(callback)

    def _all(self) -> list[_Subscriber]:
        return [subscriber for named in self._subscribers.values() for subscriber in named.values()]

    def _taken(self) -> tuple[Event, ...]:
        with self._mutex:
            taken = tuple(self._unlogged)
            self._unlogged.clear()
        return taken

    def _begin(self) -> None:
        with self._mutex:
            if self._telling or not self._waiting:
                return
            self._telling = True
        try:
            _start(self._hand_out)
        except RuntimeError:  # there is no thread, or Python 3.12 gives none any more: with the next event, if at all
            self._telling = False
        except BaseException:  # Ctrl-C, before or after the thread began
            self._telling = False
            raise

    def _hand_out(self) -> None:
        while (event := self._next()) is not None:
            with self._mutex:
                subscribers = tuple(self._subscribers[event.name].values())
            for subscriber in subscribers:
                self._hand(event, subscriber)

    def _next(self) -> Event | None:
        with self._mutex:
            self._telling = bool(self._waiting)
            return self._waiting.popleft() if self._waiting else None

    def _hand(self, event: Event, subscriber: _Subscriber) -> None:
        """Return when the subscriber has been told, or blocks: then a thread goes on with it, and is its own."""
        with self._mutex:
            subscriber.backlog.append(event)
            if not subscriber.idle.is_set():
                return  # it has kept the others waiting before
            subscriber.idle.clear()
        try:
            _start(lambda: self._tell(subscriber))
        except RuntimeError:  # late is better than never
            self._tell(subscriber)
        subscriber.idle.wait(self._patience)

    def _tell(self, subscriber: _Subscriber) -> None:
        while (event := self._next_for(subscriber)) is not None:
            try:
                subscriber.callback(event)
            except BaseException:  # sys.exit() too: the thread has more to tell
                _logger.exception("a subscriber to %r raised", event.name)

    def _next_for(self, subscriber: _Subscriber) -> Event | None:
        with self._mutex:
            while subscriber.backlog:
                event = subscriber.backlog.popleft()
                if subscriber in self._subscribers[event.name].values():  # it may have ended its subscription
                    return event
            subscriber.idle.set()
            return None


class _Subscriber:
    """A callback and what it has not heard yet; guarded by the mutex of its `Events`."""

    def __init__(self, callback: Callable[[Event], object]) -> None:
        self.callback: Final = callback
        self.forget()

    def forget(self) -> None:
        self.backlog: deque[Event] = deque(maxlen=_BACKLOG)
        self.idle = threading.Event()  # not while a thread tells it something
        self.idle.set()


def _start(job: Callable[[], None]) -> None:
    # A daemon: a callback that blocks for ever must not keep the process from ending.
    threading.Thread(target=job, name="signedin-events", daemon=True).start()
