"""The pair in hand, and the windows of its life, translated from the server's time into this process's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signedin.timing import hard_window, jittered, soft_window

if TYPE_CHECKING:
    from signedin._flight import Instant
    from signedin._tokens import Record
    from signedin.protocols import Clock


class Held:
    """The pair in hand, ready for a header; replaced as a whole, so that no reader mixes two generations."""

    __slots__ = ("accepted", "generation", "hard_at", "header", "record", "refreshed", "refused", "soft_at")

    def __init__(self, record: Record, *, soft_at: float, hard_at: float, refreshed: bool) -> None:
        self.record = record
        self.generation = record.generation
        self.header = f"Bearer {record.pair.access_token}" if record.pair else ""
        self.soft_at = soft_at  # monotonic: from here on it is replaced in the background
        self.hard_at = hard_at  # monotonic: from here on it is not sent any more
        self.refused = False
        self.refreshed = refreshed  # by this process, which took it into its hand with that
        self.accepted = False  # whether the server has taken it once; set by any thread, never unset

    def __repr__(self) -> str:
        return f"<Held generation={self.generation}>"

    def same_pair(self, other: Held) -> bool:
        """Say whether both are one generation of one sign-in."""
        return self.generation == other.generation and self.record.family == other.record.family


class Windows:
    """Says how long a record's access token may be sent, by what this process knows of the server's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spread = jittered(1.0)
        self._ahead: float | None = None  # seconds that the server's clock is ahead of this process's monotonic one

    @property
    def clock_offset(self) -> float | None:
        """Seconds that the server's clock is ahead of this process's wall clock now; None before an answer told."""
        return None if self._ahead is None else round(self._ahead + self._clock.monotonic() - self._clock.wall(), 3)

    def learn(self, clock_offset: float) -> None:
        """Keep what an answer just told: by the monotonic clock, since the wall clock may jump afterwards."""
        self._ahead = clock_offset + self._clock.wall() - self._clock.monotonic()

    def spread(self) -> None:
        """Draw this process's own soft window, so that a fleet does not refresh in step."""
        self._spread = jittered(1.0)

    def hold(self, record: Record, *, refreshed: bool = False) -> Held:
        """Return the record's pair with its windows; the wall clock may jump afterwards without moving them."""
        never, now = float("inf"), self._clock.monotonic()
        remaining = self._remaining(record, self._clock.wall(), now)
        if remaining is None or (refreshed and remaining <= 0):
            # Opaque, or expired on arrival, which says that our idea of time is wrong: wait for the server's 401.
            return Held(record, soft_at=never, hard_at=never, refreshed=refreshed)
        end, lifetime = now + remaining, _lifetime(record)
        soft_at, hard_at = end - soft_window(lifetime) * self._spread, end - hard_window(lifetime)
        return Held(record, soft_at=soft_at, hard_at=hard_at, refreshed=refreshed)

    def usable(self, record: Record, now: Instant) -> bool:
        """Say whether the access token is outside its hard window."""
        remaining = self._remaining(record, now.wall, now.monotonic)
        return remaining is None or remaining > hard_window(_lifetime(record))

    def _remaining(self, record: Record, wall: float, monotonic: float) -> float | None:
        if record.claims.exp is None:
            return None
        # What this process has learned itself comes first: the record may be from a host with another clock.
        server = wall + record.clock_offset if self._ahead is None else monotonic + self._ahead
        return record.claims.exp - server


def _lifetime(record: Record) -> float | None:
    """Return for how long the access token was issued; where it has no `iat`, what it had left when it was obtained."""
    claims = record.claims
    if claims.iat is not None or claims.exp is None:
        return claims.lifetime
    left = claims.exp - record.obtained_at - record.clock_offset
    return left if left > 0 else None
