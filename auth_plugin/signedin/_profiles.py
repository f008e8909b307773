"""The sessions of one API: how its contract becomes a session, and which session stands for which profile.

What a session does is in `session`, the clients that share it above, in `client`.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from signedin._threads import after_fork
from signedin._wire import HttpRefresher
from signedin.errors import ConfigurationError
from signedin.session import TokenSession, renewal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from signedin._contract import Settings
    from signedin.protocols import Clock, Contract, TokenStore
    from signedin.timing import Timing

_RECENT: Final = 256  # profiles that stay in hand although nobody holds them


class Options(NamedTuple):
    """What the sessions of one client are made with."""

    api: Contract
    base_url: str
    origins: tuple[str, ...]
    allow_http: bool
    store: TokenStore
    on_doubt: Literal["resend", "relogin"]
    timing: Timing | None
    clock: Clock
    refresh_client: Callable[[], httpx.Client]
    settings: Settings
    credentials: Callable[[], Mapping[str, Any]] | None

    def session(self, profile: str) -> TokenSession:
        """Return a new session that refreshes as the spec declares."""
        if not profile or not profile.isprintable():
            raise ConfigurationError(f"A profile is a printable name, not {profile!r}.")
        refresh, grace = self.api.REFRESH, self.api.REFRESH.grace
        refresher = HttpRefresher(
            self.api,
            self.base_url,
            settings=self.settings,
            credentials=self.credentials,
            client=self.refresh_client,
            clock=self.clock,
            allow_http=self.allow_http,
        )
        return TokenSession(
            refresher,
            key=f"{self.base_url}#{profile}",
            base_url=self.base_url,
            origins=self.origins,
            allow_http=self.allow_http,
            store=self.store,
            expired=refresh.expired,
            attach=refresh.attach,
            subject=refresh.subject,
            grace=grace.times if grace else None,
            grace_seconds=grace.seconds if grace else None,
            on_doubt=self.on_doubt,
            signs_in=self.credentials is not None,
            ahead=refresh.renew == "ahead",
            timing=self.timing,
            clock=self.clock,
        )


class Profiles:
    """The sessions of one API and store, one for each profile: held weakly, but for those in use and the last few."""

    def __init__(self, options: Options, lent: TokenSession | None = None) -> None:
        self._options: Final = options
        self._lent: Final = lent  # made by the user, who closes it
        self._sessions: weakref.WeakValueDictionary[str, TokenSession] = weakref.WeakValueDictionary()
        if lent is not None:
            self._sessions[lent.key.rpartition("#")[2]] = lent
        self._recent: OrderedDict[str, TokenSession] = OrderedDict()
        self._mutex = threading.Lock()  # guards both
        after_fork(self)

    def session(self, profile: str) -> TokenSession:
        """Return the profile's session, the same one as long as anybody holds it."""
        with self._mutex:
            session = self._sessions.get(profile)
            if session is None:
                session = self._options.session(profile)
                self._sessions[profile], _of_session[session] = session, weakref.ref(self)
            self._recent[profile] = session
            self._recent.move_to_end(profile)
            for _ in range(min(2, len(self._recent) - _RECENT)):  # two, so that those in use are passed in time
                oldest, idle = self._recent.popitem(last=False)
                if renewal_of(idle).in_use:
                    self._recent[oldest] = idle
            return session

    @classmethod
    def beside(cls, session: TokenSession | None) -> Profiles | None:
        """Return those to which a session belongs: a client that shares it shares its store and its other profiles."""
        return _of_session[session]() if session is not None and session in _of_session else None

    def sessions(self) -> list[TokenSession]:
        """Return those that were made here and are there."""
        with self._mutex:
            return [session for session in self._sessions.values() if session is not self._lent]

    def after_fork(self) -> None:
        """In a forked child: a thread that is not here may have held the lock."""
        self._mutex = threading.Lock()


_of_session: weakref.WeakKeyDictionary[TokenSession, weakref.ref[Profiles]] = weakref.WeakKeyDictionary()
