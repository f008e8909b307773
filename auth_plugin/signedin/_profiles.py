"""The sessions of one API: how its contract becomes a session, and which session stands for which profile.

What a session does is in `session`, the clients that share it above, in `client`.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from signedin._wire import HttpRefresher, RefreshEndpoint, RevokeEndpoint
from signedin.errors import ConfigurationError
from signedin.protocols import ExpirySignal
from signedin.session import TokenSession, renewal_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from signedin.protocols import Clock, TokenStore
    from signedin.timing import Timing

_RECENT: Final = 256  # profiles that stay in hand although nobody holds them


class Contract(Protocol):
    """The module `contract` of a generated package: what its spec says about staying signed in."""

    @property
    def REFRESH(self) -> Any: ...  # noqa: N802 -- a module's constants: its `RefreshContract`, or None
    @property
    def REVOKE(self) -> Any: ...  # noqa: N802 -- its `RevokeContract`, or None


@dataclass(frozen=True, slots=True)
class Options:
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

    def session(self, profile: str) -> TokenSession:
        """Return a new session that refreshes as the spec says."""
        if not profile or not profile.isprintable():
            raise ConfigurationError(f"A profile is a printable name, not {profile!r}.")
        refresh, revoke, grace = self.api.REFRESH, self.api.REVOKE, self.api.REFRESH.grace
        endpoint = RefreshEndpoint(
            url=self.base_url + refresh.request.url,
            method=refresh.request.method,
            request_refresh_token=refresh.request.refresh_token.name[1:],
            response_access_token=refresh.response.access_token.name[1:],
            response_refresh_token=refresh.response.refresh_token.name[1:],
            dead=frozenset(sign.status for sign in refresh.dead),
            error_properties=refresh.error_properties,
            attempt_header=grace.header if grace else None,
        )
        end = revoke and revoke.request
        revocation = end and RevokeEndpoint(self.base_url + end.url, end.method, end.refresh_token.name[1:])
        expired = refresh.expired[0]
        return TokenSession(
            HttpRefresher(endpoint, revoke=revocation, client=self.refresh_client, clock=self.clock),
            key=f"{self.base_url}#{profile}",
            base_url=self.base_url,
            origins=self.origins,
            allow_http=self.allow_http,
            store=self.store,
            expired=ExpirySignal(expired.status, expired.place.name[1:], expired.values[0]),
            grace=grace.times if grace else None,
            grace_seconds=grace.seconds if grace else None,
            on_doubt=self.on_doubt,
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
        _everybody.add(self)

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
_everybody: weakref.WeakSet[Profiles] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for profiles in list(_everybody):
        profiles.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
