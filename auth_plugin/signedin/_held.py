"""The pair in hand: for how long it may be sent, and what went wrong when it was to be replaced.

Values and arithmetic; no lock, no I/O. `_renewal` guards what stands here by its own lock.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from signedin._threads import Promise
from signedin.errors import FreshTokenRejectedError, RefreshUnavailableError, SignInRequiredError
from signedin.timing import hard_window, jittered, rest_after, soft_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin._flight import Instant
    from signedin._threads import SharedJob
    from signedin._tokens import Record, TokenPair
    from signedin.errors import SignedInError
    from signedin.protocols import Clock

# After so many refreshes in so many seconds, each for a pair that the server refused and never accepted, it is a loop.
_UNPROVEN_LIMIT: Final = 5
_UNPROVEN_WINDOW: Final = 30.0


@dataclass(slots=True, eq=False)
class Held:
    """The pair in hand, ready for a header."""

    record: Record
    soft_at: float  # monotonic: from here on it is replaced in the background
    hard_at: float  # monotonic: from here on it is not sent any more
    refreshed: bool = False  # by this process
    accepted: bool = False  # the server has taken it once; set by any thread, never unset
    refused: bool = False  # the server says that it has expired; set by any thread, never unset
    look: SharedJob[Held] | None = None  # at the store, after a 401 that does not speak of expiry; one for each pair
    prefix: str = "Bearer "
    header: str = field(init=False)

    def __post_init__(self) -> None:
        self.header = f"{self.prefix}{self.record.pair.access_token}" if self.record.pair else ""

    def __repr__(self) -> str:
        return f"<Held generation={self.generation}>"

    @property
    def generation(self) -> int:
        return self.record.generation

    def same_pair(self, other: Held) -> bool:
        """Say whether both are one generation of one sign-in."""
        return self.generation == other.generation and self.record.family == other.record.family

    def refuse(self) -> None:
        """Send it no more: the server has said that it has expired."""
        self.refused, self.soft_at, self.hard_at = True, -math.inf, -math.inf


class Windows:
    """For how long an access token may be sent, by what this process has learned of the server's clock."""

    def __init__(self, clock: Clock, prefix: str = "Bearer ") -> None:
        self._clock, self._prefix = clock, prefix
        self._spread = jittered(1.0)
        self._ahead: float | None = None  # seconds that the server's clock is ahead of this process's monotonic one

    @property
    def clock_offset(self) -> float | None:
        """Seconds that the server's clock is ahead of the wall clock now; None before an answer showed it."""
        return None if self._ahead is None else round(self._ahead + self._clock.monotonic() - self._clock.wall(), 3)

    def learn(self, clock_offset: float) -> None:
        """Take over what an answer showed: by the monotonic clock, since the wall clock may jump afterwards."""
        self._ahead = clock_offset + self._clock.wall() - self._clock.monotonic()

    def spread(self) -> None:
        """Draw this process's own soft window, so that a fleet does not refresh in step."""
        self._spread = jittered(1.0)

    def hold(self, record: Record, *, refreshed: bool = False) -> Held:
        """Return the record's pair with its windows."""
        now, lifetime = self._clock.monotonic(), _lifetime(record)
        hard = hard_window(lifetime)
        soft = max(soft_window(lifetime) * self._spread, hard)
        remaining = self._remaining(record, self._clock.wall(), now)
        if remaining is None or (refreshed and remaining <= soft):
            # Opaque; or near its end on arrival, as tokens of a second are, and all tokens where our idea of the
            # server's time is wrong. Refreshing again would bring no better one: the server's 401 says when.
            soft_at = hard_at = math.inf
        else:
            soft_at, hard_at = now + remaining - soft, now + remaining - hard
        return Held(record, soft_at, hard_at, refreshed=refreshed, prefix=self._prefix)

    def usable(self, record: Record, now: Instant) -> bool:
        """Say whether the access token is outside its hard window."""
        remaining = self._remaining(record, now.wall, now.monotonic)
        return record.pair is not None and (remaining is None or remaining > hard_window(_lifetime(record)))

    def _remaining(self, record: Record, wall: float, monotonic: float) -> float | None:
        if record.claims.exp is None:
            return None
        # What this process has learned itself comes first: the record may be from a host with another clock.
        server = wall + record.clock_offset if self._ahead is None else monotonic + self._ahead
        return record.claims.exp - server


def _lifetime(record: Record) -> float | None:
    """Return for how long the access token was issued; where it has no `iat`, what it had left when it was obtained."""
    iat, exp, _ = record.claims
    if exp is None:
        return None
    lifetime = exp - (record.obtained_at + record.clock_offset if iat is None else iat)
    return lifetime if lifetime > 0 else None


class Setbacks:
    """What went wrong lately: the next flight rests, and a loop of fruitless refreshes ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Class and text of the last failure: the error itself would keep frames, and what they hold.
        self.last: tuple[str, str] | None = None
        self._failures = 0  # flights failed in a row
        self._rest_until = 0.0  # monotonic
        self._unproven: deque[float] = deque(maxlen=_UNPROVEN_LIMIT)  # monotonic

    def rest(self) -> float:
        """Return the seconds for which no flight should send."""
        return max(0.0, self._rest_until - self._clock.monotonic())

    def failed(self, error: SignedInError) -> None:
        """Let the next flight rest, as long as the server wants or longer each time."""
        self._failures += 1
        self.last = type(error).__name__, str(error)
        wanted = error.retry_after if isinstance(error, RefreshUnavailableError) else None
        rest = max(jittered(rest_after(self._failures)), wanted.total_seconds() if wanted else 0.0)
        self._rest_until = self._clock.monotonic() + rest

    def landed(self, replaced: Held | None) -> None:
        """Forget failures. A pair that the server refused and never accepted may have been part of a loop."""
        self._failures, self._rest_until, self.last = 0, 0.0, None
        if replaced is not None and replaced.accepted:
            self._unproven.clear()
        elif replaced is not None and replaced.refused:
            self._unproven.append(self._clock.monotonic())

    def reset(self, error: SignedInError | None = None) -> None:
        """Begin anew: somebody signed in, or the session is over by this error."""
        self._failures, self._rest_until = 0, 0.0
        self.last = (type(error).__name__, str(error)) if error else None
        self._unproven.clear()

    def ended_by(self, error: SignedInError) -> bool:
        """Say whether it was an error of this class that ended the session, and nothing has gone well since."""
        return self.last is not None and self.last[0] == type(error).__name__

    def loops(self, held: Held) -> bool:
        """Say whether replacing this pair would be one more turn of a loop."""
        full = len(self._unproven) == _UNPROVEN_LIMIT
        return full and not held.accepted and self._clock.monotonic() - self._unproven[0] <= _UNPROVEN_WINDOW

    def refuse_to_loop(self, held: Held, clock_offset: float | None) -> None:
        """Raise FreshTokenRejectedError where refreshing has become a loop."""
        if not self.loops(held):
            return
        offset = timedelta(seconds=clock_offset or 0.0)
        raise FreshTokenRejectedError(
            f"The last {_UNPROVEN_LIMIT} tokens were refreshed within {_UNPROVEN_WINDOW:g} s, and the server refused "
            "each of them; one more refresh would loop. The pair is kept. The server's clock was last seen "
            f"{offset.total_seconds():+.1f} s from this one; look at the server's clocks, keys and failures.",
            clock_offset=offset,
        )


def or_else(flight: SharedJob[Held], held: Held, monotonic: Callable[[], float]) -> Promise[Held]:
    """Return the promise of what the flight brings or, where it fails for now, of `held` while that is usable."""
    either: Promise[Held] = Promise()

    def landed() -> None:
        error = flight.error()
        if error and (isinstance(error, SignInRequiredError) or monotonic() >= held.hard_at):
            either.set_error(error)
        else:
            either.set_result(held if error else flight.outcome())

    flight.waiters += 1
    flight.add_done_callback(landed)
    return either


def live_pair(before: Record | None, held: Held | None) -> TokenPair | None:
    """Return the newest pair there was: what is in hand may be newer than what the store could take."""
    records = [record for record in (before, held.record if held else None) if record is not None and record.pair]
    return max(records, key=lambda record: record.generation).pair if records else None
