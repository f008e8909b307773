"""TokenSession: what users ask of a signed-in user's tokens.

The pair in hand and who waits for which refresh stand in `_renewal`, how a refresh is decided in `_flight`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, NoReturn, Protocol

from signedin._contract import BEARER_HEADER, EXPIRED
from signedin._events import Events
from signedin._flight import Orders
from signedin._network import allowed_origin
from signedin._renewal import Renewal
from signedin._threads import SystemClock
from signedin._tokens import SUBJECT, Record, Records, TokenPair, Windows
from signedin.errors import ConfigurationError, NotSignedInError, TokenStoreError
from signedin.stores.memory import MemoryStore
from signedin.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from signedin_sdk.types import Place, Sign

    from signedin._tokens import Held
    from signedin.protocols import Clock, Event, EventName, Refresher, TokenStore


class Tokens(Protocol):
    """Anything that has the two tokens: a `TokenPair`, or the answer of an operation that issues them."""

    @property
    def access_token(self) -> str: ...

    @property
    def refresh_token(self) -> str | None: ...


class TokenSession:
    """One signed-in user of one API, shared by any threads, tasks, clients and, through its store, processes.

    `refresher` renews the pair: an `HttpRefresher`, or one of your own. `key` names the record in the store. `origins`
    are where the access token may go ("https://api.example.com"), over plain http to another machine only with
    `allow_http`. `expired`: any of these responses says that a token has expired; by default a 401. `attach`: the
    header that takes the token. `subject`: claims of which the first present says whose token it is. `grace` is how
    often, and `grace_seconds` how long, the server lets a refresh token be presented again after a lost answer, and
    `timing` is shortened to fit; None for a strict server, whose lost answer `on_doubt` treats: present the token once
    more ("resend") or clear the pair ("relogin"). `signs_in`: the refresher signs in anew, and is called also where
    there is no pair yet. `ahead`: only a refresh before the token's end works, so a thread does it also while idle,
    until `close()`.
    """

    def __init__(
        self,
        refresher: Refresher,
        *,
        origins: Iterable[str],
        key: str = "default",
        base_url: str | None = None,
        store: TokenStore | None = None,
        expired: Iterable[Sign] = EXPIRED,
        attach: Place = BEARER_HEADER,
        subject: tuple[str, ...] = SUBJECT,
        grace: int | None = None,
        grace_seconds: float | None = None,
        on_doubt: Literal["resend", "relogin"] = "resend",
        signs_in: bool = False,
        ahead: bool = False,
        timing: Timing | None = None,
        clock: Clock | None = None,
        allow_http: bool = False,
    ) -> None:
        if isinstance(origins, str):
            raise ConfigurationError('origins takes several: write origins=["https://api.example.com"].')
        self.key: Final = key
        self.base_url: Final = base_url  # where a client that shares the session finds the API
        self.store: Final[TokenStore] = MemoryStore() if store is None else _checked(store)
        bounds = (timing or Timing()).checked()
        fitting = bounds if grace_seconds is None else bounds.within(grace_seconds)
        self._clock: Final[Clock] = clock or SystemClock()
        self._events: Final = Events(key)
        windows = Windows(self._clock, attach.prefix)
        self._renewal: Final = Renewal(
            Records(self.store, key, subject),
            refresher,
            Orders(
                usable=windows.usable,
                timing=fitting or bounds,
                grace=grace if fitting else None,
                on_doubt="resend" if signs_in else on_doubt,
                signs_in=signs_in,
            ),
            windows,
            origins=frozenset(allowed_origin(origin, allow_http=allow_http) for origin in origins),
            expired=tuple(expired),
            header=attach.name,
            clock=self._clock,
            events=self._events,
            ahead=ahead,
        )

    def __repr__(self) -> str:
        held = self._renewal.held
        return f"<TokenSession {self.key!r}, {f'generation {held.record.generation}' if held else 'no pair in hand'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A TokenSession belongs to its process: give the other one the store, or its URL, and build a client there."
        )

    @property
    def is_signed_in(self) -> bool:
        """Whether a pair is in hand; no I/O, so another process's sign-in shows after `load()` or the first call."""
        return self._renewal.held is not None

    @property
    def tokens(self) -> TokenPair | None:
        """The pair in hand, of whatever age; no I/O. None when signed out, expired, or not loaded yet."""
        held = self._renewal.held
        return held.record.pair if held else None

    def load(self) -> TokenPair | None:
        """Read the store, take over what another process has stored there, and return the pair.

        Raises:
            TokenStoreError: The store cannot be read; what is in hand stays.
        """
        return self._renewal.load()

    async def aload(self) -> TokenPair | None:
        """As `load`, with the store's I/O in a thread."""
        return await self._renewal.in_thread(self.load)

    def sign_in(self, pair: Tokens, *, clock_offset: float | None = None) -> None:
        """Store a pair obtained elsewhere; it wins over a refresh that is under way.

        `clock_offset`: seconds that the server's clock is ahead of this one.

        Raises:
            ConfigurationError: A token is empty, or holds what cannot stand in a header; nothing was stored.
            TokenStoreError: The pair could not be stored; whatever was stored before still is.
        """
        if not isinstance(pair, TokenPair):
            pair = TokenPair(pair.access_token, pair.refresh_token)
        pair = pair.with_subject(self._renewal.records.subject)
        if not pair.is_sendable:
            raise ConfigurationError(
                "A token is empty, too long or holds characters that no header can carry; nothing was stored."
            )
        self._renewal.sign_in(pair, clock_offset=clock_offset)

    async def asign_in(self, pair: Tokens, *, clock_offset: float | None = None) -> None:
        """As `sign_in`, with the store's I/O in a thread."""
        await self._renewal.in_thread(lambda: self.sign_in(pair, clock_offset=clock_offset))

    def sign_out(self, *, revoke: bool = True) -> None:
        """Clear the pair everywhere, wake all waiters with `NotSignedInError`, then revoke at the server, best effort.

        It waits for no lock and no refresh; a pair that a refresh still brings is revoked. `revoke` is False
        where the server has ended the session already.

        Raises:
            TokenStoreError: The store could not be cleared; the session goes on as before.
        """
        self._renewal.sign_out(revoke=revoke)

    async def asign_out(self, *, revoke: bool = True) -> None:
        """As `sign_out`, with the store's and the network's I/O in a thread."""
        await self._renewal.in_thread(lambda: self.sign_out(revoke=revoke))

    def refresh(self) -> TokenPair:
        """Refresh now, whatever the token's age, together with all others who ask meanwhile.

        Raises:
            NotSignedInError, SessionExpiredError: Sign in.
            RefreshUnavailableError: No usable answer; the pair stays.
            FreshTokenRejectedError: The server refused the last few tokens as soon as it had issued them.
            TokenStoreError: The store cannot be used.
        """
        if not self.is_signed_in:
            self.load()  # another process may have signed in
        return _pair_of(self._renewal.wait(self._renewal.renew(self._renewal.held, "demanded")))

    async def arefresh(self) -> TokenPair:
        """As `refresh`, without blocking the event loop."""
        if not self.is_signed_in:
            await self.aload()
        return _pair_of(await self._renewal.await_(self._renewal.renew(self._renewal.held, "demanded")))

    def on(self, event: EventName, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call back when something happens to the session; returns a function that ends it.

        Callbacks run one after another, in the order of what happened, in the thread in which it happened, after those
        who waited for it are awake. One that takes long delays later events and `close()`, and no request. What they
        raise is logged.
        """
        return self._events.on(event, callback)

    def explain(self) -> dict[str, object]:
        """Return what the session and its store know, for a log or a support ticket; no secrets.

        Where no pair is in hand it describes the stored one, without taking it; a damaged one stays where it is. A
        store that fails is a line of the answer, not an error. `last_failure` and `last_failure_reason` are this
        process's own; those of others stand in their logs.
        """
        renewal, held = self._renewal, self._renewal.held
        stored, holder, trouble = renewal.threads.call(self._examine_store)
        record = held.record if held else stored
        windows = held or (renewal.windows.hold(record) if record else None)
        intent, expires_at = stored and stored.intent, record and record.pair and record.pair.expires_at
        due = max(0.0, windows.soft_at - self._clock.monotonic()) if windows and expires_at else None
        state = renewal.explain()
        if state["clock_offset"] is None and record is not None:
            state["clock_offset"] = record.clock_offset  # as whoever stored it knew it
        return {
            "key": self.key,
            "store": repr(self.store),
            "store_failure": trouble,
            "lock_holder": holder,
            "status": stored and stored.status.value,
            "generation": record and record.generation,
            "obtained_at": record and _shown(record.obtained_at),
            "age": record and self._clock.wall() - record.obtained_at,
            "expires_at": expires_at and expires_at.isoformat(),
            "next_planned_refresh_in": due,
            "unfinished_refresh_until": intent and _shown(intent.deadline),
            **state,
        }

    def close(self) -> None:
        """Wait for a refresh that is under way, at most as long as one may take, and store what is not stored yet.

        A closed session may be used again.
        """
        self._renewal.close()

    async def aclose(self) -> None:
        """As `close`, without blocking the event loop."""
        await self._renewal.in_thread(self.close)

    def _examine_store(self) -> tuple[Record | None, str | None, str | None]:
        """Return the stored record, who holds the refresh lock if the store can say, and what trouble it made."""
        record = None
        try:
            record = self._renewal.records.peek()
            holder: Callable[[str], str | None] | None = getattr(self.store, "lock_holder", None)
            return record, holder(self.key) if holder else None, None
        except TokenStoreError as error:
            return record, None, str(error)
        except Exception as error:  # noqa: BLE001 -- a user's store may raise anything
            return record, None, type(error).__name__


def _checked(store: TokenStore) -> TokenStore:
    """Return the store, unless it is none: annotations stop nobody, and the first sign-in would be too late."""
    if isinstance(store, type):
        raise ConfigurationError(f"store: {store.__name__} is a class; pass an instance, such as {store.__name__}(…).")
    parts, kind = ("private", "load", "compare_and_set", "try_lock", "unlock"), type(store).__name__
    if missing := [name for name in parts if not hasattr(store, name)]:
        raise ConfigurationError(f"store: this {kind} is no TokenStore: it has no {', '.join(missing)}.")
    return store


def renewal_of(session: TokenSession) -> Renewal:
    """Return what requests ask of a session, and users do not."""
    return session._renewal  # noqa: SLF001 -- this module's own class


def _shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _pair_of(held: Held) -> TokenPair:
    if held.record.pair is None:
        raise NotSignedInError("Not signed in: there is no pair of tokens. Sign in first.")
    return held.record.pair
