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
* Where the contract says `renew: ahead`, one thread renews the pair before its end, also while nobody calls.
"""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import math
import os
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from signedin._flight import Landing, LiveWorld, Orders, Setbacks, expired, flown, or_else
from signedin._threads import Promise, SharedJob, Threads, after_fork, no_more_threads, pause, wait, wait_async
from signedin._tokens import Held, Record, Records, Status, TokenPair, Windows, newest_pair
from signedin.errors import (
    AuthError,
    ConfigurationError,
    NotSignedInError,
    RefreshUnavailableError,
    SessionExpiredError,
    SignedInError,
    SignInRequiredError,
)
from signedin.timing import SAVES, jittered, nth

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin_sdk.types import Sign

    from signedin._events import Events
    from signedin.protocols import Clock, Closing, Refresher

T = TypeVar("T")
Reason = Literal["rejected", "demanded", "unclear"]

# Of the thread that renews ahead, in seconds: another process may have stored a pair that ends sooner.
_SHORTEST_SLEEP: Final = 0.05
_LONGEST_SLEEP: Final = 30.0


class Renewal:
    """Holds a session's pair and renews it. `rules`: those of every flight; the rest as for `TokenSession`."""

    def __init__(
        self,
        records: Records,
        refresher: Refresher,
        rules: Orders,
        windows: Windows,
        *,
        origins: frozenset[str],
        expired: tuple[Sign, ...],
        header: str,
        clock: Clock,
        events: Events,
        ahead: bool,
    ) -> None:
        self.records: Final = records
        self.refresher: Final = refresher
        self.origins: Final = origins  # where the token may go
        self.expired: Final = expired
        self.token_statuses: Final = {401, *(sign.status for sign in expired)}  # statuses that may be about the token
        self.header: Final = header.lower()
        self.timing: Final = rules.timing
        self.threads: Final = Threads()
        self.windows: Final = windows
        self._clock, self._monotonic, self._events = clock, clock.monotonic, events
        self._rules, self._ahead = rules, ahead
        self.held: Held | None = None  # written under _lock, read by anyone
        self._lock = threading.RLock()  # a signal handler may sign out in the very thread that holds it
        # Guarded by _lock, all below:
        self._flight: SharedJob[Held] | None = None
        self._look: tuple[Held, SharedJob[Held]] | None = None  # at the store, for the pair in hand
        self._latest = 0  # generation of the last sign-in or sign-out of this process
        self._unsaved: Record | None = None  # a pair that the store could not take
        self._forked = False  # in a child of the process whose memory has the pair
        self._watched = False  # a thread renews ahead
        self._setbacks = Setbacks(clock.monotonic)
        after_fork(self)

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
                    flight = self._join(held, "expires soon", waits=False)  # in the background
                result = or_else(flight, held, self._monotonic) if one_shot and flight is not None else held
        self._begin(flight)
        return result

    def is_outdated(self, held: Held) -> bool:
        """Say whether a request that is about to leave with this pair should wait for a newer one first."""
        return self._monotonic() >= held.hard_at

    @property
    def record(self) -> Record | None:
        return held.record if (held := self.held) else None

    def renew(self, rejected: Held | None, reason: Reason = "rejected") -> Held | Promise[Held]:
        """Return a pair newer than `rejected`, or the promise of one, refreshing at most once for it.

        Callers refused with the same generation share one flight. A caller whose pair was replaced while its request
        was under way gets the new one at once. `reason`: the server says that it has expired ("rejected"), the user
        wants a newer one ("demanded"), or the server refuses it for another reason ("unclear"): then the store is read
        once for each pair, and no server. That promise brings the newer pair, or `rejected` again, and ends with
        NotSignedInError or SessionExpiredError where the session has ended, here or elsewhere.
        """
        if rejected is None:
            return self.current()
        with self._lock:
            held = self.held
            if held is not None and not held.record.same_generation(rejected.record):
                if self._monotonic() < held.hard_at:
                    return held
                flight = self._join(held)
            elif held is not None and reason == "unclear":
                if self._look is None or self._look[0] is not held:
                    self._look = held, SharedJob(partial(self._look_up, held))
                _, flight = self._look
            else:
                for pair in (held, rejected):
                    if pair is not None and reason == "rejected":
                        pair.refuse()
                flight = self._join(held, reason, theirs=rejected)
        self._begin(flight)
        return flight

    def wait(self, pair: Held | Promise[Held], patience: float = math.inf) -> Held:
        """Return what `current` or `renew` gave, blocking this thread until it is there."""
        return wait(pair, min(patience, self.timing.waiter)) if isinstance(pair, Promise) else pair

    async def await_(self, pair: Held | Promise[Held], patience: float = math.inf) -> Held:
        """Return what `current` or `renew` gave, suspending this task until it is there."""
        return await wait_async(pair, min(patience, self.timing.waiter)) if isinstance(pair, Promise) else pair

    @property
    def in_use(self) -> bool:
        """Whether a refresh is under way, a pair waits to be stored, or somebody listens to events."""
        return self._flight is not None or self._unsaved is not None or len(self._events) > 0

    async def in_thread(self, job: Callable[[], T]) -> T:
        """Return what a job with I/O returns, without blocking the event loop."""
        return await self.threads.acall(job, self.timing.waiter)

    # ----------------------------------------------------------------------------------------------------- the flight

    def _join(
        self, held: Held | None, reason: str = "expired", *, theirs: Held | None = None, waits: bool = True
    ) -> SharedJob[Held]:
        """Return the flight that is under way, or one that replaces `held`; under the lock. `_begin` it outside.

        `theirs`: the pair as the caller has it, who may have seen it accepted. A flight runs in its caller's context.

        Raises:
            FreshTokenRejectedError: It would be one more turn of a loop.
            ConfigurationError: This is a forked child, and the pair is the parent's.
        """
        if self._flight is None:
            if (pair := theirs or held) is not None and self._setbacks.loops(pair):
                raise self._setbacks.loop_error(self.windows.clock_offset)
            if self._forked:
                raise ConfigurationError(
                    "This process was forked from one that keeps its tokens in memory, and a refresh token works once: "
                    "two processes would sign each other out. Use a FileStore, or sign in here."
                )
            record, rest = held.record if held else None, self._setbacks.rest()
            orders = self._rules._replace(owner=os.urandom(16).hex(), held=record, rest=rest)
            context, reason = contextvars.copy_context(), reason if held else "no pair in hand"
            self._flight = SharedJob(lambda flight: context.run(self._fly, orders, reason, flight))
        self._flight.waiters += waits
        return self._flight

    def _begin(self, flight: SharedJob[Held] | None) -> None:
        """Give a flight its thread; not under the lock."""
        if flight is None:
            return
        try:
            flight.begin(self.threads)
        except RuntimeError as error:
            if flight is self._flight:
                self._fail(flight, RefreshUnavailableError(f"Could not refresh: {error}. The pair stays; try again."))
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

    def _fail(self, flight: SharedJob[Held], error: SignedInError) -> None:
        """Give one failure to all its waiters; the next flight rests first."""
        with self._lock:
            if self._flight is not flight:
                return
            self._flight = None
            if isinstance(error, SignInRequiredError):
                self._end(error)
            elif isinstance(error, AuthError) and not self._setbacks.rest():  # else it was too impatient for the rest
                self._setbacks.failed(error)
                generation = self.record and self.record.generation
                self._events.add("refresh_failed", generation, reason=type(error).__name__)
        flight.set_error(error)
        self._events.deliver()

    def _end(self, error: SignInRequiredError) -> None:
        """Let go of the pair: the server or another process has ended the session; under the lock."""
        generation = self.record and self.record.generation
        if isinstance(error, SessionExpiredError):
            if self.held is not None or not self._setbacks.ended_by(error):  # else each further call were an event
                self._events.add("expired", generation)
            self._unsaved = None
        elif self.held is not None:
            self._events.add("signed_out", generation)
        self.held = None  # what is unsaved is revoked by `save`
        # The next sign-in anew rests first: the server may count wrong passwords.
        (self._setbacks.failed if self._rules.signs_in else self._setbacks.reset)(error)

    def _arrived(self) -> None:
        """Deliver the events of a pair that came, and see that it is renewed in time where the contract says so."""
        self._events.deliver()
        with self._lock:
            if not self._ahead or self._watched or self.due() is None:
                return
        try:
            self.threads.start(partial(_renew_ahead, weakref.ref(self), self._clock, self.threads.closing))
        except RuntimeError:  # no thread to be had: calls renew the pair
            self.due(goes_on=False)

    def due(self, *, goes_on: bool = True) -> float | None:
        """Return the seconds until the pair is to be renewed; None where the thread that does so has nothing to do."""
        with self._lock:
            soft_at = self.held.soft_at if self.held is not None else math.inf
            self._watched = goes_on and soft_at < math.inf
            return max(soft_at - self._monotonic(), self._setbacks.rest(), 0.0) if self._watched else None

    # ------------------------------------------------------------------------------- what other processes have stored

    def load(self) -> TokenPair | None:
        """Read the store, take over what others have stored there, and return the pair."""
        since = self.held
        self._follow(self.threads.call(self.records.load), since)
        return record.pair if (record := self.record) else None

    def _look_up(self, held: Held, look: SharedJob[Held]) -> None:
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
                behind |= stored.family == held.record.family and stored.generation <= held.record.generation
            if held is not since or behind:
                pass
            elif stored is not None and stored.status is Status.ACTIVE:
                self.held = self.windows.hold(stored)
                if held is not None:
                    self._events.add("adopted", stored.generation)
            elif held is not None:
                error = NotSignedInError("Not signed in: the session was ended, here or elsewhere. Sign in again.")
                if stored is not None and stored.status is Status.DEAD:
                    error = expired("when another process presented it")
                self._end(error)
        self._arrived()
        return error

    def _save_later(self, record: Record) -> None:
        """Write the pair once the store takes it. Ends, after a last attempt, when the session or the process ends."""
        for attempt in itertools.count():
            goes_on = pause(nth(SAVES, attempt), self.threads.closing)
            self.save()
            if not goes_on or self._unsaved is not record:
                return

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
            # The highest there was, in the store or here: the store may have been deleted meanwhile.
            records = [record for record in (current, self.record) if record is not None]
            generation, now = max(self._latest, *(r.generation for r in records), 0) + 1, self._clock.wall()
            return Record(generation, 0, Status.ACTIVE, pair, now, clock_offset or 0.0, family)

        try:
            before, record = self.threads.call(partial(self.records.change, successor))
        except BaseException:
            if replaces:
                self._revoke(pair)
            raise
        replaced = newest_pair(before, self.record)
        if record is not None:
            self._take_over(record, clock_offset)
        if replaces and replaced is not None and replaced.is_apart_from(pair):
            self.threads.promise(partial(self._revoke, replaced))

    def sign_out(self, *, revoke: bool = True) -> None:
        """Clear the pair everywhere, wake all waiters with `NotSignedInError`, then revoke it, best effort."""
        clear = partial(self.records.change, lambda current: current and current.ended(Status.SIGNED_OUT))
        before, ended = self.threads.call(clear)
        gone: Record | None = None
        flight: SharedJob[Held] | None = None
        with self._lock:
            if ended is None or ended.generation >= self._latest:  # else another thread has signed in since
                self._latest = ended.generation if ended is not None else self._latest
                gone, self.held = self.record, None
                flight, self._flight, self._unsaved = self._flight, None, None
                self._events.add("signed_out", gone and gone.generation)
        if flight is not None:
            flight.set_error(NotSignedInError("Signed out while this request waited for a refresh. Sign in again."))
        self._events.deliver()
        if revoke and (pair := newest_pair(before, gone)) is not None:
            self._revoke(pair)

    def _take_over(self, record: Record, clock_offset: float | None) -> None:
        """Publish a pair that came from no flight; one under way may land no more."""
        with self._lock:
            held = self.held
            if record.generation < self._latest or (
                held is not None and held.record.family == record.family and held.record.generation > record.generation
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

    def _revoke(self, pair: TokenPair) -> None:
        with contextlib.suppress(Exception):  # best effort, also with a user's refresher
            self.refresher.revoke(pair, timeout=self.timing.post)

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
        self._flight, self._watched = None, False
        self.windows.spread = jittered(1.0)
        self.threads.after_fork()
        self._events.after_fork()
        if self.records.store.private:
            self._forked = self.held is not None
            if self.held is not None and self.held.record.claims.exp is not None:
                self.held = None

    def after_others_forked(self) -> None:
        """Call the hooks of store and refresher, which may raise; not before the sessions have locks of their own."""
        parts: tuple[Any, ...] = (self.records.store, self.refresher)
        for part in parts:
            with contextlib.suppress(Exception):  # also where it has none
                part.after_fork()


def _renew_ahead(reference: weakref.ref[Renewal], clock: Clock, closing: Closing) -> None:
    """Renew a session's pair before its end, until the pair has no end, or the session closes or is gone."""
    goes_on = True
    while (renewal := reference()) is not None:
        if (seconds := renewal.due(goes_on=goes_on and not closing.is_set())) is None:
            return
        if not seconds:
            with contextlib.suppress(SignedInError):  # it is an event; the next round rests first
                renewal.wait(renewal.current(one_shot=True))
        del renewal  # a session that nobody holds may go
        goes_on = clock.sleep(max(min(seconds, _LONGEST_SLEEP), _SHORTEST_SLEEP), closing)
