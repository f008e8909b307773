"""Renewing a pair before its end also while nobody calls, for a token that nothing can renew afterwards.

One thread for each session whose contract says `renew: ahead`. It holds the session weakly, and ends with `close()`,
with the session, and where the pair has no end.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from signedin.errors import SignedInError

if TYPE_CHECKING:
    from signedin._threads import Threads
    from signedin.protocols import Clock, Closing

_LONGEST_SLEEP: Final = 30.0  # seconds; another process may have stored a pair that ends sooner
_SHORTEST_SLEEP: Final = 0.05


class Renewal(Protocol):
    """What the thread asks of a session; see `_renewal`."""

    def due(self) -> float | None: ...
    def current(self, *, one_shot: bool) -> Any: ...
    def wait(self, pair: Any, /) -> object: ...


class Ahead:
    """The thread of one session, and whether it runs. `wanted`: whether there is to be one."""

    def __init__(self, threads: Threads, clock: Clock, *, wanted: bool) -> None:
        self._threads, self._clock, self._wanted = threads, clock, wanted
        self._runs = False  # guarded by _lock
        self._lock = threading.Lock()

    def watch(self, renewal: Renewal) -> None:
        """See that the pair, which has just come, is renewed before its end."""
        if not self._wanted:
            return
        with self._lock:
            if self._runs or renewal.due() is None:
                return
            self._runs = True
        try:
            self._threads.start(partial(self._run, weakref.ref(renewal), self._threads.closing))
        except RuntimeError:  # no thread to be had: calls renew the pair
            self._runs = False

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's thread."""
        self._lock, self._runs = threading.Lock(), False

    def _run(self, session: weakref.ref[Renewal], closing: Closing) -> None:
        while (seconds := self._due(session, closing)) is not None:
            if seconds > 0:
                if not self._clock.sleep(max(min(seconds, _LONGEST_SLEEP), _SHORTEST_SLEEP), closing):
                    self._runs = False  # the session closes, or the process ends
                    return
            elif (renewal := session()) is not None:
                with contextlib.suppress(SignedInError):  # it is an event; the next round rests first
                    renewal.wait(renewal.current(one_shot=True))
                del renewal

    def _due(self, session: weakref.ref[Renewal], closing: Closing) -> float | None:
        """Return the seconds until the pair is to be renewed; None where the thread has nothing to do any more."""
        with self._lock:
            renewal = session()
            seconds = None if renewal is None or closing.is_set() else renewal.due()
            self._runs = seconds is not None
            return seconds
