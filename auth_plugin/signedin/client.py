"""Client and AsyncClient: the composition root. The resources (`client.auth`, `client.users`) come from the spec."""

from __future__ import annotations

import copy
import functools
import os
import ssl
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar

import httpx
from signedin_sdk.resources import AsyncResources, Resources

from signedin._binding import AsyncSender, Sender, SessionOptions, session_for
from signedin._origin import allowed_origin

CONNECTIONS = 100


def Places(n):
    return None


from signedin._threads import SystemClock
from signedin.auth import BearerAuth
from signedin.errors import ConfigurationError
from signedin.stores import open_store

from signedin.session import renewal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from signedin.protocols import Clock, TokenStore
    from signedin.session import TokenSession
    from signedin.timing import Timing

Verify = ssl.SSLContext | bool  # as in httpx
# The wait for a place in the pool is long: a thousand calls at once must queue, not fail.
DEFAULT_TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0, pool=60.0)
# httpx keeps 20 idle connections of 100. To close the others its pool may take one that it has just given to another
# thread, whose call then fails, or hangs until its time is over (encode/httpcore#1110).
_LIMITS: Final = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)


class _Wiring:
    """What both clients are made of: an address, a store, and one session per profile."""

    def __init__(
        self,
        base_url: str | None,
        session: TokenSession | None,
        *,
        store: TokenStore | str | None,
        origins: Iterable[str],
        allow_http: bool,
        on_doubt: Literal["resend", "relogin"],
        timing: Timing | None,
        clock: Clock | None,
        refresh_transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
        verify: Verify,
    ) -> None:
        self.base_url = _base_url(base_url, session)
        self.origin = allowed_origin(self.base_url, allow_http=allow_http)
        if session is not None and self.origin not in renewal_of(session).origins:
            raise ConfigurationError(f"The session's tokens do not go to {self.origin}; create it with this origin.")
        self.clock = clock or SystemClock()
        self._refresh_transport = refresh_transport
        self._verify = verify
        self._options = SessionOptions(
            base_url=self.base_url,
            origins={self.origin, *(allowed_origin(o, allow_http=allow_http) for o in origins)},
            store=open_store(store),
            on_doubt=on_doubt,
            timing=timing,
            clock=self.clock,
        )
        self._sessions: dict[str, TokenSession] = {}

    def session(self, profile: str) -> TokenSession:
        """Return the profile's session, always the same one."""
        if not profile or not profile.isprintable():
            raise ConfigurationError(f"A profile is a printable name, not {profile!r}.")
        if profile not in self._sessions:
            refresh_client = _refresh_client(_for_threads(self._refresh_transport), self._verify)
            fresh = session_for(f"{self.origin}#{profile}", refresh_client, self._options)
            # setdefault: two threads that ask at once get one session.
            self._sessions.setdefault(profile, fresh)
        return self._sessions[profile]

    def close(self) -> None:
        for session in list(self._sessions.values()):
            session.close()

    async def aclose(self) -> None:
        for session in list(self._sessions.values()):
            await session.aclose()


class Client(Resources):
    """A blocking client that stays signed in. Share one between threads; use it as a context manager, or `close()` it.

    `base_url` defaults to SIGNEDIN_BASE_URL. `store` is a `TokenStore` or its URL ("memory:", "file:", "keyring:",
    "redis://host:6379/0"), by default SIGNEDIN_STORE, else memory. `session` shares another client's, in place of both.
    `origins`: further origins that the token may go to. `transport`, `verify`, `headers`, `follow_redirects` as in
    httpx.
    `refresh_transport`: for the refresh alone, which runs in a thread. `allow_http`: let tokens travel unencrypted to
    other machines.

    Raises:
        ConfigurationError: What was given, or the environment, cannot work.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        store: TokenStore | str | None = None,
        session: TokenSession | None = None,
        profile: str = "default",
        timeout: httpx.Timeout | float | None = DEFAULT_TIMEOUT,
        transport: httpx.BaseTransport | None = None,
        refresh_transport: httpx.BaseTransport | None = None,
        verify: Verify = True,
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = False,
        origins: Iterable[str] = (),
        allow_http: bool = False,
        on_doubt: Literal["resend", "relogin"] = "resend",
        timing: Timing | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._wiring = _Wiring(
            base_url,
            session,
            store=store,
            origins=origins,
            allow_http=allow_http,
            on_doubt=on_doubt,
            timing=timing,
            clock=clock,
            refresh_transport=refresh_transport or transport,
            verify=verify,
        )
        http = httpx.Client(
            base_url=self._wiring.base_url,
            timeout=timeout,
            transport=transport,
            verify=_ssl_context(verify),
            headers=headers,
            follow_redirects=follow_redirects,
            limits=_LIMITS,
        )
        self._owned: httpx.Client | None = http
        self._bind(http, session if session is not None else self._wiring.session(profile))

    def _bind(self, http: httpx.Client, session: TokenSession) -> None:
        http.auth = auth = BearerAuth(session)
        http.event_hooks = _hooks(auth.stay_home, http)
        self._http, self._session = http, session
        super().__init__(Sender(http, session, self._wiring.clock))

    def __repr__(self) -> str:
        return f"<signedin.Client {self._wiring.base_url}>"

    @property
    def http(self) -> httpx.Client:
        """The authenticated httpx client, for what the spec lacks: any method, absolute URLs, streams.

        Append to its request hooks, do not replace them: one of them keeps bodies from being redirected elsewhere. A
        view for another profile has those that were there when it was made.
        """
        return self._http

    @property
    def session(self) -> TokenSession:
        """The session whose tokens the requests carry."""
        return self._session

    def logout(self) -> None:
        """Clear the pair everywhere and revoke it at the server, best effort.

        Raises:
            TokenStoreError: The store could not be cleared; the session goes on as before.
        """
        self._session.sign_out()

    def for_profile(self, name: str) -> Self:
        """Return a view with another profile's session on the same connection pool; closing it closes nothing."""
        return _view(self, name)

    def close(self) -> None:
        """Wait for a refresh that is under way, and give up connections."""
        if self._owned is not None:
            self._wiring.close()
            self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(AsyncResources):
    """An async client that stays signed in, on asyncio and trio. Use it as a context manager, or `await aclose()`.

    Arguments as for `Client`.
    An async-only `transport` needs a `refresh_transport` beside it: the refresh runs
    in a thread, where no caller's cancellation reaches it.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        store: TokenStore | str | None = None,
        session: TokenSession | None = None,
        profile: str = "default",
        timeout: httpx.Timeout | float | None = DEFAULT_TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
        refresh_transport: httpx.BaseTransport | None = None,
        verify: Verify = True,
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = False,
        origins: Iterable[str] = (),
        allow_http: bool = False,
        on_doubt: Literal["resend", "relogin"] = "resend",
        timing: Timing | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._wiring = _Wiring(
            base_url,
            session,
            store=store,
            origins=origins,
            allow_http=allow_http,
            on_doubt=on_doubt,
            timing=timing,
            clock=clock,
            refresh_transport=refresh_transport or transport,
            verify=verify,
        )
        # A transport of the user's own has limits of its own, or many requests on one connection.
        self._places = Places(CONNECTIONS) if transport is None else None
        http = httpx.AsyncClient(
            base_url=self._wiring.base_url,
            timeout=timeout,
            transport=transport,
            verify=_ssl_context(verify),
            headers=headers,
            follow_redirects=follow_redirects,
        )
        self._owned: httpx.AsyncClient | None = http
        self._bind(http, session if session is not None else self._wiring.session(profile))

    def _bind(self, http: httpx.AsyncClient, session: TokenSession) -> None:
        http.auth = auth = BearerAuth(session, self._places)
        http.event_hooks = _hooks(auth.astay_home, http)
        self._http, self._session = http, session
        super().__init__(AsyncSender(http, session, self._wiring.clock))

    def __repr__(self) -> str:
        return f"<signedin.AsyncClient {self._wiring.base_url}>"

    @property
    def http(self) -> httpx.AsyncClient:
        """The authenticated httpx client, for what the spec lacks: any method, absolute URLs, streams.

        Append to its request hooks, do not replace them: one of them keeps bodies from being redirected elsewhere. A
        view for another profile has those that were there when it was made.
        """
        return self._http

    @property
    def session(self) -> TokenSession:
        """The session whose tokens the requests carry."""
        return self._session

    async def logout(self) -> None:
        """Clear the pair everywhere and revoke it at the server, best effort.

        Raises:
            TokenStoreError: The store could not be cleared; the session goes on as before.
        """
        await self._session.asign_out()

    def for_profile(self, name: str) -> Self:
        """Return a view with another profile's session on the same connection pool; closing it closes nothing."""
        return _view(self, name)

    async def aclose(self) -> None:
        """Wait for a refresh that is under way, and give up connections."""
        if self._owned is not None:
            await self._wiring.aclose()
            await self._owned.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


AnyClient = TypeVar("AnyClient", bound=Client | AsyncClient)


def _view(client: AnyClient, profile: str) -> AnyClient:
    view = copy.copy(client)
    # The resources are cached per instance, bound to the other session.
    for cached in set(vars(view)) - {"_wiring", "_owned", "_http", "_session", "_send", "_places"}:
        del view.__dict__[cached]
    http: Any = copy.copy(client.http)
    http.cookies = httpx.Cookies()
    http.headers = httpx.Headers(client.http.headers)
    view._owned = None  # noqa: SLF001 -- our own class
    view._bind(http, client._wiring.session(profile))  # noqa: SLF001
    return view


def _hooks(stay: Callable[..., Any], http: httpx.Client | httpx.AsyncClient) -> dict[str, list[Callable[..., Any]]]:
    """Return the hooks of a client, with `stay` in the place of another session's."""
    users = [
        hook for hook in http.event_hooks["request"] if not isinstance(getattr(hook, "__self__", None), BearerAuth)
    ]
    return {"request": [stay, *users], "response": http.event_hooks["response"]}


def _base_url(given: str | None, session: TokenSession | None) -> str:
    found = given or (session.base_url if session else None) or os.environ.get("SIGNEDIN_BASE_URL")
    if not found:
        raise ConfigurationError(
            "No base URL: pass one, as in Client('https://api.example.com/v1'), or set SIGNEDIN_BASE_URL."
        )
    if "?" in found or "#" in found:
        raise ConfigurationError(
            "A base URL ends with its path: no query and no fragment, which would swallow the rest."
        )
    return found.rstrip("/")


@functools.cache
def _default_ssl_context() -> ssl.SSLContext:
    # Parsing the CA bundle takes longer than a refresh; once per process is enough.
    return httpx.create_ssl_context()


def _ssl_context(verify: Verify) -> ssl.SSLContext | bool:
    return _default_ssl_context() if verify is True else verify


def _refresh_client(transport: httpx.BaseTransport | None, verify: Verify) -> Callable[[], httpx.Client]:
    def build() -> httpx.Client:
        if transport is not None:
            return httpx.Client(transport=_Borrowed(transport))
        return httpx.Client(verify=_ssl_context(verify), limits=httpx.Limits(max_keepalive_connections=0))

    return build


def _for_threads(transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None) -> httpx.BaseTransport | None:
    if transport is None or isinstance(transport, httpx.BaseTransport):
        return transport
    raise ConfigurationError(
        f"{type(transport).__name__} is async only, and the refresh runs in a thread: pass a refresh_transport, for "
        "example httpx.HTTPTransport() or httpx.WSGITransport(app=...)."
    )


class _Borrowed(httpx.BaseTransport):
    """The client's own transport, which the refresh must not close."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)
