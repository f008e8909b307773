"""Carries a flight's effects out, in whatever thread runs it; decides nothing.

The session gives each flight a thread of its own, so that no caller's cancellation, timeout or event loop reaches it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from signedin import _flight
from signedin.errors import AuthError, RefreshUnavailableError, TokenStoreError
from signedin.protocols import Unknown
from signedin.timing import lengthened

if TYPE_CHECKING:
    from signedin._flight import Effect, Flight
    from signedin._tokens import Records, TokenPair
    from signedin.protocols import Answer, Clock, Refresher
    from signedin.timing import Timing

T = TypeVar("T")


class Runner(NamedTuple):
    """What the effects of one flight act on. `owner` is unique to the flight."""

    records: Records
    owner: str
    refresher: Refresher
    clock: Clock
    timing: Timing
    closing: threading.Event

    def run(self, flight: Flight[T]) -> T:
        """Drive the flight to its end and return what it returns, or raise what it raises."""
        answer: Any = None
        failure: AuthError | None = None
        while True:
            try:
                effect = flight.throw(failure) if failure else flight.send(answer)
            except StopIteration as landed:
                result: T = landed.value
                return result
            answer, failure = None, None
            try:
                answer = self._carry_out(effect)
            except AuthError as error:
                failure = error
            except BaseException as error:  # noqa: BLE001 -- whatever a user's store raises: the lock must be given back
                failure = TokenStoreError(f"{type(self.records.store).__name__} raised {type(error).__name__}.")
                failure.__cause__ = error

    def _carry_out(self, effect: Effect) -> object:
        result: object = None
        match effect:
            case _flight.Now():
                result = _flight.Instant(self.clock.wall(), self.clock.monotonic())
            case _flight.Draw():
                result = os.urandom(16).hex()  # as secrets.token_hex, which imports hmac
            case _flight.Sleep(seconds, to_the_end):
                self._sleep(lengthened(seconds), to_the_end=to_the_end)
            case _flight.Load():
                result = self.records.load()
            case _flight.CompareAndSet(expected, record):
                result = self.records.compare_and_set(expected, record)
            case _flight.TryLock():
                result = self.records.store.try_lock(self.records.key, self.owner, self.timing.lease)
            case _flight.Unlock():
                self.records.store.unlock(self.records.key, self.owner)
            case _flight.Post(pair, attempt):
                result = self._post(pair, attempt)
            case _flight.Revoke(pair):
                with contextlib.suppress(BaseException):  # best effort, also with a user's refresher
                    self.refresher.revoke(pair.refresh_token, timeout=self.timing.post)
        return result

    def _sleep(self, seconds: float, *, to_the_end: bool) -> None:
        closing = threading.Event() if to_the_end else self.closing
        if not self.clock.sleep(seconds, closing) and not to_the_end:
            raise RefreshUnavailableError("The session was closed before it could be refreshed. The pair is kept.")

    def _post(self, pair: TokenPair, attempt: str) -> Answer:
        try:
            return self.refresher.refresh(pair.refresh_token, attempt=attempt, timeout=self.timing.post)
        except BaseException as error:  # noqa: BLE001 -- whatever a user's refresher raises, the token may be spent
            return Unknown(f"the refresher raised {type(error).__name__}")
