"""A clock that moves by `advance`, or when somebody sleeps by it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signedin.protocols import Closing


class VirtualClock:
    """Time as a parameter: `advance` moves it, `sleep` moves it without waiting, `jump` moves the wall clock alone."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._wall = now  # guarded by _mutex
        self._monotonic = 1000.0  # guarded by _mutex
        self._mutex = threading.Lock()
        self.slept: list[float] = []

    def wall(self) -> float:
        """Seconds since the epoch."""
        return self._wall

    def monotonic(self) -> float:
        """Seconds that no jump moves."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._mutex:
            self._wall += seconds
            self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock ahead or back, as a clock synchronisation does."""
        with self._mutex:
            self._wall += seconds

    def sleep(self, seconds: float, closing: Closing) -> bool:
        """Let time pass at once; False when the session is closing."""
        self.slept.append(seconds)
        self.advance(seconds)
        return not closing.is_set()
