"""How long things may take, and when a token is near its end. Pure arithmetic."""

from __future__ import annotations

import random
import threading
from typing import Final, NamedTuple, Self

from signedin.errors import ConfigurationError

# Back-off between two sendings of one flight, in seconds, before jitter; the last value repeats.
BACK_OFFS: Final = (0.25, 0.75, 1.5)
# Rest between a failed flight and the next, in seconds, by how many have failed in a row.
RESTS: Final = (0.5, 1.0, 2.0, 4.0)
# Waits between two attempts to store a pair that the store could not take, in seconds; the last value repeats.
SAVES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
JITTER: Final = 0.1
# The least time for one sending, in seconds, before a server's grace is too short to count on.
SHORTEST_POST: Final = 2.0
# The longest pause before the first retry of a call, in seconds; it doubles with each, up to the second figure.
RETRY: Final = (0.5, 8.0)


class Timing(NamedTuple):
    """Bounds of one refresh, in seconds. They must fit into each other; the session that takes them checks it.

    `post`: one sending, total. `resends`: further sendings of one flight. `flight`: the whole of it. `lease`: how long
    a lock outlives a holder that vanished. `waiter`: the longest that a caller waits. `save`: writing the new pair.
    """

    post: float = 8.0
    resends: int = 2
    flight: float = 28.0
    lease: float = 35.0
    waiter: float = 30.0
    save: float = 5.0

    def checked(self) -> Self:
        """Return these bounds where they fit into each other, or raise `ConfigurationError`."""
        durations = (self.post, self.flight, self.lease, self.waiter, self.save)
        if not all(0 < seconds <= threading.TIMEOUT_MAX for seconds in durations) or self.resends < 0:
            raise ConfigurationError("Timing: durations must be positive and finite, and resends must not be negative")
        sendings = self.post * (self.resends + 1) + longest_back_offs(self.resends)
        self._demand(sendings <= self.flight, f"all sendings take up to {sendings:g} s; flight must be at least that")
        self._demand(self.flight + self.save <= self.lease, "flight + save must fit into lease")
        self._demand(self.flight <= self.waiter, "flight must fit into waiter")
        return self

    def within(self, grace: float) -> Self | None:
        """Return bounds under which the last sending meets the server's grace of so many seconds: these, or shorter.

        None where one sending would have less than `SHORTEST_POST`: then the server counts as one without a grace.
        """
        share = grace / (self.lease + self.post)
        if share >= 1:
            return self
        post, flight, lease = self.post * share, self.flight * share, self.lease * share
        if post < SHORTEST_POST:
            return None
        sendings = (count for count in range(self.resends, -1, -1))
        resends = next(n for n in sendings if post * (n + 1) + longest_back_offs(n) <= flight)
        return self._replace(post=post, resends=resends, flight=flight, lease=lease, save=self.save * share)

    @staticmethod
    def _demand(holds: bool, otherwise: str) -> None:  # noqa: FBT001 -- private, read at the call
        if not holds:
            raise ConfigurationError(f"Timing: {otherwise}")


def longest_back_offs(count: int) -> float:
    """Return the most that `count` back-offs of one flight can add up to, in seconds."""
    return sum(nth(BACK_OFFS, n) for n in range(count)) * (1 + JITTER)


def nth(durations: tuple[float, ...], count: int) -> float:
    """Return the duration number `count`, counted from 0; the last one repeats."""
    return durations[min(count, len(durations) - 1)]


def retry_pause(retries: int, wanted: float | None, chance: float) -> float:
    """Return how long to wait before a call is retried: never shorter than the server wants.

    `retries`: how many there were before. `chance`: between 0 and 1; all of the pause is random ("full jitter"), or
    those who failed together would come back together.
    """
    own = chance * min(RETRY[0] * 2.0 ** min(retries, 16), RETRY[1])
    return max(own, (wanted or 0.0) * (1 + JITTER * chance))


def jittered(seconds: float) -> float:
    """Return the duration, up to a tenth longer or shorter, so that a fleet does not march in step."""
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 -- spread, not a secret


def lengthened(seconds: float) -> float:
    """Return the duration, up to a tenth longer: never shorter than a server wants to be left alone."""
    return seconds * random.uniform(1, 1 + JITTER)  # noqa: S311 -- spread, not a secret
