"""The two-page app, by HTTP: who may send a form, how long a browser stays signed in, what every answer carries."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.web.app import create_app
from examples.web.browsers import COOKIE
from tests.servers import backend
from tests.servers_redis import redis_server

PASSWORD = "correct horse battery staple"
SITE = "https://app.test"
Browser = Callable[[], httpx.AsyncClient]
pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 1_900_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def worker(base_url: str, clock: Clock, store: str = "memory:") -> AsyncIterator[Browser]:
    """One process of the app; each call is another browser."""
    app = create_app(base_url, store=store, clock=clock)
    settings: Any = {
        "transport": httpx.ASGITransport(app),
        "base_url": SITE,
        "headers": {"Sec-Fetch-Site": "same-origin"},
    }
    async with app.router.lifespan_context(app):
        yield lambda: httpx.AsyncClient(follow_redirects=True, **settings)


@pytest.fixture
async def browser(base_url: str, clock: Clock) -> AsyncIterator[Browser]:
    async with worker(base_url, clock) as browsers:
        yield browsers


def form(name: str, choice: str = "register", password: str = PASSWORD) -> dict[str, str]:
    return {"choice": choice, "email": f"{name}@example.com", "password": password}


async def signed_in(browser: httpx.AsyncClient, name: str) -> httpx.AsyncClient:
    assert f"{name}@example.com" in (await browser.post("/login", data=form(name))).text
    return browser


async def test_a_stranger_is_sent_to_the_login_page_and_who_is_signed_in_home(browser: Browser) -> None:
    ada = browser()
    assert (await ada.get("/")).url.path == "/login"
    await signed_in(ada, "stranger")
    assert (await ada.get("/login")).url.path == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.test"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/login", "/logout"])
async def test_a_form_on_another_site_does_nothing(
    browser: Browser, path: str, headers: dict[str, str], request: pytest.FixtureRequest
) -> None:
    name = re.sub(r"\W+", "", request.node.name)[-40:]
    ada = await signed_in(browser(), name)
    assert (await ada.post(path, data=form(name, "login"), headers=headers)).status_code == 403
    assert f"{name}@example.com" in (await ada.get("/")).text


async def test_an_old_browser_that_names_its_own_origin_may_sign_in(browser: Browser) -> None:
    answer = await browser().post("/login", data=form("old"), headers={"Sec-Fetch-Site": "", "Origin": SITE})
    assert answer.url.path == "/"


async def test_a_form_that_is_too_large_or_says_no_length_is_not_read(browser: Browser) -> None:
    ada = browser()
    assert (await ada.post("/login", data=form("large", password="x" * 9000))).status_code == 413
    assert (await ada.post("/login", content=_unmeasured())).status_code == 413


async def test_a_refused_sign_in_keeps_the_input_but_not_the_password(browser: Browser) -> None:
    await signed_in(browser(), "typed")
    answer = await browser().post("/login", data=form("typed", "login", "wrong <password>"))
    assert answer.status_code == 403
    assert 'value="typed@example.com"' in answer.text
    assert 'role="alert"' in answer.text
    assert "password&gt;" not in answer.text
    assert "set-cookie" not in answer.headers


async def test_markup_in_the_input_is_shown_as_text(browser: Browser) -> None:
    answer = await browser().post("/login", data={**form("x"), "email": '"><script>alert(1)</script>'})
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


async def test_signing_in_gives_a_new_id_and_ends_the_session_of_the_old_one(browser: Browser) -> None:
    ada = browser()
    ada.cookies.set(COOKIE, "chosen-by-somebody-else", domain="app.test")
    await signed_in(ada, "fixed")
    first = _id(ada)
    assert first != "chosen-by-somebody-else"
    await signed_in(ada, "second")
    assert _id(ada) != first
    other = browser()
    other.cookies.set(COOKIE, first, domain="app.test")
    assert (await other.get("/")).url.path == "/login"


async def test_the_cookie_is_for_this_host_over_tls_and_for_no_script(browser: Browser) -> None:
    ada = browser()
    ada.follow_redirects = False
    cookie = (await ada.post("/login", data=form("cookie"))).headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize(("step", "stays"), [(29 * 60, 12 * 3600 // (29 * 60)), (31 * 60, 0)], ids=["used", "idle"])
async def test_a_browser_that_is_idle_or_was_signed_in_for_long_is_signed_out(
    browser: Browser, clock: Clock, step: int, stays: int
) -> None:
    ada = await signed_in(browser(), f"limit{step}")
    for _ in range(stays):
        clock.now += step
        assert (await ada.get("/")).url.path == "/"
    clock.now += step
    ended = await ada.get("/")
    assert ended.url.path == "/login"
    assert "Your session has ended" in ended.text


async def test_every_answer_is_guarded(browser: Browser) -> None:
    ada = await signed_in(browser(), "guarded")
    cross = {"Sec-Fetch-Site": "cross-site"}
    pages = [await ada.get(path) for path in ("/", "/login", "/nothing", "/static/style.css")]
    answers = [*pages, await ada.post("/logout", headers=cross)]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("query", ["next=https://evil.test", "next=//evil.test", "why=%3Cscript%3E", "why=x"])
async def test_nothing_in_the_address_leads_elsewhere_or_is_shown(browser: Browser, query: str) -> None:
    ada = browser()
    assert "script" not in (await ada.get(f"/login?{query}")).text
    ada.follow_redirects = False
    assert (await ada.post(f"/login?{query}", data=form(re.sub(r"\W", "", query)))).headers["location"] == "/"


async def test_workers_that_share_a_redis_share_the_signed_in_browsers(
    base_url: str, clock: Clock, tmp_path: Path
) -> None:
    with redis_server(tmp_path) as redis:
        async with worker(base_url, clock, redis.url) as first, worker(base_url, clock, redis.url) as second:
            await share(first, second)


async def share(first: Browser, second: Browser) -> None:
    ada, beside = await signed_in(first(), "worker"), second()
    beside.cookies.set(COOKIE, _id(ada), domain="app.test")
    assert "worker@example.com" in (await beside.get("/")).text
    assert "You are signed out" in (await beside.post("/logout")).text
    assert "Your session has ended" in (await ada.get("/")).text


async def test_a_backend_that_is_down_signs_nobody_out(clock: Clock, tmp_path: Path) -> None:
    with backend(tmp_path) as server:
        async with worker(server.base_url, clock) as browsers:
            ada = await signed_in(browsers(), "down")
            server.stop()
            assert _unavailable(await ada.get("/"))
            assert _unavailable(await browsers().post("/login", data=form("down", "login")))
            with backend(tmp_path, "--port", str(httpx.URL(server.base_url).port)):
                assert "down@example.com" in (await ada.get("/")).text


async def _unmeasured() -> AsyncIterator[bytes]:
    yield b"choice=login"


def _unavailable(answer: httpx.Response) -> bool:
    return answer.status_code == 503 and "not signed out" in answer.text and "set-cookie" not in answer.headers


def _id(browser: httpx.AsyncClient) -> str:
    return next(cookie.value or "" for cookie in browser.cookies.jar if cookie.name == COOKIE)
