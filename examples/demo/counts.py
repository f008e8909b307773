"""What happened, counted on both sides of the wire, and whether that is what was promised."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from examples.demo.wire import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from signedin import TokenSession
    from signedin.protocols import Event

    from examples.demo.clock import DemoClock
    from examples.demo.wire import Span

# The widest soft window: a fifth of a token's life, at most a minute, a tenth more by jitter.
_SOFT, _SOFT_SECONDS, _JITTER = 0.2, 60.0, 1.1
_SETTLED_WITHIN = 10.0  # seconds; an event takes milliseconds


@dataclass(slots=True)
class Life:
    """One access token as a session's events tell of it; seconds since the epoch."""

    generation: int
    start: float
    end: float
    forwarded: float


class Lifetimes:
    """Counts, by session events, the access tokens that were used up and how often the session refreshed."""

    def __init__(self, session: TokenSession, clock: DemoClock) -> None:
        self.lives: list[Life] = []
        self.expiries = self.refreshes = self.adopted = 0
        self._session, self._clock = session, clock
        for name in ("signed_in", "refreshed", "adopted"):
            session.on(name, self._note)

    def _note(self, event: Event) -> None:
        if event.name == "refreshed":
            self.refreshes += 1
            self.expiries += self._was_due()
        self.adopted += event.name == "adopted"
        pair = self._session.tokens
        if pair is not None and pair.expires_at is not None:
            expires = pair.expires_at.timestamp()
            obtained = datetime.fromisoformat(str(self._session.explain()["obtained_at"])).timestamp()
            self.lives.append(Life(event.generation or 0, obtained, expires, self._clock.forwarded))

    def _was_due(self) -> bool:
        if not self.lives:
            return True
        last = self.lives[-1]
        believed = time.time() + self._clock.forwarded - last.forwarded
        # A token's issue is cut to whole seconds, so the longest life seen is nearest to the one promised.
        promised = max(math.ceil(life.end - life.start) for life in self.lives)
        return believed >= last.end - min(promised * _SOFT, _SOFT_SECONDS) * _JITTER

    def settle(self) -> None:
        """Wait for the events of the pair in hand, which may be delivered after the calls that waited for it return."""
        end = time.monotonic() + _SETTLED_WITHIN
        while not self._is_settled() and time.monotonic() < end:
            time.sleep(0.01)

    def _is_settled(self) -> bool:
        if not self._session.is_signed_in:
            return True
        return bool(self.lives) and self.lives[-1].generation == self._session.explain()["generation"]


@dataclass(slots=True)
class Counts:
    """One side's account of the run. None: this side cannot tell."""

    expiries: int
    refreshes: int
    reused: int | None
    wasted: int
    errors: int
    profiles: int

    @classmethod
    def of_client(cls, spans: Iterable[Span], expiries: int) -> Self:
        """Count what the demo's own transports saw."""
        seen = list(spans)
        wrong = sum(s.kind not in {"refused", "other"} and not 200 <= s.status < 300 for s in seen)
        reading = ("request", "replay")
        profiles = sum(s.kind in reading and s.status == 200 for s in seen)
        return cls(expiries, count(seen, "refresh"), None, count(seen, "refused"), wrong, profiles)

    @classmethod
    def of_backend(cls, ledger: Mapping[str, int]) -> Self:
        """Read the backend's ledger."""
        errors = ("errors_5xx", "rate_limited", "refused_bearers", "refused_refreshes")
        return cls(
            ledger["expiries"],
            ledger["refreshes"],
            ledger["reused_tokens"],
            ledger["expired_401"],
            sum(ledger.get(name, 0) for name in errors),
            ledger["profile_ok"],
        )

    def complaints(self) -> list[str]:
        """Return what is not as promised."""
        complaints = []
        if self.expiries != self.refreshes:
            complaints.append(f"{self.expiries} tokens were used up, but {self.refreshes} refreshes were made")
        if self.reused:
            complaints.append(f"{self.reused} refresh tokens were presented twice")
        if self.errors:
            complaints.append(f"{self.errors} requests failed")
        return complaints


def disagreements(client: Counts, backend: Counts) -> list[str]:
    """Return where the two sides tell different stories."""
    names = ("refreshes", "wasted", "profiles")
    pairs = [(name, getattr(client, name), getattr(backend, name)) for name in names]
    return [f"{name}: the client says {ours}, the backend {theirs}" for name, ours, theirs in pairs if ours != theirs]
