"""The app: a login page, a home page, and one `AsyncClient` that keeps every browser's session alive.

Each signed-in browser is a profile of the client. The tokens stay in the store; the browser has a random id.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from signedin import (
    APIError,
    APIStatusError,
    AsyncClient,
    RefreshUnavailableError,
    ServerError,
    SignInRequiredError,
    TokenStoreError,
)
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from examples.web.browsers import COOKIE, Browser, Browsers
from examples.web.guard import Guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from signedin import TokenStore
    from starlette.requests import Request

_HERE: Final = Path(__file__).parent
_PAGES: Final = Jinja2Templates(_HERE / "templates")
_WHY: Final = {
    "ended": "Your session has ended. Please sign in again.",
    "signed-out": "You are signed out.",
}


@dataclass(frozen=True, slots=True)
class _Form:
    email: str
    password: str = field(repr=False)
    register: bool

    @classmethod
    def of(cls, body: bytes) -> _Form:
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        return cls(fields.get("email", ""), fields.get("password", ""), fields.get("choice") == "register")


def create_app(
    base_url: str, *, store: str | TokenStore = "memory:", clock: Callable[[], float] = time.time
) -> Starlette:
    """Return the app. `store` keeps tokens and browsers: `memory:` for one process, `redis://...` for several."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncClient(base_url, store=store) as client:
            app.state.client, app.state.browsers = client, Browsers(client.session.store, clock)
            yield

    return Starlette(
        routes=[
            Route("/", home),
            Route("/login", login_form),
            Route("/login", login, methods=["POST"]),
            Route("/logout", logout, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers=dict.fromkeys((APIError, RefreshUnavailableError, TokenStoreError), unavailable),
        lifespan=lifespan,
    )


async def home(request: Request) -> Response:
    """Show the profile, or send to the login page whoever is not signed in."""
    browser = await _browser(request)
    if browser is None:
        return _login_page(why="ended" if COOKIE in request.cookies else None)
    try:
        profile = await _client(request, browser).users.get_profile()
    except SignInRequiredError:  # signed out elsewhere, or the server has ended the session
        await run_in_threadpool(_browsers(request).sign_out, browser)
        return _login_page(why="ended")
    return _PAGES.TemplateResponse(request, "home.html", {"profile": profile})


async def login_form(request: Request) -> Response:
    """Show the form; who is signed in already goes home."""
    if await _browser(request) is not None:
        return RedirectResponse("/", 303)
    return _PAGES.TemplateResponse(request, "login.html", {"why": _WHY.get(request.query_params.get("why", ""))})


async def login(request: Request) -> Response:
    """Sign in or register, under a new id whatever cookie came along."""
    form = _Form.of(await request.body())
    identifier, browser = _browsers(request).sign_in()
    auth = _client(request, browser).auth
    try:
        await (auth.register if form.register else auth.login)(email=form.email, password=form.password)
    except ServerError:
        raise
    except APIStatusError as error:
        shown = {"problem": error.message, "email": form.email, "register": form.register}
        return _PAGES.TemplateResponse(request, "login.html", shown, status_code=error.status_code)
    if (before := await _browser(request)) is not None:  # signed in in another tab: that session ends here
        await _sign_out(request, before)
    await run_in_threadpool(_browsers(request).keep, browser)
    response = RedirectResponse("/", 303)
    response.set_cookie(COOKIE, identifier, secure=True, httponly=True, samesite="lax")
    return response


async def logout(request: Request) -> Response:
    """End the session here and at the server."""
    if (browser := await _browser(request)) is not None:
        await _sign_out(request, browser)
    return _login_page(why="signed-out")


async def unavailable(request: Request, _error: Exception) -> Response:
    """Say that the backend does not answer; nobody is signed out by that."""
    return _PAGES.TemplateResponse(request, "unavailable.html", status_code=503, headers={"Retry-After": "5"})


async def _sign_out(request: Request, browser: Browser) -> None:
    await run_in_threadpool(_browsers(request).sign_out, browser)
    await _client(request, browser).logout()


async def _browser(request: Request) -> Browser | None:
    return await run_in_threadpool(_browsers(request).find, request.cookies.get(COOKIE))


def _browsers(request: Request) -> Browsers:
    browsers: Browsers = request.app.state.browsers
    return browsers


def _client(request: Request, browser: Browser) -> AsyncClient:
    client: AsyncClient = request.app.state.client
    return client.for_profile(browser.profile)


def _login_page(*, why: str | None) -> Response:
    response = RedirectResponse(f"/login?why={why}" if why else "/login", 303)
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax")
    return response
