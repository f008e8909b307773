"""The lean exchange: what `httpx.Client.send` does for a generated call, without what such a call never needs.

It stands in the place of an httpx client of ours, for the calls in _call.py: URLs are joined and parsed once, headers
encoded once, and the request goes straight to the plan's transport (auth.py). Hooks run and cookies are stored as in
httpx. Where more is wanted, redirects say, httpx's client sends.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import httpx

from signedin._plan import BEARER

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_TEMPLATES: Final = 1024  # URLs without parameters; an API has a few hundred


class _Lean:
    """Builds requests and decides who sends them. `http` is one of our clients, `http.plan` its transport."""

    def __init__(self, http: Any) -> None:
        self._http, self._marked = http, http.auth
        self._cached: tuple[Any, dict[tuple[str, str], httpx.Request]] = (None, {})  # replaced as a whole

    def __getattr__(self, name: str) -> Any:
        """Return what else the httpx client has, its timeout say."""
        return getattr(self._http, name)

    def build_request(
        self, method: str, url: str, *, headers: Any = None, extensions: Mapping[str, Any] | None = None, **body: Any
    ) -> httpx.Request:
        """As `httpx.Client.build_request`, for an absolute URL."""
        http = self._http
        if body or http.cookies:
            request: httpx.Request = http.build_request(method, url, headers=headers, extensions=extensions, **body)
            return request
        template = self._template(method, url)
        if extensions is None or "timeout" not in extensions:
            extensions = {**(extensions or {}), "timeout": http.timeout.as_dict()}
        request = httpx.Request(
            method, template.url, headers=template.headers, stream=template.stream, extensions=extensions
        )
        request.read()
        if headers:
            request.headers.update(headers)
        return request

    def _template(self, method: str, url: str) -> httpx.Request:
        made_from = (self._http.params, self._http.headers.raw)  # which the user may change at any time
        if made_from != self._cached[0]:
            self._cached = made_from, {}
        templates = self._cached[1]
        template = templates.get((method, url))
        if template is None:
            template = self._http.build_request(method, url)
            if len(templates) < _MOST_TEMPLATES:
                templates[method, url] = template
        return template

    def _begin(self, request: httpx.Request, auth: object) -> bool:
        """Prepare the request, as our httpx clients do; False where they must send it themselves."""
        http = self._http
        if http.follow_redirects or http.auth is not self._marked:
            return False
        http.before_sending(request)
        if auth is not None:
            request.extensions[BEARER] = True
        return True

    def _arrived(self, request: httpx.Request, response: httpx.Response, begun: float) -> None:
        response.request = request
        response.elapsed = timedelta(seconds=time.perf_counter() - begun)
        if "set-cookie" in response.headers:
            self._http.cookies.extract_cookies(response)


class Lean(_Lean):
    """The lean exchange of `httpx.Client`."""

    def send(
        self, request: httpx.Request, *, stream: bool = False, auth: Any = httpx.USE_CLIENT_DEFAULT
    ) -> httpx.Response:
        """As `httpx.Client.send`."""
        http, begun = self._http, time.perf_counter()
        if not self._begin(request, auth):
            response: httpx.Response = http.send(request, stream=stream, auth=auth)
            return response
        for hook in http.event_hooks["request"]:
            hook(request)
        try:
            response = http.plan.handle_request(request)
        except httpx.RequestError as error:
            error.request = request
            raise
        try:
            self._arrived(request, response, begun)
            for hook in http.event_hooks["response"]:
                hook(response)
            if not stream:
                response.read()
        except BaseException:
            response.close()
            raise
        return response


class AsyncLean(_Lean):
    """The lean exchange of `httpx.AsyncClient`."""

    async def send(
        self, request: httpx.Request, *, stream: bool = False, auth: Any = httpx.USE_CLIENT_DEFAULT
    ) -> httpx.Response:
        """As `httpx.AsyncClient.send`."""
        http, begun = self._http, time.perf_counter()
        if not self._begin(request, auth):
            response: httpx.Response = await http.send(request, stream=stream, auth=auth)
            return response
        for hook in http.event_hooks["request"]:
            await hook(request)
        try:
            response = await http.plan.handle_async_request(request)
        except httpx.RequestError as error:
            error.request = request
            raise
        try:
            self._arrived(request, response, begun)
            for hook in http.event_hooks["response"]:
                await hook(response)
            if not stream:
                await response.aread()
        except BaseException:
            await response.aclose()
            raise
        return response
