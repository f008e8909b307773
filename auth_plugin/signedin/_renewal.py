"""The pair in hand of one process, and the flight that replaces it: who waits for which, and what came of it.

All state that threads share stands in `Renewal`, under one lock that is held for assignments only, never over I/O, a
wait or a callback. How a refresh is decided stands in `_flight`, what users call in `session`. What holds here:

* `held` is replaced as a whole, so nobody sees the access token of one generation with the refresh token of another.
* While nothing is due, `current` takes no lock and does no I/O: one attribute, one clock, one comparison.
* There is at most one flight. Whoever needs it joins it, and makes sure that a thread runs it (Ctrl-C may have stopped
  the one who began it). It belongs to the session: no caller's timeout or cancellation reaches it.
* A token that the server has refused is never handed out again.
* A flight publishes only while it is still the flight: a sign-in or a sign-out that came first takes its place.
* After a failed flight the next one rests. Refreshes that bring only tokens that the server refuses come to an end.
* A pair that the store could not take is written later, by a thread of its own, until it is stored or replaced.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import os
import threading
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from signedin._ahead import Ahead
from signedin._flight import Landing, LiveWorld, Orders, flown
from signedin._held import Held, Setbacks, Windows, live_pair, or_else
from signedin._threads import Promise, SharedJob, Threads, no_more_threads, pause, wait, wait_async
from signedin._tokens import Record, Records, Status, TokenPair
from signedin.errors import (
    AuthError,
    ConfigurationError,
    NotSignedInError,
    RefreshUnavailableError,
    SessionExpiredError,
    SignedInError,
    SignInRequiredError,
)
from signedin.timing import save_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin_sdk.types import Place, Sign

    from signedin._events import Events
    from signedin.protocols import Clock, Refresher
    from signedin.timing import Timing

T = TypeVar("T")


class Renewal:
    """Holds a session's pair and renews it. Arguments as for `TokenSession`."""

    def __init__(
        self,
        records: Records,
        refresher: Refresher,
        *,
        origins: frozenset[str],
        expired: tuple[Sign, ...],
        attach: Place,
        timing: Timing,
        clock: Clock,
        events: Events,
        grace: int | None,
        on_doubt: Literal["resend", "relogin"],
        signs_in: bool,
        ahead: bool,
    ) -> None:
        self.records: Final = records
        self.refresher: Final = refresher
        self.origins: Final = origins  # where the token may go
        self.expired: Final = expired
        self.telling: Final = {401, *(sign.status for sign in expired)}  # statuses that may be about the token
        self.header: Final = attach.name.lower()
        self.timing: Final = timing
        self.threads: Final = Threads()
        self.windows: Final = Windows(clock, attach.prefix)
        self.held: Held | None = None  # written under _lock, read by anyone
        self._clock, self._monotonic, self._events = clock, clock.monotonic, events
        self._grace, self._signs_in = grace, signs_in
        self._on_doubt: Literal["resend", "relogin"] = "resend" if signs_in else on_doubt
        self._ahead = Ahead(self.threads, clock, wanted=ahead)
        self._lock = threading.RLock()  # a signal handler may sign out in the very thread that holds it
        self._flight: SharedJob[Held] | None = None  # guarded by _lock
        self._setbacks = Setbacks(clock)  # guarded by _lock
        self._unsaved: Record | None = None  # a pair that the store could not take; guarded by _lock
        self._latest = 0  # generation of the last sign-in or sign-out of this process; guarded by _lock
        self._forked = False  # in a child of the process whose memory keeps the pair; guarded by _lock

    # ------------------------------------------------------------------------------------------- what a request asks

    def current(self, *, one_shot: bool = False) -> Held | Promise[Held]:
        """Return a pair that may be sent, or the promise of one.

        `one_shot`: for a body that cannot be sent a second time; a pair in its soft window is replaced first.
        """
        held = self.held
        if held is not None and self._monotonic() < held.soft_at:
            return held
        result: Held | Promise[Held]
        with self._lock:
            held, flight, now = self.held, self._flight, self._monotonic()
            if held is None or now >= held.hard_at:
                result = flight = self._join(held)
            else:
                unready = self._forked or self._setbacks.rest() or self._setbacks.loops(held) or no_more_threads()
                if flight is None and now >= held.soft_at and not unready:
                    flight = self._launch(held, "expires soon")  # in the background: its caller does not wait
                result = or_else(flight, held, self._monotonic) if one_shot and flight is not None else held
        self._begin(flight)
        return result

    def refresh(self) -> Held | Promise[Held]:
        """Return the promise of a pair newer than the one in hand, which serves meanwhile."""
        return self.current() if (held := self.held) is None else self.renew(held, refused=False)

    def due(self) -> float | None:
        """Return the seconds until the pair should be replaced; None where there is none, or nothing says when."""
        with self._lock:
            soft_at = self.held.soft_at if self.held is not None else math.inf
            return None if soft_at == math.inf else max(soft_at - self._monotonic(), self._setbacks.rest(), 0.0)

    def is_outdated(self, held: Held) -> bool:
        """Say whether a request that is about to leave with this pair should wait for a newer one first."""
        return self._monotonic() >= held.hard_at

    def renew(self, rejected: Held, *, refused: bool = True) -> Held | Promise[Held]:
        """Return a pair newer than `rejected`, or the promise of one, refreshing at most once for it.

        Callers refused with the same generation share one flight. A caller whose pair was replaced while its request
        was under way gets the new one at once. `refused`: by the server, as expired.
        """
        with self._lock:
            held = self.held
            if held is None or held.same_pair(rejected):
                for pair in (held, rejected):
                    if pair is not None and refused:
                        pair.refuse()
                flight = self._join(held, "rejected" if refused else "demanded", judged=rejected)
            elif self._monotonic() < held.hard_at:
                return held
            else:
                flight = self._join(held)
        self._begin(flight)
        return flight

    def look(self, rejected: Held) -> Held | Promise[Held]:
        """Return a newer pair than one whose request was refused for another reason than its age, or that one.

        Reads the store at most once for each pair, and asks no server. The promise ends with NotSignedInError or
        SessionExpiredError where another process has ended the session, or it has ended here.
        """
        with self._lock:
            held = self.held
            if held is not None and held.same_pair(rejected):
                if held.look is None:
                    held.look = SharedJob(partial(self._look, held))
                flight = held.look
            elif held is not None and self._monotonic() < held.hard_at:
                return held
            else:
                flight = self._join(held)
        self._begin(flight)
        return flight

    def wait(self, pair: Held | Promise[Held], patience: float = math.inf) -> Held:
        """Return what `current`, `renew` or `look` gave, blocking this thread until it is there."""
        return wait(pair, min(patience, self.timing.waiter)) if isinstance(pair, Promise) else pair

    async def await_(self, pair: Held | Promise[Held], patience: float = math.inf) -> Held:
        """Return what `current`, `renew` or `look` gave, suspending this task until it is there."""
        return await wait_async(pair, min(patience, self.timing.waiter)) if isinstance(pair, Promise) else pair

    @property
    def in_use(self) -> bool:
        """Whether a refresh is under way, a pair waits to be stored, or somebody listens to events."""
        return self._flight is not None or self._unsaved is not None or len(self._events) > 0

    async def in_thread(self, job: Callable[[], T]) -> T:
        """Return what a job with I/O returns, without blocking the event loop."""
        return await self.threads.acall(job, self.timing.waiter)

    # ----------------------------------------------------------------------------------------------------- the flight

    def _join(self, held: Held | None, reason: str = "expired", *, judged: Held | None = None) -> SharedJob[Held]:
        """Return the flight that is under way, or one that replaces `held`; under the lock."""
        flight = self._flight or self._launch(held, reason if held else "no pair in hand", judged=judged)
        flight.waiters += 1
        return flight

    def _launch(self, held: Held | None, reason: str, *, judged: Held | None = None) -> SharedJob[Held]:
        """Return a flight that replaces `held`, or loads what the store has; under the lock. `_begin` it outside.

        `judged`: the pair as the caller has it, who may have seen it accepted. It runs in the caller's context.

        Raises:
            FreshTokenRejectedError: It would be one more turn of a loop.
            ConfigurationError: This is a forked child, and the pair is the parent's.
        """
        if (pair := judged or held) is not None:
            self._setbacks.refuse_to_loop(pair, self.windows.clock_offset)
        if self._forked:
            raise ConfigurationError(
                "This process was forked from one that keeps its tokens in memory, and a refresh token works once: two "
                "processes would sign each other out. Use a FileStore, or sign in here."
            )
        orders = Orders(
            owner=os.urandom(16).hex(),
            usable=self.windows.usable,
            rejected=held.generation if held else None,
            held=held.record if held else None,
            timing=self.timing,
            grace=self._grace,
            on_doubt=self._on_doubt,
            rest=self._setbacks.rest(),
            signs_in=self._signs_in,
        )
        context = contextvars.copy_context()
        self._flight = SharedJob(lambda flight: context.run(self._fly, orders, reason, flight))
        return self._flight

    def _begin(self, flight: SharedJob[Held] | None) -> None:
        """Give a flight its thread; not under the lock."""
        if flight is None:
            return
        try:
            flight.begin(self.threads)
        except RuntimeError as error:
            if flight is self._flight:
                self._fail(flight, RefreshUnavailableError(f"Could not refresh: {error}. The pair is kept; try again."))
            else:
                flight.run()  # a look at the store, which is short

    def _fly(self, orders: Orders, reason: str, flight: SharedJob[Held]) -> None:
        """Run a flight in this thread, and give its waiters what came of it."""
        end, began = self._events.begin_refresh(reason), self._monotonic()
        world = LiveWorld(self.records, orders.owner, self.refresher, self._clock, self.timing, self.threads.closing)
        result = flown(world, orders)
        seconds = self._monotonic() - began
        if isinstance(result, Landing):
            self._land(flight, result)
        else:
            self._fail(flight, result)
        end(result.how if isinstance(result, Landing) else type(result).__name__, flight.waiters, seconds)

    def _land(self, flight: SharedJob[Held], landing: Landing) -> None:
        """Publish what a flight brought, unless a sign-out or sign-in overtook it."""
        record, refreshed = landing.record, landing.how == "refreshed"
        with self._lock:
            if self._flight is not flight:
                return
            replaced, self._flight = self.held, None
            if refreshed:
                self.windows.learn(record.clock_offset)
            self._setbacks.landed(replaced if refreshed else None)
            self.held = held = self.windows.hold(record, refreshed=refreshed)
            self._events.add(landing.how, record.generation)
            if not landing.saved:
                self._unsaved = record
                self._events.add("unsaved", record.generation)
            elif self._unsaved is not None and self._unsaved.family == record.family:
                self._unsaved = None
        flight.set_result(held)
        self._arrived()
        if not landing.saved:
            with contextlib.suppress(RuntimeError):  # no thread: `close` and the next flight write it
                self.threads.start(partial(self._save_later, record))

    def _arrived(self) -> None:
        """Tell of a pair that was taken in hand, and see that it is renewed in time."""
        self._events.deliver()
        self._ahead.watch(self)

    def _fail(self, flight: SharedJob[Held], error: SignedInError) -> None:
        """Give one failure to all its waiters; the next flight rests first."""
        with self._lock:
            if self._flight is not flight:
                return
            self._flight = None
            generation = self.held.generation if self.held else None
            tried = not self._setbacks.rest()  # else it ended in the rest after the last failure, and is no new one
            if isinstance(error, SignInRequiredError):
                self._end(error)
            elif tried and isinstance(error, AuthError):
                self._setbacks.failed(error)
                self._events.add("refresh_failed", generation, reason=type(error).__name__)
        flight.set_error(error)
        self._events.deliver()

    def _end(self, error: SignInRequiredError) -> None:
        """Let go of the pair: the server or another process has ended the session; under the lock."""
        if isinstance(error, SessionExpiredError):
            if self.held is not None or not self._setbacks.ended_by(error):  # else each further call would say so again
                self._events.add("expired", self.held.generation if self.held else None)
            self._unsaved = None
        elif self.held is not None:
            self._events.add("signed_out", self.held.generation)
        self.held = None  # what is unsaved is revoked by `save`
        # The next sign-in anew rests first: the server may count wrong passwords.
        (self._setbacks.failed if self._signs_in else self._setbacks.reset)(error)

    # ------------------------------------------------------------------------------- what other processes have stored

    def load(self) -> TokenPair | None:
        """Read the store, take over what others have stored there, and return the pair."""
        since = self.held
        self._follow(self.threads.call(self.records.load), since)
        return held.record.pair if (held := self.held) else None

    def _look(self, held: Held, look: SharedJob[Held]) -> None:
        with contextlib.suppress(Exception):  # of the store: then the server's 401 stays the answer
            if (error := self._follow(self.records.load(), since=held)) is not None:
                look.set_error(error)
                return
        look.set_result(self.held or held)

    def _follow(self, stored: Record | None, since: Held | None) -> SignInRequiredError | None:
        """Take a newer pair in hand, or end the session that has ended elsewhere; return the error that says so.

        `since`: what was in hand when the store was read; nothing is done if that has changed.
        """
        error: SignInRequiredError | None = None
        with self._lock:
            held = self.held
            behind = stored is not None and stored.generation < self._latest
            if stored is not None and held is not None and stored.status is Status.ACTIVE:
                behind |= stored.family == held.record.family and stored.generation <= held.generation
            if held is not since or behind:
                pass
            elif stored is not None and stored.status is Status.ACTIVE:
                self.held = self.windows.hold(stored)
                if held is not None:
                    self._events.add("adopted", stored.generation)
            elif held is not None:
                if stored is not None and stored.status is Status.DEAD:
                    error = SessionExpiredError(
                        "The session has expired: the server refused its refresh token when another process used it. "
                        "Sign in again."
                    )
                else:
                    error = NotSignedInError(
                        "Not signed in: the session was ended, here or by another process. Sign in again."
                    )
                self._end(error)
        self._arrived()
        return error

    def _save_later(self, record: Record) -> None:
        """Write the pair once the store takes it. Ends, after a last attempt, when the session or the process ends."""
        attempt, goes_on = 0, True
        while goes_on and self._unsaved is record:
            attempt += 1
            goes_on = pause(save_after(attempt), self.threads.closing)
            self.save()

    def save(self) -> None:
        """Write the pair that the store could not take, if there is one; a store that fails is left to the next try."""
        if (record := self._unsaved) is None:
            return
        since, same, saved = self.held, False, False
        try:
            stored = self.records.load()
            if stored is not None and stored.status is Status.ACTIVE and stored.family == record.family:
                same, saved = True, stored.generation < record.generation
                if saved and not self.records.compare_and_set(stored.revision, record.at_revision(stored.revision)):
                    return  # somebody else has written meanwhile
        except Exception:  # noqa: BLE001 -- whatever a user's store raises
            return
        with self._lock:
            if self._unsaved is not record:
                return  # a sign-in or a sign-out of this process came first
            self._unsaved = None
            if saved:
                self._events.add("saved", record.generation)
        self._events.deliver()
        if not saved:
            self._follow(stored, since)
        if not same and record.pair is not None:
            self._revoke(record.pair)  # signed out, or in anew, elsewhere while it could not be stored

    # ------------------------------------------------------------------------------------------ signing in and out

    def sign_in(self, pair: TokenPair, *, clock_offset: float | None = None, replaces: bool = False) -> None:
        """Store a pair; it wins over a flight that is under way, whose waiters get it.

        `replaces`: the server has just issued it to this session. The pair before is revoked there, best effort, and
        so is this one if it cannot be stored.
        """
        family = os.urandom(16).hex()

        def successor(current: Record | None) -> Record:
            held, now = self.held, self._clock.wall()
            # The highest there was, in the store or here: the store may have been deleted meanwhile.
            generation = max(self._latest, current.generation if current else 0, held.generation if held else 0) + 1
            return Record(generation, 0, Status.ACTIVE, pair, now, clock_offset or 0.0, family)

        try:
            before, record = self.threads.call(partial(self.records.change, successor))
        except BaseException:
            if replaces:
                self._revoke(pair)
            raise
        held = self.held
        if record is not None:
            self._take_over(record, clock_offset)
        if replaces and (old := live_pair(before, held)) is not None and old.is_apart_from(pair):
            self.threads.promise(partial(self._revoke, old))

    def sign_out(self, *, revoke: bool = True) -> None:
        """Clear the pair everywhere, wake all waiters with `NotSignedInError`, then revoke it, best effort."""
        clear = partial(self.records.change, lambda current: current and current.ended(Status.SIGNED_OUT))
        before, after = self.threads.call(clear)
        held = self._clear(after)
        if revoke and (pair := live_pair(before, held)) is not None:
            self._revoke(pair)

    def _take_over(self, record: Record, clock_offset: float | None) -> None:
        """Publish a pair that came from no flight; one under way may land no more."""
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
            flight, self._flight, self._unsaved = self._flight, None, None
            self._setbacks.reset()
            self._forked = False
            self._events.add("signed_in", record.generation)
        if flight is not None:
            flight.set_result(held)
        self._arrived()

    def _clear(self, ended: Record | None) -> Held | None:
        """Forget the pair in hand and return it; who waits for a flight gets NotSignedInError."""
        with self._lock:
            if ended is not None and ended.generation < self._latest:
                return None  # another thread signed in after the record was cleared
            self._latest = ended.generation if ended is not None else self._latest
            held, self.held = self.held, None
            flight, self._flight, self._unsaved = self._flight, None, None
            self._events.add("signed_out", held.generation if held else None)
        if flight is not None:
            flight.set_error(NotSignedInError("Signed out while this request waited for a refresh. Sign in again."))
        self._events.deliver()
        return held

    def _revoke(self, pair: TokenPair) -> None:
        with contextlib.suppress(Exception):  # best effort, also with a user's refresher
            self.refresher.revoke(pair, timeout=self.timing.post)

    # ---------------------------------------------------------------------------------------------------- the process

    def explain(self) -> dict[str, object]:
        """Return what there is to know of the pair in hand and of what went wrong; no secrets."""
        with self._lock:
            failure, reason = self._setbacks.last or (None, None)
            return {
                "accepted_by_server": self.held.accepted if self.held else None,
                "refresh_under_way": self._flight is not None,
                "unsaved": self._unsaved is not None,
                "resting_for": self._setbacks.rest(),
                "last_failure": failure,
                "last_failure_reason": reason,
                "clock_offset": self.windows.clock_offset,
            }

    def close(self) -> None:
        """Wait for a flight that is under way, at most as long as one may take, and write what is not saved yet."""
        try:
            if (flight := self._flight) is not None:
                self._begin(flight)
            self.threads.join(self.timing.flight)
        finally:
            if self._unsaved is not None:
                self.threads.call(self.save)
            self.refresher.close()

    def after_fork(self) -> None:
        """In a forked child: the parent's threads and locks are not ours, nor is a pair that only its memory keeps.

        One that will end is let go, so that the first call says so. An opaque one may serve for ever: it goes on until
        the server refuses it.
        """
        self._lock = threading.RLock()
        self._flight = None
        self._ahead.after_fork()
        self.windows.spread()
        self.threads.after_fork()
        if self.records.store.private:
            self._forked = self.held is not None
            if self.held is not None and self.held.record.claims.exp is not None:
                self.held = None
