"""The two clients that hand-written and generated packages are put together with: the composition root.

`signedin.Client` is `SignedInClient` with the resources and the contract of `signedin_sdk`; another API's is the same
with those of another generated package.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import os
import re
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NamedTuple, NoReturn, Self, TypeVar

import httpx

from signedin._call import AsyncSender, Budget, Sender
from signedin._connections import AsyncConnections, Connections
from signedin._contract import Credentials, Settings, resolved
from signedin._exchange import CLIENT_CLOSED, AsyncHttp, Http, refresh_client
from signedin._network import AsyncBorrowed, Borrowed, ConnectionOptions, allowed_origin
from signedin._options import (
    CallOptions,
    Headers,
    Unchanged,
    checked_headers,
    checked_retries,
    checked_timeout,
    hide_from_logs,
    set_up_logging,
    user_agent,
)
from signedin._profiles import Options, Profiles
from signedin._threads import SystemClock
from signedin.auth import DEFAULT_TIMEOUT, Authenticated, BearerAuth
from signedin.errors import ConfigurationError
from signedin.session import renewal_of
from signedin.stores import open_store

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta

    from signedin.protocols import Clock, Contract, TokenStore
    from signedin.session import TokenSession
    from signedin.timing import Timing

AnyHttp = TypeVar("AnyHttp", httpx.Client, httpx.AsyncClient)
Transport = TypeVar("Transport", httpx.BaseTransport, httpx.AsyncBaseTransport)


class _Shared:
    """What a client and its views have in common."""

    connections: Any = None
    transport: Any = None  # the user's
    closed = False

    def __init__(self, options: Options, profiles: Profiles, *, owned: bool, opened: bool) -> None:
        self.options = options
        self.profiles = profiles
        self.owned = owned  # whether the profiles, and the store if `opened`, are this client's own, which closes them
        self.opened = opened
        self.budget = Budget()


class _Colour(NamedTuple):
    """What a client of one colour is made of."""

    connections: type[Any]
    borrowed: type[Any]
    http: type[Any]
    sender: type[Any]


class _Client(Generic[Transport, AnyHttp]):
    """What both clients have in common, first of all their arguments."""

    api: Contract  # of a generated package, set by the subclass in a plain assignment, which no ClassVar takes
    # Names the base URL in the environment; None: a variable of one API must not send another's tokens anywhere.
    _variable: ClassVar[str | None] = None
    _colour: ClassVar[_Colour]
    _is_view = False
    # What descriptors keep in an instance: the resources, which a view must not share.
    _described: ClassVar[tuple[str, ...]]
    _http: Any  # one of ours, or a copy of the user's
    _send: Any  # set by the generated resources

    def __init__(
        self,
        base_url: str | None = None,
        *,
        store: TokenStore | str | None = None,
        session: TokenSession | None = None,
        profile: str | None = None,
        timeout: httpx.Timeout | float | None = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        app: str | None = None,
        headers: Mapping[str, str] | None = None,
        http_client: AnyHttp | None = None,
        transport: Transport | None = None,
        proxy: str | httpx.URL | httpx.Proxy | None = None,
        verify: ssl.SSLContext | str | bool = True,
        cert: str | tuple[str, str] | tuple[str, str, str] | None = None,
        trust_env: bool = True,
        limits: httpx.Limits | None = None,
        http2: bool = False,
        fast: bool = False,
        event_hooks: Mapping[str, list[Callable[..., Any]]] | None = None,
        follow_redirects: bool = False,
        origins: Iterable[str] = (),
        allow_http: bool = False,
        on_doubt: Literal["resend", "relogin"] = "resend",
        timing: Timing | None = None,
        clock: Clock | None = None,
        settings: Mapping[str, str] | None = None,
        credentials: Callable[[], Mapping[str, Any]] | None = None,
        refresh_transport: httpx.BaseTransport | None = None,
    ) -> None:
        # First: crash reporters show the locals of this frame.
        settings, credentials = Settings(settings or {}), credentials and Credentials(credentials)
        if session is not None and (store is not None or profile is not None):
            raise ConfigurationError("A session has a store and a profile already: leave out store= and profile=.")
        if http_client is not None and not isinstance(http_client, self._colour.http.__mro__[2]):
            raise ConfigurationError(f"http_client= must be an httpx.{self._colour.http.__mro__[2].__name__} here.")
        if fast and (transport is not None or http_client is not None):
            raise ConfigurationError("fast=True makes transports of its own: leave out transport= and http_client=.")
        if http_client is not None and any((transport, limits, http2, event_hooks, follow_redirects)):
            raise ConfigurationError("http_client= is used as it is: configure its transport, hooks and so on there.")
        if isinstance(origins, str):
            raise ConfigurationError("origins= is a list of origins, not one string.")
        if self.api.REFRESH is None:
            raise ConfigurationError(
                "The spec declares no refresh (x-signedin-refresh); use the generated client alone."
            )
        set_up_logging()
        hide_from_logs(self.api)
        call_options = CallOptions(checked_retries(max_retries))
        base_url = _base_url(base_url or (session.base_url if session else None) or self._default_base_url())
        origin = allowed_origin(base_url, allow_http=allow_http)
        if session is not None and origin not in renewal_of(session).origins:
            raise ConfigurationError(f"The session's tokens do not go to {origin}; create it with this origin.")
        network = ConnectionOptions(verify, cert, proxy, trust_env, limits or ConnectionOptions().limits, http2, fast)
        # Another client's session refreshes by that client's transport.
        threaded = transport if session is None or isinstance(transport, httpx.BaseTransport) else None
        sent: Headers = {b"user-agent": (b"User-Agent", user_agent(self.api, app)), **checked_headers(headers)}
        http_options: dict[str, Any] = {"timeout": checked_timeout(timeout), "headers": httpx.Headers([*sent.values()])}
        options = Options(
            api=self.api,
            base_url=base_url,
            origins=(base_url, *origins),
            allow_http=allow_http,
            store=open_store(store) if session is None else session.store,
            on_doubt=on_doubt,
            timing=timing,
            clock=clock or SystemClock(),
            refresh_client=_refresh_client(threaded, refresh_transport, network, http_options["headers"]),
            settings=settings if session is not None else resolved(self.api, settings),
            credentials=credentials,
        )
        if session is None:
            options.refresh_client().close()  # what cannot work is refused now, not when the token ends
        profiles = Profiles.beside(session)
        opened = session is None and (store is None or isinstance(store, str))
        self._shared = _Shared(options, profiles or Profiles(options, session), owned=profiles is None, opened=opened)
        self._session = session or self._shared.profiles.session("default" if profile is None else profile)
        if http_client is not None:
            timed = timeout is not DEFAULT_TIMEOUT
            self._bind(_around(http_client, self._shared, self._session, http_options, timed=timed), call_options)
            return
        connect = self._colour.connections
        self._shared.transport = transport
        self._shared.connections = connect(network) if transport is None else self._colour.borrowed(transport)
        http_options |= {"base_url": base_url, "event_hooks": event_hooks, "follow_redirects": follow_redirects}
        self._bind(self._opened(http_options), call_options)

    def _opened(self, settings: dict[str, Any]) -> Any:
        """Return httpx's client with the plan in its transport."""
        transport = Authenticated(self._shared.connections, self._session)
        return self._colour.http(self._shared, renewal_of(self._session), transport, **settings)

    def _bind(self, http: Any, call_options: CallOptions) -> None:
        self._http = http
        options = self._shared.options
        sender = self._colour.sender(
            http=http,
            build_request=http.lean_request if self._is_own else http.build_request,
            send=http.lean_send if self._is_own else http.send,
            session=self._session,
            base_url=options.base_url,
            api=options.api,
            clock=options.clock,
            signed_in=http.signed_in if self._is_own else None,  # a user's own client has the user's cookies
            budget=self._shared.budget,
            options=call_options,
        )
        super().__init__(sender)  # type: ignore[call-arg]  # of the generated resources, next in the subclass's bases

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        described = {name: getattr(cls, name, None) for name in dir(cls)}
        cls._described = tuple(
            name
            for name, each in described.items()
            if hasattr(each, "__get__") and not hasattr(each, "__set__") and not callable(each)
        )

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} {self._shared.options.base_url}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"A {type(self).__name__} belongs to its process: pass on its base URL and its store (a FileStore), and "
            "create another one there."
        )

    @classmethod
    def _default_base_url(cls) -> str | None:
        """Return the base URL of a client without an argument: the spec's server, unless the environment names one."""
        return os.environ.get(cls._variable or "") or cls.api.DEFAULT_BASE_URL

    @property
    def http(self) -> AnyHttp:
        """The authenticated httpx client, for what the spec lacks (any method, absolute URLs, streams).

        Its request hooks run before the token is put on, its response hooks see final answers only. A view for another
        profile has those that were there when it was made.
        """
        http: AnyHttp = self._http
        return http

    @property
    def session(self) -> TokenSession:
        """The session whose tokens the requests carry."""
        return self._session

    def for_profile(self, name: str) -> Self:
        """Return a view with another profile's session on the same connections; closing it closes nothing."""
        view = object.__new__(type(self))
        vars(view).update(self._copied(), _is_view=True, _session=self._shared.profiles.session(name))
        if self._is_own:
            names = ("base_url", "timeout", "headers", "event_hooks", "follow_redirects", "max_redirects", "params")
            view._bind(view._opened({name: getattr(self._http, name) for name in names}), self._send.options)
        else:
            http: Any = copy.copy(self._http)
            http.auth, http.cookies = BearerAuth(view._session), httpx.Cookies()
            view._bind(http, self._send.options)
        return view

    def with_options(
        self,
        *,
        timeout: httpx.Timeout | float | Unchanged | None = ...,
        max_retries: int | Unchanged = ...,
        headers: Mapping[str, str] | None = None,
        deadline: timedelta | float | Unchanged | None = ...,
        idempotency_key: str | Unchanged | None = ...,
    ) -> Self:
        """Return a view whose generated calls have these options; it costs microseconds, closing it closes nothing.

        What is left out stays as it is; `headers` are added. `timeout` is per attempt, as in httpx, and bounds a wait
        for a refresh. `deadline`: seconds for the whole call, with waits, refresh and retries. `idempotency_key`: the
        Idempotency-Key of each call of this view, which makes all of them safe to retry.

        Raises:
            ConfigurationError: A value cannot work.
        """
        options = self._send.options.changed(timeout, max_retries, headers, deadline, idempotency_key)
        view = object.__new__(type(self))
        vars(view).update(self._copied(), _is_view=True, _send=self._send._replace(options=options))
        return view

    def _copied(self) -> dict[str, Any]:
        copied = vars(self).copy()
        for name in self._described:
            copied.pop(name, None)
        return copied

    @property
    def _is_own(self) -> bool:
        """Whether httpx's client is one of ours."""
        return self._shared.connections is not None

    def _to_close(self) -> list[Any]:
        """Return what is to be closed before the store, in reverse order; nothing of a view, and only once."""
        shared = self._shared
        if self._is_view or shared.closed:
            return []
        shared.closed = True
        sessions: list[TokenSession] = shared.profiles.sessions() if shared.owned else []
        parts: tuple[Any, ...] = (shared.transport, self._http if self._is_own else None, *sessions)
        return [part for part in parts if part is not None]

    def _close_store(self) -> None:
        close = getattr(self._shared.options.store, "close", None)
        if self._shared.opened and close is not None:
            close()


class SignedInClient(_Client[httpx.BaseTransport, httpx.Client]):
    """A blocking client that stays signed in. Share one between threads; use it as a context manager, or `close()` it.

    `base_url` defaults to the spec's first server; SIGNEDIN_BASE_URL comes before that, for `signedin.Client` only.
    `store` is a `TokenStore` or its URL ("memory:", "file:", "keyring:", "redis://host:6379/0"), by default
    SIGNEDIN_STORE, else memory. `session` shares another client's, in place of both.
    `origins`: further origins that the token may go to. `headers`, `proxy`, `verify` and `cert` are as in httpx and go
    with the refresh, too, as `trust_env` does; `limits`, `http2`, `event_hooks` and `follow_redirects` as in httpx.
    `http_client`: calls are sent by a copy of this httpx client, which is left as it is, cookies and hooks included.
    `settings`: what the API's login leaves to the user, such as a client secret, else SIGNEDIN_SETTING_<NAME>.
    `credentials`, for an API without refresh: called in a thread whenever a sign-in is due, first at the first call;
    returns the arguments of the operation that signs in, which are stored nowhere.
    `transport` serves the calls; the refresh uses it where it is no network's, else a connection of its own, or
    `refresh_transport`, in a thread. The client closes `transport`, as httpx's does, and neither of the other two.
    `allow_http`: let tokens travel unencrypted to other machines.
    `fast`: send the calls by pyreqwest (extra `fast`), at half the processor time; docs/fast.md has its limits.

    Raises:
        ConfigurationError: An argument, or the environment, cannot work.
    """

    _colour = _Colour(Connections, Borrowed, Http, Sender)

    def logout(self) -> None:
        """Clear the pair everywhere and revoke it at the server, best effort.

        Raises:
            TokenStoreError: The store could not be cleared; the session goes on as before.
        """
        self._session.sign_out()
        if self._is_own:
            self._http.cookies.clear()

    def close(self) -> None:
        """Wait for a refresh that is under way, and give up connections, also when the wait is interrupted."""
        if parts := self._to_close():
            with contextlib.ExitStack() as stack:
                stack.callback(self._close_store)
                for part in parts:
                    stack.callback(part.close)

    def __enter__(self) -> Self:
        """Load the session, so that `session.is_signed_in` knows of an earlier sign-in.

        Raises:
            TokenStoreError: The store cannot be read, or what it has. The client is closed; without `with` it loads at
                the first call, and signing in replaces what is damaged.
        """
        try:
            self._session.load()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncSignedInClient(_Client[httpx.AsyncBaseTransport, httpx.AsyncClient]):
    """An async client that stays signed in, on asyncio and trio. Use it as a context manager, or `await aclose()`.

    Arguments as for `SignedInClient`. An async-only `transport` needs a `refresh_transport` beside it: the refresh runs
    in a thread, where no caller's cancellation reaches it.
    """

    _colour = _Colour(AsyncConnections, AsyncBorrowed, AsyncHttp, AsyncSender)

    async def logout(self) -> None:
        """Clear the pair everywhere and revoke it at the server, best effort.

        Raises:
            TokenStoreError: The store could not be cleared; the session goes on as before.
        """
        await self._session.asign_out()
        if self._is_own:
            self._http.cookies.clear()

    async def aclose(self) -> None:
        """Wait for a refresh that is under way, and give up connections, also when the wait is cancelled."""
        if parts := self._to_close():
            async with contextlib.AsyncExitStack() as stack:
                stack.callback(self._close_store)
                for part in parts:
                    stack.push_async_callback(part.aclose)

    async def __aenter__(self) -> Self:
        """As `SignedInClient.__enter__`, with the store's I/O in a thread."""
        try:
            await self._session.aload()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _around(http: AnyHttp, shared: _Shared, session: TokenSession, settings: dict[str, Any], *, timed: bool) -> AnyHttp:
    """Return a copy of a user's httpx client with the session's auth, and a hook that keeps bodies at home."""
    auth, around = BearerAuth(session), copy.copy(http)

    def check(request: httpx.Request) -> None:
        if shared.closed or http.is_closed:
            raise ConfigurationError(CLIENT_CLOSED)
        auth.refuse_redirect_off_origin(request)

    async def acheck(request: httpx.Request) -> None:
        check(request)

    hook: Any = acheck if hasattr(http, "aclose") else check
    around.auth = auth
    around.event_hooks = {**http.event_hooks, "request": [hook, *http.event_hooks["request"]]}
    around.headers = httpx.Headers([*http.headers.raw, *settings["headers"].raw])
    around.timeout = settings["timeout"] if timed else http.timeout
    return around


def _base_url(base_url: str | None) -> str:
    if not base_url:
        raise ConfigurationError(
            "No base URL, and the API's description names none: pass one, as in Client('https://api.example.com/v1')."
        )
    base_url = str(base_url)  # or an httpx.URL
    if re.search(r"[\s?#\x00-\x1f]", base_url):
        raise ConfigurationError(
            "A base URL has no blanks, and ends with its path: no query and no fragment, which would swallow the rest."
        )
    try:
        # Part of the key in a store: lower-case scheme and host, and then, at the second reading, no default port.
        return str(httpx.URL(str(httpx.URL(base_url)))).rstrip("/")
    except httpx.InvalidURL:
        return base_url  # refused, with what is wrong, by `allowed_origin`


def _refresh_client(
    transport: object, refresh_transport: httpx.BaseTransport | None, network: ConnectionOptions, headers: httpx.Headers
) -> Callable[[], httpx.Client]:
    used: Any = refresh_transport
    # One that reaches the network may keep connections, of which the refresh must not use one (see `_wire`).
    if used is None and not isinstance(transport, httpx.HTTPTransport | httpx.AsyncHTTPTransport):
        used = transport
    if used is None:
        return functools.partial(refresh_client, network, headers)
    borrowed = Borrowed(used)  # once: it knows the process that it belongs to
    return functools.partial(httpx.Client, transport=borrowed, headers=headers, trust_env=False)
