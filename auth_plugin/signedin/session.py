"""The tokens in hand: when to renew them, who waits, what happened. Owns the flight, and gives it a thread.

How a refresh is decided stands in `_flight`, how it is carried out in `_runner`, how a request uses it in `_plan`.
"""

from __future__ import annotations

import os
import secrets
import threading
import weakref
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, cast

from signedin._events import Events
from signedin._flight import Landing, Orders, fly
from signedin._held import Held, Windows
from signedin._runner import Runner
from signedin._setbacks import Setbacks
from signedin._threads import SystemClock, Threads
from signedin._tokens import Record, Status, TokenPair, is_token
from signedin._waiting import wait, wait_async
from signedin.errors import (
    AuthError,
    ConfigurationError,
    NotSignedInError,
    RefreshUnavailableError,
    SessionExpiredError,
    TokenStoreError,
)
from signedin.stores.memory import MemoryStore
from signedin.timing import Timing
from signedin.typing import Clock, Event, ExpirySignal, Refresher, TokenStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class TokenSession:
    """One signed-in user of one API, shared by any threads, tasks, clients and, through its store, processes.

    `refresher` exchanges refresh tokens. `key` names the record in the store. `origins` are where the access token may
    go ("https://api.example.com"). `expired` is how the API says that a token has expired. `grace` is how often, and
    `grace_seconds` how long, the server lets a refresh token be presented again after a lost answer; None for a strict
    server, whose lost answer `on_doubt` treats: present the token once more ("resend") or clear the pair ("relogin").
    """

    def __init__(
        self,
        refresher: Refresher,
        *,
        origins: Iterable[str],
        key: str = "default",
        base_url: str | None = None,
        store: TokenStore | None = None,
        expired: ExpirySignal | None = None,
        grace: int | None = None,
        grace_seconds: float | None = None,
        on_doubt: Literal["resend", "relogin"] = "resend",
        timing: Timing | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.key: Final = key
        self.base_url: Final = base_url  # where a client that shares the session finds the API
        self.origins: Final = frozenset(origins)
        self.expired: Final = expired or ExpirySignal()
        self.timing: Final = timing or Timing()
        if grace_seconds is not None:
            self.timing.fits_grace(grace_seconds)
        self._refresher = refresher
        self._store: TokenStore = store if store is not None else MemoryStore()
        self._clock: Clock = clock or SystemClock()
        self._monotonic = self._clock.monotonic
        self._grace = grace
        self._on_doubt = on_doubt
        self._windows = Windows(self._clock)
        self._events = Events()
        self._threads = Threads()
        self._lock = threading.Lock()  # held for assignments only, never over I/O or a wait
        self._held: Held | None = None  # written under _lock, read by anyone
        self._flight: Future[Held] | None = None  # guarded by _lock
        self._setbacks = Setbacks(self._clock)  # guarded by _lock
        self._latest = 0  # generation of the last sign-in or sign-out of this process; guarded by _lock
        self._orphaned = False  # in a forked child, while the pair belongs to the parent's memory
        _sessions.add(self)

    def __repr__(self) -> str:
        held = self._held
        return f"<TokenSession {self.key!r}, {f'generation {held.generation}' if held else 'no pair in hand'}>"

    # ------------------------------------------------------------------------------------------- what users call

    @property
    def is_signed_in(self) -> bool:
        """Whether there is a pair; says nothing of what the server thinks of it."""
        return self.tokens is not None

    @property
    def tokens(self) -> TokenPair | None:
        """The pair in hand while it is fresh, otherwise as the store has it now; None when signed out or expired."""
        held = self._held
        if held is not None and self._monotonic() < held.soft_at:
            return held.record.pair
        record = self._store.load(self.key)
        return record.pair if record else None

    def sign_in(self, pair: TokenPair, *, clock_offset: float = 0.0) -> None:
        """Store a pair obtained elsewhere; it wins over a refresh that is under way.

        `clock_offset`: seconds that the server's clock is ahead of this one, where known.

        Raises:
            ConfigurationError: A token is empty, or holds what cannot stand in a header; nothing was stored.
            TokenStoreError: The pair could not be stored; whatever was stored before still is.
        """
        if not (is_token(pair.access_token) and is_token(pair.refresh_token)):
            raise ConfigurationError(
                "A token is empty, too long or holds characters that no header can carry; nothing was stored."
            )
        family = secrets.token_hex(16)

        def successor(current: Record | None) -> Record:
            held = self._held
            return Record.of_pair(
                pair,
                # Also above all that this process knows: the store may have been deleted meanwhile.
                generation=max(self._latest, *(known.generation for known in (current, held) if known), 0) + 1,
                revision=current.revision + 1 if current else 1,
                obtained_at=self._clock.wall(),
                clock_offset=clock_offset,
                family=family,
            )

        _, record = self._change(successor)
        self._take_over(cast("Record", record))

    async def asign_in(self, pair: TokenPair, *, clock_offset: float = 0.0) -> None:
        """As `sign_in`, with the store's I/O in a thread."""
        await wait_async(
            self._threads.submit(lambda: self.sign_in(pair, clock_offset=clock_offset)), self.timing.waiter
        )

    def sign_out(self, *, revoke: bool = True) -> None:
        """Clear the pair everywhere, wake all waiters with `NotSignedInError`, then revoke at the server, best effort.

        It waits for no lock and no refresh; a pair that a refresh still brings is revoked, not kept. `revoke` is False
        where the server has ended the session already.

        Raises:
            TokenStoreError: The store could not be cleared; the session goes on as before.
        """
        before, after = self._change(lambda current: current.ended(Status.SIGNED_OUT) if current else None)
        held = self._clear(after)
        pair = before.pair if before and before.pair else (held.record.pair if held else None)
        if pair is not None and revoke:
            self._refresher.revoke(pair.refresh_token, timeout=self.timing.post)

    async def asign_out(self, *, revoke: bool = True) -> None:
        """As `sign_out`, with the store's and the network's I/O in a thread."""
        await wait_async(self._threads.submit(lambda: self.sign_out(revoke=revoke)), self.timing.waiter)

    def refresh(self) -> TokenPair:
        """Refresh now, whatever the token's age, together with all others who ask meanwhile.

        Raises:
            NotSignedInError, SessionExpiredError: Sign in.
            RefreshUnavailableError: No usable answer; the pair is kept.
            TokenStoreError: The store cannot be used.
        """
        return _pair_of(self.wait(self.renew(self.wait(self.current()))))

    async def arefresh(self) -> TokenPair:
        """As `refresh`, without blocking the event loop."""
        return _pair_of(await self.await_(self.renew(await self.await_(self.current()))))

    def on(self, event: str, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call back when something happens to the session; returns a function that ends it.

        Events: signed_in, refreshed, refresh_failed, expired, signed_out, adopted, unsaved. Callbacks run in a thread
        of their own, one after another; what they raise is logged.
        """
        return self._events.on(event, callback)

    def explain(self) -> dict[str, object]:
        """Return what the session and its store know, for a log or a support ticket; no secrets.

        Where no pair is in hand it tells of the stored one, without taking it. A store that fails is a line of the
        answer, not an error.
        """
        with self._lock:
            held, under_way = self._held, self._flight is not None
            failure, rest = self._setbacks.last, self._setbacks.rest()
        stored, holder, trouble = self._ask_store()
        record, now = held.record if held else stored, self._monotonic()
        intent = stored.intent if stored else None
        expires_at = record.pair.expires_at if record and record.pair else None
        windows = held or (self._windows.hold(record) if record else None)
        return {
            "key": self.key,
            "store": repr(self._store),
            "store_failure": trouble,
            "lock_holder": holder,
            "status": stored.status.value if stored else None,
            "generation": record.generation if record else None,
            "obtained_at": _shown(record.obtained_at) if record else None,
            "age": self._clock.wall() - record.obtained_at if record else None,
            "expires_at": expires_at.isoformat() if expires_at else None,
            "next_planned_refresh_in": max(0.0, windows.soft_at - now) if windows and expires_at else None,
            "unfinished_refresh_until": _shown(intent.deadline) if intent else None,
            "accepted_by_server": held.accepted if held else None,
            "refresh_under_way": under_way,
            "resting_for": rest,
            "last_failure": failure,
            "clock_offset": self._windows.clock_offset,
        }

    def close(self) -> None:
        """Wait for a refresh that is under way, at most as long as one may take, and give up connections.

        A closed session may be used again.
        """
        self._threads.join(self.timing.flight)
        self._refresher.close()

    async def aclose(self) -> None:
        """As `close`, without blocking the event loop."""
        await wait_async(self._threads.submit(self.close), self.timing.waiter)

    # ------------------------------------------------------------------------------------------ what the plan calls

    def current(self) -> Held | Future[Held]:
        """Return a pair that may be sent, or the future of one. The fresh path takes no lock and does no I/O."""
        held = self._held
        if held is not None and self._monotonic() < held.soft_at:
            return held
        return self._current_near_its_end()

    def current_for_one_shot(self) -> Held | Future[Held]:
        """Return a pair outside its soft window: for a request whose body cannot be sent a second time."""
        with self._lock:
            held = self._held
            if held is not None and self._monotonic() < held.soft_at:
                return held
            return self._flight or self._launch(held)

    def renew(self, rejected: Held) -> Held | Future[Held]:
        """Return a pair newer than `rejected`, or the future of one, refreshing at most once for it.

        Callers refused with the same generation share one refresh. A caller whose pair was replaced while its request
        was under way gets the new one at once.
        """
        with self._lock:
            held = self._held
            if held is not None and not held.same_pair(rejected):
                return held
            if self._flight is not None:
                return self._flight
            self._setbacks.refuse_to_loop(rejected, self._windows.clock_offset)
            return self._launch(held)

    def wait(self, got: Held | Future[Held]) -> Held:
        """Return what `current` or `renew` gave, waiting for it in this thread if need be."""
        return wait(got, self.timing.waiter) if isinstance(got, Future) else got

    async def await_(self, got: Held | Future[Held]) -> Held:
        """Return what `current` or `renew` gave, waiting for it in this task if need be."""
        return await wait_async(got, self.timing.waiter) if isinstance(got, Future) else got

    # -------------------------------------------------------------------------------------------------- the flight

    def _current_near_its_end(self) -> Held | Future[Held]:
        with self._lock:
            held, now = self._held, self._monotonic()
            if held is None or now >= held.hard_at:
                return self._flight or self._launch(held)
            if now >= held.soft_at and not self._setbacks.rest() and self._flight is None and not self._orphaned:
                self._launch(held)  # in the background: this caller does not wait
            return held

    def _launch(self, held: Held | None) -> Future[Held]:
        """Start a flight that replaces `held`, or loads what the store has; under the lock."""
        future: Future[Held] = Future()
        future.set_running_or_notify_cancel()  # no waiter can cancel what all of them share
        rest = self._setbacks.rest()
        if (refusal := self._refusal(held, rest)) is not None:
            future.set_exception(refusal)
            return future
        orders = Orders(
            owner=secrets.token_hex(16),
            usable=self._windows.usable,
            rejected=held.generation if held else None,
            held=held.record if held else None,
            timing=self.timing,
            grace=self._grace,
            on_doubt=self._on_doubt,
            rest=rest,
        )
        try:
            self._threads.start(lambda: self._fly(orders, future))
        except RuntimeError as error:
            future.set_exception(RefreshUnavailableError(f"Could not refresh: {error}. The pair is kept; try again."))
        else:
            self._flight = future
        return future

    def _refusal(self, held: Held | None, rest: float) -> AuthError | None:
        if self._orphaned and held is not None:
            return RefreshUnavailableError(
                "This process was forked from one that keeps its tokens in memory, and a refresh token works once: "
                "refreshing here would sign the parent out. Use a FileStore, or sign in in the child."
            )
        if rest + self.timing.post > self.timing.flight:
            return RefreshUnavailableError(
                f"Could not refresh: the last attempt failed, and the next is due in {rest:.1f} s. The pair is kept; "
                "try again then.",
                retry_after=timedelta(seconds=rest),
            )
        return None

    def _fly(self, orders: Orders, future: Future[Held]) -> None:
        """Run a flight in this thread, and give its waiters what came of it."""
        runner = Runner(
            self._store, self.key, orders.owner, self._refresher, self._clock, self.timing, self._threads.closing
        )
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
            if self._flight is not future:
                return
            before, self._flight = self._held, None
            if refreshed:
                self._windows.clock_offset = record.clock_offset
            self._setbacks.landed(refreshed=refreshed, before=before)
            self._held = held = self._windows.hold(record, just_issued=refreshed)
        future.set_result(held)
        self._emit(landing.how, record.generation)
        if not landing.saved:
            self._emit("unsaved", record.generation)

    def _crash(self, future: Future[Held], error: AuthError) -> None:
        """Give one failure to all its waiters; the next flight rests first."""
        over = isinstance(error, NotSignedInError | SessionExpiredError)
        with self._lock:
            if self._flight is not future:
                return
            self._flight = None
            generation = self._held.generation if self._held else None
            if over:
                self._held = None
                self._setbacks.ended(error)
            else:
                self._setbacks.failed(error)
        future.set_exception(error)
        if not over:
            self._emit("refresh_failed", generation, reason=type(error).__name__)
        elif isinstance(error, SessionExpiredError):
            self._emit("expired", generation)

    # -------------------------------------------------------------------------------------------- signing in and out

    def _change(self, successor: Callable[[Record | None], Record | None]) -> tuple[Record | None, Record | None]:
        """Compare and set until it holds, without the refresh lock: signing in and out wait for nobody.

        Nothing is written where there is no successor.
        """
        for _ in range(1000):
            before = self._store.load(self.key)
            after = successor(before)
            if after is None or self._store.compare_and_set(self.key, before.revision if before else 0, after):
                return before, after
        raise TokenStoreError("The token store changed a thousand times while one change was tried; it was left as is.")

    def _take_over(self, record: Record) -> None:
        """Publish a pair that came from no flight; one under way may land no more, and its waiters get this pair."""
        with self._lock:
            if record.generation < self._latest:
                return  # another thread signed in or out after this pair was stored
            self._latest = record.generation
            if record.clock_offset:
                self._windows.clock_offset = record.clock_offset
            self._held = held = self._windows.hold(record)
            flight, self._flight = self._flight, None
            self._setbacks.forget()
            self._orphaned = False
        if flight is not None:
            flight.set_result(held)
        self._emit("signed_in", record.generation)

    def _clear(self, ended: Record | None) -> Held | None:
        with self._lock:
            if ended is not None and ended.generation < self._latest:
                return None  # another thread signed in after the record was cleared
            self._latest = ended.generation if ended is not None else self._latest
            held, self._held = self._held, None
            flight, self._flight = self._flight, None
        if flight is not None:
            flight.set_exception(NotSignedInError("Signed out while this request waited for a refresh. Sign in again."))
        self._emit("signed_out", held.generation if held else None)
        return held

    def _emit(self, name: str, generation: int | None, **details: object) -> None:
        self._events.emit(Event(name, self.key, generation, details))

    def _ask_store(self) -> tuple[Record | None, str | None, str | None]:
        """Return the stored record, who holds the refresh lock if the store can tell, and what trouble it made."""
        record = None
        try:
            record = self._store.load(self.key)
            holder: Callable[[str], str | None] | None = getattr(self._store, "lock_holder", None)
            return record, holder(self.key) if holder else None, None
        except TokenStoreError as error:
            return record, None, str(error)
        except Exception as error:  # noqa: BLE001 -- a user's store may raise anything
            return record, None, type(error).__name__

    def _after_fork(self) -> None:
        """In a forked child: the parent's threads, locks and connections are not ours."""
        self._lock = threading.Lock()
        self._flight = None
        # Two processes with one rotating pair and no shared store would log each other out.
        self._orphaned = self._store.private
        for part in (self._threads, self._events, self._store, self._refresher):
            if (after_fork := getattr(part, "after_fork", None)) is not None:
                after_fork()


def _shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _pair_of(held: Held) -> TokenPair:
    if held.record.pair is None:
        raise NotSignedInError("Not signed in: there is no pair of tokens. Sign in first.")
    return held.record.pair


_sessions: weakref.WeakSet[TokenSession] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for session in list(_sessions):
        session._after_fork()  # noqa: SLF001 -- the class's own hook


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
