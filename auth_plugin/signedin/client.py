"""The two clients that hand-written and generated packages are put together with: the composition root.

`signedin.Client` is `SignedInClient` with the resources and the contract of `signedin_sdk`; another API's is the same
with those of another generated package.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
import os
import re
import ssl
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, NoReturn, Protocol, Self, TypeVar

import httpx

from signedin._call import AsyncSender, Sender, Tokens
from signedin._connections import AsyncBorrowed, AsyncConnections, Borrowed, ConnectionOptions, Connections
from signedin._connections import refresh_client as connected
from signedin._plan import allowed_origin
from signedin._shim import in_use, renewal_of, store_of
from signedin._threads import SystemClock
from signedin._wire import HttpRefresher, RefreshEndpoint, RevokeEndpoint
from signedin.auth import DEFAULT_TIMEOUT, AsyncAuthenticated, Authenticated, BearerAuth, Marked
from signedin.errors import ConfigurationError
from signedin.protocols import ExpirySignal
from signedin.session import TokenSession
from signedin.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from signedin._tokens import Record
    from signedin.protocols import Clock, TokenStore
    from signedin.timing import Timing

LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=100)
_RECENT: Final = 256  # profiles of a client that stay in hand although nobody holds them
_CLOSED: Final = "This client is closed. Make another; a store keeps the session."
_LOCAL: Final = (httpx.HTTPTransport, httpx.AsyncHTTPTransport)
Http = TypeVar("Http", httpx.Client, httpx.AsyncClient)
Transport = TypeVar("Transport", httpx.BaseTransport, httpx.AsyncBaseTransport)


class _Refresh(Tokens, Protocol):
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def request_refresh_token(self) -> str: ...
    @property
    def dead(self) -> frozenset[int]: ...
    @property
    def expired(self) -> Any: ...
    @property
    def grace(self) -> Any: ...


class _Revoke(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def request_refresh_token(self) -> str: ...


class Contract(Protocol):
    """The module `contract` of a generated package: what its spec says about staying signed in."""

    @property
    def REFRESH(self) -> _Refresh | None: ...  # noqa: N802 -- the module's constants
    @property
    def REVOKE(self) -> _Revoke | None: ...  # noqa: N802
    @property
    def DEFAULT_BASE_URL(self) -> str | None: ...  # noqa: N802


@dataclass(frozen=True, slots=True)
class Options:
    """What the sessions of one client are made with."""

    api: Contract
    base_url: str
    origins: frozenset[str]
    store: TokenStore
    on_doubt: Literal["resend", "relogin"]
    timing: Timing | None
    clock: Clock
    refresh_client: Callable[[], httpx.Client]

    def session(self, profile: str) -> TokenSession:
        """Return a new session that refreshes as the spec says."""
        if not profile or not profile.isprintable():
            raise ConfigurationError(f"A profile is a printable name, not {profile!r}.")
        contract, revoke = refresh_contract(self.api), self.api.REVOKE
        grace, signal = contract.grace, contract.expired
        endpoint = RefreshEndpoint(
            url=self.base_url + contract.path,
            method=contract.method,
            request_refresh_token=contract.request_refresh_token,
            response_access_token=contract.response_access_token,
            response_refresh_token=contract.response_refresh_token,
            dead=contract.dead,
            attempt_header=grace.header if grace else None,
        )
        revocation = revoke and RevokeEndpoint(
            url=self.base_url + revoke.path, method=revoke.method, request_refresh_token=revoke.request_refresh_token
        )
        return TokenSession(
            HttpRefresher(endpoint, revoke=revocation, client=self.refresh_client, clock=self.clock),
            key=f"{self.base_url}#{profile}",
            base_url=self.base_url,
            origins=self.origins,
            store=self.store,
            expired=ExpirySignal(signal.status, signal.property, signal.equals),
            grace=grace.times if grace else None,
            grace_seconds=grace.seconds if grace else None,
            on_doubt=self.on_doubt,
            timing=self.timing,
            clock=self.clock,
        )


def refresh_contract(api: Contract) -> _Refresh:
    """Return how the API renews tokens."""
    if api.REFRESH is None:
        raise ConfigurationError("The spec declares no refresh (x-signedin-refresh); use the generated client alone.")
    return api.REFRESH


class Profiles:
    """The sessions of one API and store, one for each profile: held weakly, but for those in use and the last few."""

    def __init__(self, options: Options, sessions: Mapping[str, TokenSession] | None = None) -> None:
        self._options: Final = options
        self._sessions = weakref.WeakValueDictionary(sessions or {})  # guarded by _mutex
        self._recent: OrderedDict[str, TokenSession] = OrderedDict(sessions or {})  # guarded by _mutex
        self._mutex = threading.Lock()

    def session(self, profile: str) -> TokenSession:
        """Return the profile's session, the same one as long as anybody holds it."""
        with self._mutex:
            session = self._sessions.get(profile)
            if session is None:
                session = self._sessions[profile] = self._options.session(profile)
                _profiles[session] = weakref.ref(self)
            self._recent[profile] = session
            self._recent.move_to_end(profile)
            for _ in range(min(2, len(self._recent) - _RECENT)):  # two: a run of those in use is passed in time
                oldest, idle = self._recent.popitem(last=False)
                if in_use(idle):
                    self._recent[oldest] = idle
            return session

    def sessions(self) -> list[TokenSession]:
        """Return those that are there."""
        with self._mutex:
            return list(self._sessions.values())


# Where a session's other profiles are: a client that shares the session shares them, too.
_profiles: weakref.WeakKeyDictionary[TokenSession, weakref.ref[Profiles]] = weakref.WeakKeyDictionary()


@dataclass(slots=True)
class _Shared:
    """What a client and its views have in common."""

    options: Options
    profiles: Profiles
    owned: contextlib.ExitStack | None  # None where sessions belong to another client
    closed: bool = False


class _Cookies:
    """Keeps the cookies of one user from going along with another one's token; beside httpx's client in both colours.

    Cookies set by hand before the first sign-in are the user's own, and stay.
    """

    is_closed: Any
    cookies: Any
    shared: _Shared
    session: TokenSession
    _whose: Record | None = None

    def before_sending(self, request: httpx.Request) -> None:
        if self.shared.closed or self.is_closed:
            raise ConfigurationError(_CLOSED)
        held, whose = renewal_of(self.session).held, self._whose
        if whose is not None and (held is None or not held.record.same_user(whose)):
            self.cookies.clear()
            request.headers.pop("cookie", None)
        self._whose = held.record if held is not None else None

    def signed_in(self, response: httpx.Response) -> None:
        """Keep no cookies but those of a sign-in's own answers."""
        self.cookies.clear()
        for answer in (*response.history, response):
            self.cookies.extract_cookies(answer)
        self._whose = None


class _Http(_Cookies, httpx.Client):
    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request. As `httpx.Client.send`, but that a closed client is a ConfigurationError."""
        self.before_sending(request)
        return super().send(request, **options)


class _AsyncHttp(_Cookies, httpx.AsyncClient):
    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request. As `httpx.AsyncClient.send`, but that a closed client is a ConfigurationError."""
        self.before_sending(request)
        return await super().send(request, **options)


class _Client(Generic[Transport, Http]):
    """What both clients have in common, first of all their arguments."""

    api: ClassVar[Contract]  # of a generated package, set by the subclass
    _shared: _Shared
    _http: Http
    _session: TokenSession

    def __init__(
        self,
        base_url: str | None = None,
        *,
        store: TokenStore | str | None = None,
        session: TokenSession | None = None,
        profile: str | None = None,
        timeout: httpx.Timeout | float | None = DEFAULT_TIMEOUT,
        headers: Mapping[str, str] | None = None,
        http_client: Http | None = None,
        transport: Transport | None = None,
        proxy: str | httpx.URL | httpx.Proxy | None = None,
        verify: ssl.SSLContext | str | bool = True,
        cert: str | tuple[str, str] | tuple[str, str, str] | None = None,
        trust_env: bool = True,
        limits: httpx.Limits = LIMITS,
        http2: bool = False,
        event_hooks: Mapping[str, list[Callable[..., Any]]] | None = None,
        follow_redirects: bool = False,
        origins: Iterable[str] = (),
        allow_http: bool = False,
        on_doubt: Literal["resend", "relogin"] = "resend",
        timing: Timing | None = None,
        clock: Clock | None = None,
        refresh_transport: httpx.BaseTransport | None = None,
    ) -> None:
        if session is not None and (store is not None or profile is not None):
            raise ConfigurationError("A session has a store and a profile already: leave out store= and profile=.")
        if http_client is not None and (transport or http2 or event_hooks or follow_redirects or limits is not LIMITS):
            raise ConfigurationError("http_client= is used as it is: configure its transport, hooks and so on there.")
        base_url = _base_url(base_url, session)
        origin = allowed_origin(base_url, allow_http=allow_http)
        if session is not None and origin not in renewal_of(session).origins:
            raise ConfigurationError(f"The session's tokens do not go to {origin}; create it with this origin.")
        if isinstance(origins, str):
            raise ConfigurationError("origins= is a list of origins, not one string.")
        checked = _headers(headers)
        connections = ConnectionOptions(verify, cert, proxy, trust_env, limits, http2)
        options = Options(
            api=self.api,
            base_url=base_url,
            origins=frozenset({origin, *(allowed_origin(o, allow_http=allow_http) for o in origins)}),
            store=open_store(store) if session is None else store_of(session),
            on_doubt=on_doubt,
            timing=timing,
            clock=clock or SystemClock(),
            refresh_client=_refresh_client(refresh_transport or transport, connections, checked),
        )
        self._shared = _shared(options, session, opened=session is None and (store is None or isinstance(store, str)))
        self._session = session if session is not None else self._shared.profiles.session(profile or "default")
        settings = {
            "base_url": base_url,
            "timeout": _timeout(timeout),
            "headers": checked,
            "event_hooks": event_hooks,
            "follow_redirects": follow_redirects,
            "trust_env": trust_env,
        }
        if http_client is not None:
            self._http = self._around(http_client, checked, None if timeout is DEFAULT_TIMEOUT else timeout)
        else:
            self._http = self._open(transport, connections, settings)
        self._connect()

    @property
    def http(self) -> Http:
        """The authenticated httpx client, for what the spec lacks: any method, absolute URLs, streams.

        Its request hooks run before the token is put on, its response hooks see final answers only. A view for another
        profile has those that were there when it was made.
        """
        return self._http

    @property
    def session(self) -> TokenSession:
        """The session whose tokens the requests carry."""
        return self._session
