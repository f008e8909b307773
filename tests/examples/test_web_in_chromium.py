"""The two-page app in a real Chromium, as a person uses it. No token ever reaches the browser."""

import contextlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from signedin import MemoryStore, TokenPair
from starlette.types import Message, Receive, Scope, Send

from examples.web.app import create_app
from examples.web.browsers import COOKIE, profile_of
from tests.servers import Backend, backend

PASSWORD = "correct horse battery staple"
PATIENCE = 30_000  # milliseconds; what a page shows may take a while on a busy machine
PICTURES = Path("build/web")


class Tokens(MemoryStore):
    """Remembers every token that it ever stored."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[bytes] = set()

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        record = json.loads(data or b"{}")
        self.seen |= {record[name].encode() for name in ("access_token", "refresh_token") if record.get(name)}
        return super().compare_and_set(key, expected_revision, data)


class Site:
    """The app in a thread, before a backend with tokens of two seconds."""

    def __init__(self, server: Backend) -> None:
        self.backend = server
        self.store, self.sent = Tokens(), bytearray()
        self.app = create_app(server.base_url, store=self.store)
        self._uvicorn = uvicorn.Server(uvicorn.Config(self._recorded, interface="asgi3", port=0, log_level="warning"))
        self._thread = Thread(target=self._uvicorn.run)
        self._thread.start()
        end = time.monotonic() + 60
        while not self._uvicorn.started and time.monotonic() < end:
            time.sleep(0.01)
        (port,) = (socket.getsockname()[1] for each in self._uvicorn.servers for socket in each.sockets)
        self.url = f"http://localhost:{port}"

    async def _recorded(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def record(message: Message) -> None:
            for name, value in message.get("headers", ()):
                self.sent += name + b": " + value + b"\n"
            self.sent += message.get("body", b"")
            await send(message)

        await self.app(scope, receive, record)

    def tokens(self, context: BrowserContext) -> TokenPair:
        """Return the pair that the app has for a browser."""
        (cookie,) = [cookie for cookie in context.cookies() if cookie.get("name") == COOKIE]
        pair: TokenPair = self.app.state.client.for_profile(profile_of(cookie.get("value", ""))).session.tokens
        return pair

    def counts(self) -> Counter[str]:
        """Return the backend's refreshes, and the expiries of tokens that a client had in use."""
        ledger = httpx.get(f"{self.backend.base_url}/__ledger__").json()
        return Counter({name: ledger[name] for name in ("refreshes", "expiries", "refused_refreshes")})

    def close(self) -> None:
        self._uvicorn.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with backend(tmp_path_factory.mktemp("backend"), "--access-ttl", "2", "--ledger") as server:
        site = Site(server)
        yield site
        site.close()


@pytest.fixture
def context(chromium: Browser, site: Site) -> Iterator[BrowserContext]:
    """A browser of its own, which was sent no byte of a token."""
    with contextlib.closing(chromium.new_context(base_url=site.url)) as context:
        context.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield context
        assert b"cache-control" in site.sent
        assert b"eyJ" not in site.sent  # how every JWT begins
        assert not [token for token in site.store.seen if token in site.sent]


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def sign_in(page: Page, name: str, *, register: bool = True) -> None:
    submit(page, name, PASSWORD, register=register)
    expect(page.get_by_role("heading")).to_have_text("Welcome")
    expect(page.get_by_text(f"{name}@example.com")).to_be_visible()


def submit(page: Page, name: str, password: str, *, register: bool) -> None:
    page.goto("/login")
    page.get_by_label("register" if register else "sign in").check()
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Continue").click()


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")


def test_somebody_registers_sees_the_profile_logs_out_and_signs_in_again(page: Page) -> None:
    page.goto("/")
    expect(page).to_have_title("Sign in · signedin")
    sign_in(page, "ada")
    log_out(page)
    page.go_back()
    expect(page.get_by_label("E-mail")).to_be_visible()
    expect(page.get_by_text("ada@example.com")).to_have_count(0)
    sign_in(page, "ada", register=False)


def test_a_wrong_password_is_explained_and_the_address_stays(page: Page) -> None:
    sign_in(page, "bob")
    log_out(page)
    submit(page, "bob", "not this one", register=False)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value("bob@example.com")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Password")).to_be_focused()


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.goto("/login")
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("cyd@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("cyd@example.com")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_be_visible()


def test_five_tabs_over_an_expiry_cause_one_refresh_each_time(page: Page, context: BrowserContext, site: Site) -> None:
    sign_in(page, "dan")
    tabs = [page, *(context.new_page() for _ in range(4))]
    pair, before = site.tokens(context), site.counts()
    assert pair.expires_at is not None
    page.wait_for_timeout(max(0.0, (pair.expires_at.timestamp() - time.time()) * 1000 + 100))
    for tab in tabs:
        tab.evaluate(f"setTimeout(() => {{ location = '{site.url}/?tab' }})")
    for tab in tabs:
        expect(tab.get_by_text("dan@example.com")).to_be_visible()
    counts = site.counts() - before  # a slow machine sees more than one expiry meanwhile
    assert counts["refreshes"] == counts["expiries"] > 0
    assert counts["refused_refreshes"] == 0


def test_logging_out_in_one_tab_signs_the_other_out(page: Page, context: BrowserContext) -> None:
    sign_in(page, "eve")
    other = context.new_page()
    other.goto("/")
    log_out(page)
    other.reload()
    expect(other).to_have_title("Sign in · signedin")


def test_a_session_that_the_server_ended_leads_to_the_login_page_with_a_word_why(
    page: Page, context: BrowserContext, site: Site
) -> None:
    sign_in(page, "fay")
    body = {"refreshToken": site.tokens(context).refresh_token}
    httpx.post(f"{site.backend.base_url}/auth/logout", json=body).raise_for_status()
    page.reload()
    expect(page.get_by_role("status")).to_have_text("Your session has ended. Please sign in again.")


def test_a_backend_that_is_down_is_a_page_that_says_so(chromium: Browser, tmp_path: Path) -> None:
    with backend(tmp_path) as server:
        site = Site(server)
        try:
            page = chromium.new_page(base_url=site.url)
            sign_in(page, "gus")
            server.stop()
            page.reload()
            expect(page.get_by_role("alert")).to_contain_text("You are not signed out.")
            expect(page.get_by_role("link", name="Try again")).to_have_attribute("href", "/")
            assert_accessible(page)
            page.close()
        finally:
            site.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")], ids=["phone", "desktop"])
def test_both_pages_can_be_seen_and_heard(page: Page, width: int, scheme: Any) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": width, "height": 720})
    page.emulate_media(color_scheme=scheme)
    page.goto("/login?why=ended")
    look_at(page, f"login-{width}-{scheme}")
    name = f"hal{width}{scheme}"
    submit(page, name, "short", register=True)
    expect(page.get_by_role("alert")).to_be_visible()
    look_at(page, f"refused-{width}-{scheme}")
    sign_in(page, name)
    look_at(page, f"home-{width}-{scheme}")


def look_at(page: Page, name: str) -> None:
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=PICTURES / f"{name}.png")


def assert_accessible(page: Page) -> None:
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
