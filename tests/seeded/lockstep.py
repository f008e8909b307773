"""Real sessions whose threads run only when a seed says so: one thread at a time, each stopped at every effect.

The event loop's thread hands the baton to a session's thread, which runs to its next store or network access and gives
it back. So a run is the same every time for one seed, with real threads, real futures and a real event loop.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from signedin import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin import Stored, TokenPair
    from signedin.protocols import Answer, Refresher

_PATIENCE = 20.0  # seconds of real time after which a baton counts as lost


class _Parked:
    """One thread that waits for its turn."""

    def __init__(self) -> None:
        self.turn = threading.Semaphore(0)
        self.stopped = threading.Semaphore(0)

    def stop(self) -> None:
        self.stopped.release()
        if not self.turn.acquire(timeout=_PATIENCE):
            raise AssertionError("the baton was not handed back")


class Baton:
    """Hands the turn to one parked thread after another."""

    def __init__(self) -> None:
        self.parked: list[_Parked] = []
        self._mine = threading.local()

    def wrap(self, job: Callable[[], None]) -> Callable[[], None]:
        """Return the job, as a thread's target that stops before it begins."""
        me = _Parked()
        self.parked.append(me)

        def run() -> None:
            self._mine.parked = me
            if not me.turn.acquire(timeout=_PATIENCE):
                raise AssertionError("the thread never got a turn")
            try:
                job()
            finally:
                self.parked.remove(me)
                me.stopped.release()

        return run

    def stop(self) -> None:
        """Stop here, if this is one of the threads, until the next turn."""
        if (me := getattr(self._mine, "parked", None)) is not None:
            me.stop()

    def step(self, index: int) -> None:
        """Let one thread run to its next stop, or its end."""
        chosen = self.parked[index]
        chosen.turn.release()
        if not chosen.stopped.acquire(timeout=_PATIENCE):
            raise AssertionError("a thread did not come to its next stop")


class SteppedStore(MemoryStore):
    """A MemoryStore that stops before every access."""

    def __init__(self, baton: Baton) -> None:
        super().__init__()
        self._baton = baton

    def load(self, key: str) -> Stored | None:
        self._baton.stop()
        return super().load(key)

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        self._baton.stop()
        return super().compare_and_set(key, expected_revision, data)

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        self._baton.stop()
        return super().try_lock(key, owner, seconds)


class SteppedRefresher:
    """A refresher that stops before the request leaves and before the answer arrives."""

    def __init__(self, refresher: Refresher, baton: Baton) -> None:
        self._refresher, self._baton = refresher, baton

    def refresh(self, pair: TokenPair, *, attempt: str, timeout: float) -> Answer:
        self._baton.stop()
        answer = self._refresher.refresh(pair, attempt=attempt, timeout=timeout)
        self._baton.stop()
        return answer

    def revoke(self, pair: TokenPair, *, timeout: float) -> None:
        self._baton.stop()
        self._refresher.revoke(pair, timeout=timeout)

    def close(self) -> None:
        self._refresher.close()
