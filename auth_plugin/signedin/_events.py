"""Tells subscribers what happened to a session, in a thread of its own: one that raises or blocks harms nobody."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final

from signedin.errors import ConfigurationError
from signedin.typing import Event

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES: Final = frozenset(
    {"signed_in", "refreshed", "refresh_failed", "expired", "signed_out", "adopted", "unsaved"},
)
_BACKLOG: Final = 1000  # events kept for a subscriber that blocks; the oldest go first
_logger = logging.getLogger("signedin")


class Events:
    """The subscribers of one session. Events arrive one after another, in the order in which they happened."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._subscribers: dict[str, list[Callable[[Event], object]]] = defaultdict(list)  # guarded by _mutex
        self._waiting: deque[Event] = deque(maxlen=_BACKLOG)  # guarded by _mutex
        self._telling = False  # guarded by _mutex
        self._mutex = threading.Lock()

    def on(self, name: str, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Subscribe; call what is returned to unsubscribe."""
        if name not in NAMES:
            raise ConfigurationError(f"There is no event {name!r}; there are {', '.join(sorted(NAMES))}.")
        with self._mutex:
            self._subscribers[name].append(callback)

        def off() -> None:
            with self._mutex:
                if callback in self._subscribers[name]:
                    self._subscribers[name].remove(callback)

        return off

    def tell(self, name: str, generation: int | None, **details: object) -> None:
        """Hand an event over and return at once."""
        event = Event(name, self._key, generation, details)
        _logger.info("%s: %s, generation %s", event.key, event.name, event.generation)
        with self._mutex:
            if not self._subscribers[event.name]:
                return
            self._waiting.append(event)
            if self._telling:
                return
            self._telling = True
        # A daemon: a callback that blocks for ever must not keep the process from ending.
        try:
            threading.Thread(target=self._tell, name="signedin-events", daemon=True).start()
        except RuntimeError:  # Python 3.12 starts no thread once the main one has ended: nobody is told any more
            with self._mutex:
                self._telling = False

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's thread."""
        self._mutex = threading.Lock()
        self._telling = False
        self._waiting.clear()

    def _tell(self) -> None:
        while True:
            with self._mutex:
                if not self._waiting:
                    self._telling = False
                    return
                event = self._waiting.popleft()
                callbacks = tuple(self._subscribers[event.name])
            for callback in callbacks:
                try:
                    callback(event)
                except BaseException:  # sys.exit() too: it would end the thread that tells the others
                    _logger.exception("a subscriber to %r raised", event.name)
