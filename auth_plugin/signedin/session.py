"""TokenSession: what users, clients and the plan ask of a signed-in user's tokens.

Who waits for which refresh stands in `_renewal`, how one is decided in `_flight`, how it is carried out in `_runner`,
how a request uses it in `_plan`.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeVar, cast

from signedin._events import Events
from signedin._renewal import Renewal
from signedin._threads import SystemClock
from signedin._tokens import Record, Status, TokenPair, is_token
from signedin._waiting import wait, wait_async
from signedin.errors import ConfigurationError, NotSignedInError, TokenStoreError
from signedin.protocols import Clock, Event, ExpirySignal, Refresher, TokenStore
from signedin.stores.memory import MemoryStore
from signedin.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from signedin._held import Held

T = TypeVar("T")


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
        self._store: Final[TokenStore] = store if store is not None else MemoryStore()
        self._clock: Final[Clock] = clock or SystemClock()
        self._events: Final = Events(key)
        self._renewal: Final = Renewal(
            self._store,
            key,
            refresher,
            timing=self.timing,
            clock=self._clock,
            events=self._events,
            grace=grace,
            on_doubt=on_doubt,
        )
        _sessions.add(self)

    def __repr__(self) -> str:
        held = self._renewal.held
        return f"<TokenSession {self.key!r}, {f'generation {held.generation}' if held else 'no pair in hand'}>"

    # ------------------------------------------------------------------------------------------- what users call

    @property
    def is_signed_in(self) -> bool:
        """Whether there is a pair; says nothing of what the server thinks of it."""
        return self.tokens is not None

    @property
    def tokens(self) -> TokenPair | None:
        """The pair in hand while it is fresh, otherwise as the store has it now; None when signed out or expired."""
        held = self._renewal.in_hand()
        record = held.record if held else self._renewal.records.load()
        return record.pair if record else None

    def sign_in(self, pair: TokenPair, *, clock_offset: float | None = None) -> None:
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
        family = os.urandom(16).hex()

        def successor(current: Record | None) -> Record:
            return Record.of_pair(
                pair,
                generation=self._renewal.newest(current) + 1,
                obtained_at=self._clock.wall(),
                clock_offset=clock_offset or 0.0,
                family=family,
            )

        _, record = self._renewal.records.change(successor)
        self._renewal.take_over(cast("Record", record), clock_offset)

    async def asign_in(self, pair: TokenPair, *, clock_offset: float | None = None) -> None:
        """As `sign_in`, with the store's I/O in a thread."""
        await self.in_thread(lambda: self.sign_in(pair, clock_offset=clock_offset))

    def sign_out(self, *, revoke: bool = True) -> None:
        """Clear the pair everywhere, wake all waiters with `NotSignedInError`, then revoke at the server, best effort.

        It waits for no lock and no refresh; a pair that a refresh still brings is revoked, not kept. `revoke` is False
        where the server has ended the session already.

        Raises:
            TokenStoreError: The store could not be cleared; the session goes on as before.
        """
        before, after = self._renewal.records.change(lambda record: record.ended(Status.SIGNED_OUT) if record else None)
        held = self._renewal.clear(after)
        # The newest is the live one: what is in hand may be newer than what the store could take.
        known = [record for record in (before, held.record if held else None) if record is not None and record.pair]
        pair = max(known, key=lambda record: record.generation).pair if known else None
        if pair is not None and revoke:
            with contextlib.suppress(Exception):  # best effort, also with a user's refresher
                self._renewal.refresher.revoke(pair.refresh_token, timeout=self.timing.post)

    async def asign_out(self, *, revoke: bool = True) -> None:
        """As `sign_out`, with the store's and the network's I/O in a thread."""
        await self.in_thread(lambda: self.sign_out(revoke=revoke))

    def refresh(self) -> TokenPair:
        """Refresh now, whatever the token's age, together with all others who ask meanwhile.

        Raises:
            NotSignedInError, SessionExpiredError: Sign in.
            RefreshUnavailableError: No usable answer; the pair is kept.
            FreshTokenRejectedError: The last few tokens were replaced within seconds and never used; the pair is kept.
            TokenStoreError: The store cannot be used.
        """
        # What is in hand is renewed at once, also when it is past its end: `current` would refresh it first.
        known = self.held
        held = known or self.wait(self.current())
        return _pair_of(held if known is None and held.refreshed else self.wait(self.renew(held)))

    async def arefresh(self) -> TokenPair:
        """As `refresh`, without blocking the event loop."""
        known = self.held
        held = known or await self.await_(self.current())
        return _pair_of(held if known is None and held.refreshed else await self.await_(self.renew(held)))

    def on(self, event: str, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call back when something happens to the session; returns a function that ends it.

        Events: signed_in, refreshed, refresh_failed, expired, signed_out, adopted, unsaved. Callbacks run in threads of
        the session's own, one after another, in the order of what happened. One that takes longer than a second is left
        behind with what waits for it, and the others go on. What they raise is logged.
        """
        return self._events.on(event, callback)

    def explain(self) -> dict[str, object]:
        """Return what the session and its store know, for a log or a support ticket; no secrets.

        Where no pair is in hand it tells of the stored one, without taking it; a damaged one stays where it is. A store
        that fails is a line of the answer, not an error. `last_failure` and `last_failure_reason` are this process's
        own; those of others stand in their logs.
        """
        held = self._renewal.held
        stored, holder, trouble = self._ask_store()
        record = held.record if held else stored
        intent = stored.intent if stored else None
        expires_at = record.pair.expires_at if record and record.pair else None
        windows = held or (self._renewal.windows.hold(record) if record else None)
        due = max(0.0, windows.soft_at - self._clock.monotonic()) if windows and expires_at else None
        told = self._renewal.explain()
        if told["clock_offset"] is None and record is not None:
            told["clock_offset"] = record.clock_offset  # as whoever stored it knew it
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
            "next_planned_refresh_in": due,
            "unfinished_refresh_until": _shown(intent.deadline) if intent else None,
            **told,
        }

    def close(self) -> None:
        """Wait for a refresh that is under way, at most as long as one may take, and give up connections.

        A closed session may be used again.
        """
        self._renewal.threads.join(self.timing.flight)
        self._renewal.refresher.close()

    async def aclose(self) -> None:
        """As `close`, without blocking the event loop."""
        await self.in_thread(self.close)

    # ------------------------------------------------------------------------------------------ what the plan calls

    @property
    def held(self) -> Held | None:
        """The pair in hand, of whatever age."""
        return self._renewal.held

    def current(self) -> Held | Future[Held]:
        """Return a pair that may be sent, or the future of one. The fresh path takes no lock and does no I/O."""
        return self._renewal.current()

    def current_for_one_shot(self) -> Held | Future[Held]:
        """Return a pair outside its soft window: for a request whose body cannot be sent a second time."""
        return self._renewal.current_for_one_shot()

    def renew(self, rejected: Held) -> Held | Future[Held]:
        """Return a pair newer than `rejected`, or the future of one, refreshing at most once for it.

        Callers refused with the same generation share one refresh. A caller whose pair was replaced while its request
        was under way gets the new one at once.
        """
        return self._renewal.renew(rejected)

    def wait(self, got: Held | Future[Held]) -> Held:
        """Return what `current` or `renew` gave, waiting for it in this thread if need be."""
        return wait(got, self.timing.waiter) if isinstance(got, Future) else got

    async def await_(self, got: Held | Future[Held]) -> Held:
        """Return what `current` or `renew` gave, waiting for it in this task if need be."""
        return await wait_async(got, self.timing.waiter) if isinstance(got, Future) else got

    async def in_thread(self, job: Callable[[], T]) -> T:
        """Return what a job with I/O returns, without blocking the event loop; unless there is no thread to be had."""
        try:
            future = self._renewal.threads.submit(job)
        except RuntimeError:
            return job()  # late, and in everybody's way, but done
        return await wait_async(future, self.timing.waiter)

    # ------------------------------------------------------------------------------------------------ small change

    def _ask_store(self) -> tuple[Record | None, str | None, str | None]:
        """Return the stored record, who holds the refresh lock if the store can tell, and what trouble it made."""
        record = None
        try:
            record = self._renewal.records.peek()
            holder: Callable[[str], str | None] | None = getattr(self._store, "lock_holder", None)
            return record, holder(self.key) if holder else None, None
        except TokenStoreError as error:
            return record, None, str(error)
        except Exception as error:  # noqa: BLE001 -- a user's store may raise anything
            return record, None, type(error).__name__

    def _after_fork(self) -> None:
        """In a forked child: the parent's threads, locks and connections are not ours."""
        self._renewal.after_fork()
        for part in (self._events, self._store, self._renewal.refresher):
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
