"""The client's clock, which the demo can stop (a laptop that sleeps) or move forward (a token of five minutes)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signedin.protocols import Closing


class DemoClock:
    """A `signedin.protocols.Clock`: the machine's time, or what the demo sets. Steered while no call is under way."""

    wall = staticmethod(time.time)

    def __init__(self) -> None:
        self.forwarded = 0.0  # seconds, in all
        self._shift = 0.0
        self._stopped_at: float | None = None

    def monotonic(self) -> float:
        """Seconds that never jump back."""
        return time.monotonic() + self._shift if self._stopped_at is None else self._stopped_at

    def sleep(self, seconds: float, closing: Closing) -> bool:
        """Let time pass; return False, early, once `closing` is set."""
        return not closing.wait(seconds)

    def stop(self) -> None:
        """Stand still, as the monotonic clocks of Linux and macOS do while the machine is suspended."""
        self._stopped_at = self.monotonic()

    def go_on(self) -> None:
        """Go on from where it stopped."""
        if self._stopped_at is not None:
            self._shift, self._stopped_at = self._stopped_at - time.monotonic(), None

    def forward(self, seconds: float) -> None:
        """Let the client believe that so much time has passed."""
        self._shift += seconds
        self.forwarded += seconds
