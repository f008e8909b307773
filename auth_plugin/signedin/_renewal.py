"""The pair in hand of one process, and the flight that replaces it: who waits for which, and what came of it.

All state that threads share stands here, under one lock that is held for assignments only, never over I/O or a wait.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from signedin._flight import Landing, Orders, fly
from signedin._held import Held, Windows
from signedin._runner import Runner
from signedin._setbacks import Setbacks
from signedin._threads import Shared, Threads, no_more_threads
from signedin._tokens import Records
from signedin.errors import (
    AuthError,
    NotSignedInError,
    RefreshUnavailableError,
    SessionExpiredError,
    TokenStoreError,
)

if TYPE_CHECKING:
    from signedin._events import Events
    from signedin._tokens import Record
    from signedin.protocols import Clock, Refresher, TokenStore
    from signedin.timing import Timing


class Renewal:
    """Keeps the pair in hand renewed. `grace` and `on_doubt` as in `TokenSession`."""

    def __init__(
        self,
        store: TokenStore,
        key: str,
        refresher: Refresher,
        *,
        timing: Timing,
        clock: Clock,
        events: Events,
        grace: int | None,
        on_doubt: Literal["resend", "relogin"],
    ) -> None:
        self.records: Final = Records(store, key)
        self.refresher = refresher
        self.threads: Final = Threads()
        self.windows: Final = Windows(clock)
        self.held: Held | None = None  # written under _lock, read by anyone
        self.flight: Shared[Held] | None = None  # guarded by _lock
        self._timing, self._clock, self._events = timing, clock, events
        self._grace = grace
        self._on_doubt = on_doubt
        self._monotonic = clock.monotonic
        self._lock = threading.Lock()
        self._setbacks = Setbacks(clock)  # guarded by _lock
        self._latest = 0  # generation of the last sign-in or sign-out of this process; guarded by _lock
        self._orphaned = False  # in a forked child, while the pair belongs to the parent's memory

    # ------------------------------------------------------------------------------------------------ who asks for it

    def current(self) -> Held | Future[Held]:
        """Return a pair that may be sent, or the future of one. The fresh path takes no lock and does no I/O."""
        held = self.held
        if held is not None and self._monotonic() < held.soft_at:
            return held
        return self._current_near_its_end()

    def _current_near_its_end(self) -> Held | Future[Held]:
        with self._lock:
            held, now = self.held, self._monotonic()
            if held is not None and now < held.hard_at:
                # In the background: this caller does not wait.
                flight = self._launch(held) if now >= held.soft_at and self._may_fly_ahead(held) else None
                wanted: Held | Future[Held] = held
            else:
                wanted = flight = self._in_the_air(held)
        self._begin(flight)
        return wanted

    def current_for_one_shot(self) -> Held | Future[Held]:
        """Return a pair outside its soft window, or the future of one; else one that is usable."""
        with self._lock:
            held, now = self.held, self._monotonic()
            usable = held is not None and now < held.hard_at
            if held is not None and usable and (now < held.soft_at or self._setbacks.rest()):
                return held
            flight = self._in_the_air(held)
        self._begin(flight)
        return self._or_else(flight, held) if held is not None and usable else flight

    def renew(self, rejected: Held) -> Held | Future[Held]:
        """Return a pair newer than `rejected`, or the future of one; callers refused with it share one flight."""
        with self._lock:
            held = self.held
            if held is None or held.same_pair(rejected):
                flight = self.flight or self._launch(held, known=rejected)
            elif self._monotonic() < held.hard_at:
                return held
            else:
                flight = self._in_the_air(held)
        self._begin(flight)
        return flight

    def in_hand(self) -> Held | None:
        """Return the pair in hand while it is outside its soft window."""
        held = self.held
        return held if held is not None and self._monotonic() < held.soft_at else None

    # ----------------------------------------------------------------------------------------------------- the flight

    def _in_the_air(self, held: Held | None) -> Shared[Held]:
        """Return the flight that is under way, or one that replaces `held`; under the lock."""
        return self.flight or self._launch(held)

    def _may_fly_ahead(self, held: Held) -> bool:
        return not (
            self.flight or self._orphaned or self._setbacks.rest() or self._setbacks.loops(held) or no_more_threads()
        )

    def _launch(self, held: Held | None, *, known: Held | None = None) -> Shared[Held]:
        """Return a flight that replaces `held`, or loads what the store has; under the lock. `_begin` it outside.

        `known`: the same pair as the caller knew it, who may have seen it accepted.

        Raises:
            FreshTokenRejectedError: It would be one more turn of a loop.
        """
        if (judged := known or held) is not None:
            self._setbacks.refuse_to_loop(judged, self.windows.clock_offset)
        future: Shared[Held] = Shared()
        if self._orphaned and held is not None:
            future.set_exception(_orphan())
            return future
        orders = Orders(
            owner=os.urandom(16).hex(),
            usable=self.windows.usable,
            rejected=held.generation if held else None,
            held=held.record if held else None,
            timing=self._timing,
            grace=self._grace,
            on_doubt=self._on_doubt,
            rest=self._setbacks.rest(),
        )
        future.carry(partial(self._fly, orders, future))
        self.flight = future
        return future

    def _begin(self, flight: Shared[Held] | None) -> None:
        """Give a flight its thread; not under the lock, since that waits for the thread."""
        if flight is None:
            return
        try:
            flight.begin(self.threads.start)
        except RuntimeError as error:
            self._crash(flight, RefreshUnavailableError(f"Could not refresh: {error}. The pair is kept; try again."))

    def _or_else(self, flight: Future[Held], held: Held) -> Future[Held]:
        """Return the future of what the flight brings or, where it fails for now, of `held` while that is usable."""
        either: Future[Held] = Future()
        either.set_running_or_notify_cancel()

        def landed(_: Future[Held]) -> None:
            error = flight.exception()
            if isinstance(error, RefreshUnavailableError | TokenStoreError) and self._monotonic() < held.hard_at:
                either.set_result(held)
            elif error is not None:
                either.set_exception(error)
            else:
                either.set_result(flight.result())

        flight.add_done_callback(landed)
        return either

    def _fly(self, orders: Orders, future: Future[Held]) -> None:
        """Run a flight in this thread, and give its waiters what came of it."""
        runner = Runner(self.records, orders.owner, self.refresher, self._clock, self._timing, self.threads.closing)
        try:
            landing = runner.run(fly(orders))
        except AuthError as error:
            self._crash(future, error)
        except BaseException as error:  # noqa: BLE001 -- whatever it is, nobody may wait for ever
            failure = RefreshUnavailableError(
                f"Could not refresh: {type(error).__name__} inside the refresh. The pair is kept; try again."
            )
            failure.__cause__ = error
            self._crash(future, failure)
        else:
            self._land(future, landing)

    def _land(self, future: Future[Held], landing: Landing) -> None:
        """Publish what a flight brought, unless a sign-out or sign-in overtook it."""
        record, refreshed = landing.record, landing.how == "refreshed"
        with self._lock:
            if self.flight is not future:
                return
            before, self.flight = self.held, None
            if refreshed:
                self.windows.learn(record.clock_offset)
            self._setbacks.landed(refreshed=refreshed, before=before)
            self.held = held = self.windows.hold(record, refreshed=refreshed)
            self._events.note(landing.how, record.generation)
            if not landing.saved:
                self._events.note("unsaved", record.generation)
        future.set_result(held)
        self._events.deliver()

    def _crash(self, future: Future[Held], error: AuthError) -> None:
        """Give one failure to all its waiters; the next flight rests first."""
        over = isinstance(error, NotSignedInError | SessionExpiredError)
        with self._lock:
            if self.flight is not future:
                return
            self.flight = None
            generation = self.held.generation if self.held else None
            tried = not self._setbacks.rest()  # else it ended in the rest after the last failure, and is no new one
            if over:
                self.held = None
                self._setbacks.ended(error)
            elif tried:
                self._setbacks.failed(error)
            if isinstance(error, SessionExpiredError):
                self._events.note("expired", generation)
            elif tried and not over:
                self._events.note("refresh_failed", generation, reason=type(error).__name__)
        future.set_exception(error)
        self._events.deliver()

    # ------------------------------------------------------------------------------------------ signing in and out

    def newest(self, stored: Record | None) -> int:
        """Return the highest generation known, to the store or here: the store may have been deleted meanwhile."""
        held = self.held
        return max(self._latest, *(known.generation for known in (stored, held) if known), 0)

    def take_over(self, record: Record, clock_offset: float | None) -> None:
        """Publish a pair that came from no flight; one under way may land no more, and its waiters get this pair."""
        with self._lock:
            held = self.held
            if record.generation < self._latest or (
                held is not None and held.record.family == record.family and held.generation > record.generation
            ):
                return  # another thread signed in or out, or refreshed this very pair, after it was stored
            self._latest = record.generation
            if clock_offset is not None:
                self.windows.learn(clock_offset)
            self.held = held = self.windows.hold(record)
            flight, self.flight = self.flight, None
            self._setbacks.forget()
            self._orphaned = False
            self._events.note("signed_in", record.generation)
        if flight is not None:
            flight.set_result(held)
        self._events.deliver()

    def clear(self, ended: Record | None) -> Held | None:
        """Forget the pair in hand and return it; who waits for a flight is told that the user has signed out."""
        with self._lock:
            if ended is not None and ended.generation < self._latest:
                return None  # another thread signed in after the record was cleared
            self._latest = ended.generation if ended is not None else self._latest
            held, self.held = self.held, None
            flight, self.flight = self.flight, None
            self._events.note("signed_out", held.generation if held else None)
        if flight is not None:
            flight.set_exception(NotSignedInError("Signed out while this request waited for a refresh. Sign in again."))
        self._events.deliver()
        return held

    # ---------------------------------------------------------------------------------------------------- the process

    def explain(self) -> dict[str, object]:
        """Return what is known of the pair in hand and of what went wrong; no secrets."""
        with self._lock:
            failure, reason = self._setbacks.last or (None, None)
            return {
                "accepted_by_server": self.held.accepted if self.held else None,
                "refresh_under_way": self.flight is not None,
                "resting_for": self._setbacks.rest(),
                "last_failure": failure,
                "last_failure_reason": reason,
                "clock_offset": self.windows.clock_offset,
            }

    def after_fork(self) -> None:
        """In a forked child: the parent's threads and locks are not ours."""
        self._lock = threading.Lock()
        self.flight = None
        self.windows.spread()
        self.threads.after_fork()
        # Two processes with one rotating pair and no shared store would log each other out.
        self._orphaned = self.records.store.private


def _orphan() -> RefreshUnavailableError:
    return RefreshUnavailableError(
        "This process was forked from one that keeps its tokens in memory, and a refresh token works once: "
        "refreshing here would sign the parent out. Use a FileStore, or sign in in the child."
    )
