"""What happened, twice: one JSON line of log per request, and counts for demos and tests (the ledger).

Neither holds a secret, an address or a token: the operation itself marks what may be logged of its request.
"""

import logging
import time
from collections import Counter, deque
from typing import Any, TypedDict

from starlette.requests import Request

from signedin_backend.metrics import Metrics
from signedin_backend.settings import Settings

LOG = logging.getLogger("signedin_backend")
_EVENTS = 10_000


class Mark(TypedDict, total=False):
    """What an operation says about its request."""

    kind: str
    left: int
    reason: str
    session: str | None
    revoked: bool


def mark(request: Request, kind: str, **details: Any) -> None:
    """Say what became of this request, for log and ledger."""
    request.scope["signedin.mark"] = {"kind": kind, **details}


class Journal:
    """Written on the event loop, once per request, by `edge`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.metrics = Metrics()
        self._started = time.monotonic()
        self._counts: Counter[str] = Counter()
        self._events: deque[dict[str, Any]] = deque(maxlen=_EVENTS)

    def record(self, marked: Mark, *, status: int, about: dict[str, Any]) -> None:
        """Log one answered request, and count it if the ledger is on."""
        revoked = marked.get("reason") == "reused" and marked.get("revoked", False)
        suspicious = revoked or marked.get("kind") == "repeated"
        level = logging.ERROR if status >= 500 else logging.WARNING if suspicious else logging.INFO
        LOG.log(level, "request", extra={"fields": {**about, "status": status, **marked}})
        self.metrics.record(marked, status=status, about=about)
        if self._settings.ledger:
            self._count(marked, status)

    def _count(self, marked: Mark, status: int) -> None:
        kind = marked.get("kind", "other")
        moment = round((time.monotonic() - self._started) * 1000, 3)
        left = {"left_ms": marked["left"]} if kind == "rotated" and "left" in marked else {}
        self._events.append({"ms": moment, "kind": kind, "status": status, **left})
        self._counts["requests"] += 1
        self._counts[kind] += 1
        self._counts["errors_5xx"] += status >= 500
        self._counts["rate_limited"] += status == 429
        self._counts["families_revoked"] += marked.get("revoked", False)
        if kind == "rotated":
            self._counts["expiries"] += marked.get("left", 0) <= self._due

    @property
    def _due(self) -> int:
        """Milliseconds before the end of an access token from which replacing it is due.

        The widest soft window of PROTOCOL.md: a fifth of the lifetime, at most a minute, a tenth more by jitter.
        """
        return round(min(self._settings.access_ttl * 0.2, 60) * 1.1 * 1000)

    def ledger(self) -> dict[str, Any]:
        """Return the counts since the start.

        `expiries` are the access tokens that were used up: rotations whose predecessor had expired or was due. A
        client that refreshes once per lifetime makes as many `refreshes`; one that refreshes early, twice or for
        nothing makes more. `expired_401` are requests sent in vain with a bearer that had expired. The event of a
        rotation says how long the replaced access token would still have lived.
        """
        count = self._counts
        return {
            "requests": count["requests"],
            "profile_ok": count["profile"],
            "expired_401": count["expired_bearer"],
            "refused_bearers": count["refused_bearer"] + count["no_bearer"],
            "registrations": count["registered"],
            "logins": count["signed_in"],
            "refused_logins": count["refused_login"],
            "refreshes": count["rotated"],
            "expiries": count["expiries"],
            "due_within_ms": self._due,
            "reused_tokens": count["repeated"],
            "refused_refreshes": count["refused_refresh"],
            "logouts": count["signed_out"],
            "families_revoked": count["families_revoked"],
            "rate_limited": count["rate_limited"],
            "errors_5xx": count["errors_5xx"],
            "access_ttl_ms": self._settings.access_ttl * 1000,
            "now_ms": round((time.monotonic() - self._started) * 1000, 3),
            "events": list(self._events),
        }
