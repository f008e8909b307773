"""Which outcome of an attempt is retried, how long to wait before, and the budget that bounds it: no I/O, no clock.

An outcome is a response or what httpx raised. `_call` carries the retries out. A 401 is none: `_plan` replays it.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import httpx

from signedin._contract import date_of

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_WAIT: Final = 60.0  # seconds; what a server asks for beyond is not waited for
_YEAR: Final = 366 * 86_400.0  # seconds; the longest Retry-After that is believed
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})  # RFC 9110, section 9.2.2
_UNDONE: Final = frozenset({429})  # the server has done nothing
_DOUBTFUL: Final = frozenset({408, 500, 502, 503, 504})
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout)
# The answer is lost. Not the wait for a connection of ours (PoolTimeout): to wait once more makes the queue longer.
_LOST: Final = (httpx.ReadTimeout, httpx.WriteTimeout, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)


def is_idempotent(method: str) -> bool:
    """Say whether doing it twice is the same as doing it once."""
    return method.upper() in _IDEMPOTENT


def may_be_retried(outcome: httpx.Response | Exception, *, idempotent: bool) -> bool:
    """Say whether one more attempt can help, and can do no harm."""
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in _UNDONE or (idempotent and outcome.status_code in _DOUBTFUL)
    return isinstance(outcome, _NOT_SENT) or (idempotent and isinstance(outcome, _LOST))


def retry_after(headers: httpx.Headers, now: float) -> float | None:
    """Return for how many seconds the server wants to be left alone; of several answers the longest.

    In milliseconds (`retry-after-ms`), seconds or as a date (RFC 9110, section 10.2.3), a date by the server's own
    clock where it says its time. None where nothing names a time.
    """
    server = date_of(headers)
    return max(_waits(headers, now if server is None else server), default=None)


def _waits(headers: httpx.Headers, now: float) -> Iterator[float]:
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        for value in headers.get_list(name):
            if re.fullmatch(r"\d+(\.\d+)?", value.strip(), re.ASCII):
                yield min(float(value) * unit, _YEAR)
            elif name == "retry-after" and value[:1].isalpha():
                try:
                    date = parsedate_to_datetime(value)
                    yield min(max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now), _YEAR)
                except (ValueError, TypeError, OverflowError):
                    continue


class Budget:
    """Retries that a client may still make: some at first, one more for ten calls that worked, or for a minute.

    So an outage is met with at most a tenth more requests than calls. Without a lock: a race between threads grants or
    costs a fraction of a retry.
    """

    __slots__ = ("_since", "tokens")

    FULL: Final = 10.0
    BY_SUCCESS: Final = 0.1
    BY_SECOND: Final = 1 / 60

    def __init__(self) -> None:
        self.tokens = self.FULL
        self._since = 0.0

    def earn(self) -> None:
        """Count a call that worked."""
        if self.tokens < self.FULL:
            self.tokens = min(self.FULL, self.tokens + self.BY_SUCCESS)

    def spend(self, now: float) -> bool:
        """Take one retry if there is one; `now` is monotonic."""
        if self.tokens < self.FULL:
            self.tokens = min(self.FULL, self.tokens + max(0.0, now - self._since) * self.BY_SECOND)
        self._since = now
        if self.tokens < 1.0 - 1e-9:
            return False
        self.tokens -= 1.0
        return True
