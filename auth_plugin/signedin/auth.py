"""The plan, carried out: for our own clients as a transport, for any other httpx client as its auth.

The transport stands below redirects, cookies and event hooks: each hop passes the plan, hooks see final answers only.
"""

from __future__ import annotations

import functools
import math
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

import httpx

from signedin._network import origin_of
from signedin._plan import BEARER, Send, TokenOutdated, plan
from signedin._plan import refuse_redirect_off_origin as refuse_redirect
from signedin.session import renewal_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from signedin.session import TokenSession

# The wait for a connection is long: a thousand calls at once must queue, not fail.
DEFAULT_TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0, pool=60.0)
_NOBODYS_CHOICE: Final = (DEFAULT_TIMEOUT.as_dict(), httpx.Timeout(5.0).as_dict())  # ours, and httpx's own
# Request extension: the longest that this call may wait for a refresh, in seconds, beside its timeout.
PATIENCE: Final = "signedin.patience"
_LONGEST_REFUSAL: Final = 64 * 1024  # bytes; a longer body is no answer about a token


class Authenticated(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends what is marked by `Marked` with a session's token, over a transport of the one colour or the other."""

    def __init__(self, transport: Any, session: TokenSession) -> None:
        self._transport, self._renewal = transport, renewal_of(session)
        self._session = session  # which is not to be collected meanwhile

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry the plan out, blocking."""
        renewal = self._renewal
        for step in plan(request, renewal, holds_back=True):
            if isinstance(step, Send):
                try:
                    response: httpx.Response = self._transport.handle_request(step.request)
                except TokenOutdated:
                    continue
                if response.status_code in renewal.token_statuses and _is_short(response):
                    response, step.body = _unread(_raw(response), response)
                step.answer = response
            else:
                renewal.wait(step, _patience(request))
        return response  # pyright: ignore[reportPossiblyUnboundVariable] -- a plan sends at least once

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry the plan out, awaiting."""
        renewal = self._renewal
        for step in plan(request, renewal, holds_back=True):
            if isinstance(step, Send):
                try:
                    response: httpx.Response = await self._transport.handle_async_request(step.request)
                except TokenOutdated:
                    continue
                if response.status_code in renewal.token_statuses and _is_short(response):
                    response, step.body = _unread(await _raw_async(response), response)
                step.answer = response
            else:
                await renewal.await_(step, _patience(request))
        return response  # pyright: ignore[reportPossiblyUnboundVariable] -- as above

    def close(self) -> None:
        self._transport.close()

    async def aclose(self) -> None:
        await self._transport.aclose()


class Marked(httpx.Auth):
    """The auth of our own clients: marks a request that wants the token, which the transport below puts on it.

    So `auth=None`, or the user's own, means for one request what it means in httpx.
    """

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.extensions[BEARER] = True
        yield request


class BearerAuth(httpx.Auth):
    """Keep the requests of an `httpx.Client` or `httpx.AsyncClient` authenticated by a session.

    Requests to origins that are not the session's, or that bring the token's header themselves, pass untouched. httpx
    shows its auth no redirects: a client that follows them needs the hook as well, or a server can have a body (a
    password, for example) sent on to another origin, and a token too that stands in another header than Authorization.

        auth = BearerAuth(session)
        httpx.Client(auth=auth, event_hooks={"request": [auth.refuse_redirect_off_origin]}, follow_redirects=True)
        httpx.AsyncClient(auth=auth, event_hooks={"request": [auth.arefuse_redirect_off_origin]}, follow_redirects=True)

    httpx shows response hooks every answer, also the 401 that asks for a refresh: a hook that raises for it ends the
    refresh there. `signedin.Client` shows its hooks final answers only; use that, or its `http`, with such a hook.
    """

    def __new__(cls, session: TokenSession) -> Self:  # noqa: ARG004 -- as __init__ has it
        """Return one that fits an `httpx2.Client`, too, where a program has imported httpx2."""
        kind: Any = cls
        other = getattr(sys.modules.get("httpx2"), "Auth", kind)
        auth: Self = object.__new__(kind if issubclass(cls, other) else _also(kind, other))
        return auth

    def __init__(self, session: TokenSession) -> None:
        self._session, self._renewal = session, renewal_of(session)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Carry the plan out, blocking."""
        request.extensions[BEARER] = True
        renewal = self._renewal
        for step in plan(request, renewal):
            if isinstance(step, Send):
                response = yield step.request
                if origin_of(response.url) not in renewal.origins:
                    return  # where a redirect has ended
                step.answer = response
                if response.status_code in renewal.token_statuses and _is_short(response):
                    step.body = response.read()  # before anybody waits: an unread answer keeps its connection
            else:
                renewal.wait(step, _patience(request))

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Carry the plan out, awaiting."""
        request.extensions[BEARER] = True
        renewal = self._renewal
        for step in plan(request, renewal):
            if isinstance(step, Send):
                response = yield step.request
                if origin_of(response.url) not in renewal.origins:
                    return
                step.answer = response
                if response.status_code in renewal.token_statuses and _is_short(response):
                    step.body = await response.aread()
            else:
                await renewal.await_(step, _patience(request))

    def refuse_redirect_off_origin(self, request: httpx.Request) -> None:
        """Let neither token nor body be redirected elsewhere: a request hook for `httpx.Client`.

        Raises:
            APIConnectionError: A request with a body was redirected to another origin; nothing was sent there.
        """
        refuse_redirect(request, self._renewal)

    async def arefuse_redirect_off_origin(self, request: httpx.Request) -> None:
        """As `refuse_redirect_off_origin`, for `httpx.AsyncClient`, whose hooks are awaited."""
        refuse_redirect(request, self._renewal)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a BearerAuth is neither pickled nor copied: make another, BearerAuth(session), where it goes")


@functools.cache
def _also(kind: type[Any], other: type[Any]) -> type[Any]:
    return type(kind.__name__, (kind, other), {"__module__": kind.__module__})


def _patience(request: httpx.Request) -> float:
    """Return how long a request may wait for a refresh: a timeout that the user chose bounds that, too."""
    timeout, patience = request.extensions.get("timeout") or {}, request.extensions.get(PATIENCE)
    longest, read = math.inf if patience is None else patience, timeout.get("read")
    return longest if read is None or timeout in _NOBODYS_CHOICE else min(read, longest)


def _is_short(response: httpx.Response) -> bool:
    length = response.headers.get("content-length", "0")
    return not length.isdecimal() or int(length) <= _LONGEST_REFUSAL


def _unread(raw: bytes, response: httpx.Response) -> tuple[httpx.Response, bytes]:
    """Return the answer with its body as it was, so that the caller may stream it, and the decoded body."""
    if response.is_stream_consumed:  # a transport in memory has read, and decoded, it before
        return response, response.content
    parts: Any = {"headers": response.headers, "extensions": response.extensions, "stream": httpx.ByteStream(raw)}
    fresh = httpx.Response(response.status_code, **parts)
    try:
        return fresh, httpx.Response(response.status_code, **parts).read()
    except httpx.DecodingError:  # which the caller meets when reading the answer
        return fresh, b""


def _raw(response: httpx.Response) -> bytes:
    stream: Any = httpx.ByteStream(b"") if response.is_stream_consumed else response.stream
    try:
        return b"".join(stream)
    finally:
        response.close()


async def _raw_async(response: httpx.Response) -> bytes:
    stream: Any = httpx.ByteStream(b"") if response.is_stream_consumed else response.stream
    try:
        return b"".join([chunk async for chunk in stream])
    finally:
        await response.aclose()
