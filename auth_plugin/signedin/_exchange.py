"""Our own httpx clients: for calls, with cookies that belong to one user, and for refreshes.

Beside `build_request` and `send` they have a lean exchange for the generated calls in _call.py, without what such a
call never needs: URLs are joined and parsed once, headers encoded once, and the request goes straight to the plan's
transport (auth.py). Hooks run and cookies are stored as in httpx. `send` does what needs more, such as redirects.
"""

from __future__ import annotations

import time
from datetime import timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final

import httpx

from signedin._connections import Connections
from signedin._plan import BEARER
from signedin._threads import after_fork
from signedin.auth import Marked
from signedin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signedin._network import ConnectionOptions
    from signedin._renewal import Renewal
    from signedin._tokens import Record

CLIENT_CLOSED: Final = "This client is closed. Make another; a store keeps the session."
_MOST_TEMPLATES: Final = 1024  # URLs without parameters; an API has a few hundred


class _Own:
    """What our clients have in both colours, beside httpx's own.

    `plan` is the transport that carries the plan out. The cookies of one user do not go along with another one's token;
    those set by hand before the first sign-in are the user's own, and stay.
    """

    awaits: bool
    is_closed: Any
    cookies: Any
    whose: Record | None = None  # the sign-in that the cookies belong to

    def __init__(self: Any, shared: Any, renewal: Renewal, plan: Any, **settings: Any) -> None:
        super().__init__(transport=plan, auth=Marked(), **settings)  # type: ignore[call-arg]  # of httpx, the next base
        self.shared, self.plan, self.renewal = shared, plan, renewal
        self.templates: tuple[Any, dict[tuple[str, str], httpx.Request]] = (None, {})  # replaced as a whole
        after_fork(self)

    def after_fork(self) -> None:
        """In a forked child: a thread that is not there may hold the lock of the old cookies."""
        self.cookies = httpx.Cookies()

    def before_sending(self: Any, request: httpx.Request) -> None:
        """Refuse what comes after closing, and drop the cookies of another user."""
        if self.shared.closed or self.is_closed:
            raise ConfigurationError(CLIENT_CLOSED)
        held, whose = self.renewal.held, self.whose
        if whose and (held is None or not (held.record is whose or held.record.same_user(whose))):
            self.cookies.clear()
            request.headers.pop("cookie", None)
        self.whose = held.record if held is not None else None

    def signed_in(self, response: httpx.Response) -> None:
        """Drop all cookies but those of a sign-in's own answers."""
        self.cookies.clear()
        for answer in (*response.history, response):
            self.cookies.extract_cookies(answer)
        self.whose = None

    def lean_request(
        self: Any,
        method: str,
        url: str,
        *,
        headers: Any = None,
        extensions: Mapping[str, Any] | None = None,
        **body: Any,
    ) -> httpx.Request:
        """As `build_request`, for an absolute URL."""
        request: httpx.Request
        if body or self.cookies:
            request = self.build_request(method, url, headers=headers, extensions=extensions, **body)
            return request
        made_from = (self.params, self.headers.raw)  # which the user may change at any time
        if made_from != self.templates[0]:
            self.templates = made_from, {}
        templates = self.templates[1]
        template = templates.get((method, url))
        if template is None:
            template = self.build_request(method, url)
            if len(templates) < _MOST_TEMPLATES:
                templates[method, url] = template
        if extensions is None or "timeout" not in extensions:
            extensions = {**(extensions or {}), "timeout": self.timeout.as_dict()}
        ready = {"headers": template.headers, "stream": template.stream, "extensions": extensions}
        request = Bodyless(template.method, template.url, **ready)
        if headers:
            request.headers.update(headers)
        return request

    async def lean_send(
        self: Any, request: httpx.Request, *, stream: bool = False, auth: Any = httpx.USE_CLIENT_DEFAULT
    ) -> httpx.Response:
        """As `send`. That of the blocking client never suspends."""
        begun, awaits, hooks = time.perf_counter(), self.awaits, self.event_hooks
        response: httpx.Response
        if self.follow_redirects or not isinstance(self.auth, Marked):
            sending = self.send(request, stream=stream, auth=auth)
            response = await sending if awaits else sending
            return response
        self.before_sending(request)
        if auth is not None:
            request.extensions[BEARER] = True
        for hook in hooks["request"]:
            await hook(request) if awaits else hook(request)
        try:
            response = await self.plan.handle_async_request(request) if awaits else self.plan.handle_request(request)
        except httpx.RequestError as error:
            error.request = request
            raise
        try:
            response.request = request
            response.elapsed = timedelta(seconds=time.perf_counter() - begun)
            if "set-cookie" in response.headers:
                self.cookies.extract_cookies(response)
            for hook in hooks["response"]:
                await hook(response) if awaits else hook(response)
            if not stream:
                await response.aread() if awaits else response.read()
        except BaseException:
            await response.aclose() if awaits else response.close()
            raise
        return response


class Bodyless(httpx.Request):
    """A request of parts that are ready. httpx's own parses the URL, encodes the headers and reads the body anew."""

    def __init__(
        self, method: str, url: httpx.URL, *, headers: httpx.Headers, stream: Any, extensions: Mapping[str, Any]
    ) -> None:
        self.method, self.url, self.stream, self.extensions = method, url, stream, {**extensions}
        self.headers = httpx.Headers(headers, encoding=headers.encoding)

    @property
    def content(self) -> bytes:
        return b""

    def read(self) -> bytes:
        return b""

    async def aread(self) -> bytes:
        return b""


class Http(_Own, httpx.Client):  # pyright: ignore[reportIncompatibleMethodOverride]
    awaits = False

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request. As `httpx.Client.send`, but that a closed client is a ConfigurationError."""
        self.before_sending(request)
        return super().send(request, **options)


class AsyncHttp(_Own, httpx.AsyncClient):  # pyright: ignore[reportIncompatibleMethodOverride]
    awaits = True

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request. As `httpx.AsyncClient.send`, but that a closed client is a ConfigurationError."""
        self.before_sending(request)
        return await super().send(request, **options)


def refresh_client(options: ConnectionOptions, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """Return a client for refreshes: a new connection for each, the calls' TLS and proxies; no cookies, redirects."""
    fresh = options._replace(limits=httpx.Limits(max_keepalive_connections=0), http2=False, fast=False)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.Client(transport=Connections(fresh), headers=headers, cookies=no_cookies, trust_env=False)
