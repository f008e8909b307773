"""What went wrong lately, and what follows: the next flight rests, and a loop of fruitless refreshes ends.

The session guards it by its own lock.
"""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from signedin.errors import FreshTokenRejectedError, RefreshUnavailableError
from signedin.timing import jittered, rest_after

if TYPE_CHECKING:
    from signedin._held import Held
    from signedin.errors import AuthError
    from signedin.protocols import Clock

# So many refreshes in so many seconds whose predecessor the server never accepted: the next one would be a loop.
_UNPROVEN_LIMIT: Final = 5
_UNPROVEN_WINDOW: Final = 30.0


class Setbacks:
    """The failures of one session, since the last success."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0  # flights failed in a row
        self._rest_until = 0.0  # monotonic
        self._unproven: deque[float] = deque(maxlen=_UNPROVEN_LIMIT)  # monotonic
        # Class and text of the last failure: the error itself would keep frames, and what they hold.
        self.last: tuple[str, str] | None = None

    def rest(self) -> float:
        """Return the seconds for which no flight should send."""
        return max(0.0, self._rest_until - self._clock.monotonic())

    def failed(self, error: AuthError) -> None:
        """A flight found no usable answer: the next one rests, as long as the server asked or longer each time."""
        self._failures += 1
        self.last = type(error).__name__, str(error)
        asked = error.retry_after if isinstance(error, RefreshUnavailableError) else None
        rest = max(jittered(rest_after(self._failures)), asked.total_seconds() if asked else 0.0)
        self._rest_until = self._clock.monotonic() + rest

    def ended(self, error: AuthError) -> None:
        """The session is over, so there is nothing to rest from."""
        self._failures, self._rest_until, self.last = 0, 0.0, (type(error).__name__, str(error))

    def landed(self, *, refreshed: bool, before: Held | None) -> None:
        """A flight brought a pair; one refreshed from a pair that the server never took may be part of a loop."""
        self._failures, self._rest_until, self.last = 0, 0.0, None
        if refreshed and before is not None and not before.accepted:
            self._unproven.append(self._clock.monotonic())
        elif refreshed:
            self._unproven.clear()

    def forget(self) -> None:
        """Somebody signed in."""
        self._failures, self._rest_until, self.last = 0, 0.0, None
        self._unproven.clear()

    def loops(self, held: Held) -> bool:
        """Say whether replacing a pair that no request was accepted with would be one more turn of a loop."""
        full = len(self._unproven) == _UNPROVEN_LIMIT
        return full and not held.accepted and self._clock.monotonic() - self._unproven[0] <= _UNPROVEN_WINDOW

    def refuse_to_loop(self, held: Held, clock_offset: float | None) -> None:
        """Raise FreshTokenRejectedError where refreshing has become a loop."""
        if not self.loops(held):
            return
        offset = timedelta(seconds=clock_offset or 0.0)
        raise FreshTokenRejectedError(
            f"The last {_UNPROVEN_LIMIT} tokens were refreshed within {_UNPROVEN_WINDOW:g} s, and the server accepted "
            "no request with them; one more refresh would loop. The pair is kept. The server's clock was last seen "
            f"{offset.total_seconds():+.1f} s from this one; look at the server's clocks, keys and failures.",
            clock_offset=offset,
        )
