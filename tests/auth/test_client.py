"""What a client is made of, shares with its views and gives up again: arguments, profiles, cookies, the end."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import weakref
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import anyio
import httpx
import pytest
import signedin_sdk.contract
import signedin_sdk.resources
from signedin import (
    APIConnectionError,
    AsyncClient,
    AsyncSignedInClient,
    BearerAuth,
    Client,
    ConfigurationError,
    FileStore,
    MemoryStore,
    RefreshUnavailableError,
    SignedInClient,
    SignInRequiredError,
    TokenSession,
    TokenStoreError,
)
from signedin.protocols import NotSent
from signedin.testing.transport import FakeTransport

from tests.auth.driving import Drive, Scripted, Server, Wire, client_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


pytestmark = pytest.mark.anyio

ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}


async def test_the_constructors_headers_go_with_calls_refresh_and_revocation(drive: Drive, server: Server) -> None:
    headers = {"x-api-key": "k", "user-agent": "mine/1"}
    async with drive.client(server, headers=headers) as client:
        client.http.cookies.set("sid", "1")
        client.http.headers["x-later"] = "1"
        server.expire_access_tokens()
        await drive(client.users.get_profile)
        await drive(client.logout)
        for request in client.wire.requests:
            assert {name: request.headers[name] for name in headers} == headers
        for request in (*client.wire.refreshes, *client.wire.sent_to("/logout")):
            assert not {"cookie", "x-later", "authorization"} & set(request.headers)


async def test_a_sign_in_belongs_to_its_base_url_and_profile(drive: Drive, server: Server) -> None:
    store = MemoryStore()
    kind: Any = AsyncClient if drive.is_async else Client

    def key(base_url: str, profile: str = "default") -> str:
        text: str = kind(base_url, store=store, profile=profile, transport=server.transport).session.key
        return text

    assert key("https://auth.test/api") == key("HTTPS://AUTH.test:443/api/") == "https://auth.test/api#default"
    assert len({key("https://auth.test/a"), key("https://auth.test/b"), key("https://auth.test/a", "bob")}) == 3
    assert key("http://127.0.0.1:80/A") == "http://127.0.0.1/A#default"


async def test_an_httpx_client_of_ones_own_sends_the_calls_and_is_left_as_it_was(drive: Drive, server: Server) -> None:
    seen: list[str] = []
    wire = Wire(server)
    kind: Any = httpx.AsyncClient if drive.is_async else httpx.Client
    hooks = {"request": [drive.hook(lambda request: seen.append(request.url.path))]}
    own = kind(transport=wire, headers={"x-own": "1"}, event_hooks=hooks)
    options: dict[str, Any] = {"http_client": own, "transport": None, "refresh_transport": server.transport}
    async with drive.client(server, **options) as client:
        server.expire_access_tokens()
        assert (await drive(client.users.get_profile)).email == "ada@example.com"
        assert {request.headers["x-own"] for request in wire.requests} == {"1"}
        assert set(seen) == {"/api/v1/users/profile"}
        assert (await drive(client.http.get, f"{server.base_url}/things")).status_code == 200
        assert own.auth is None
        assert len(own.event_hooks["request"]) == 1
        bob = client.for_profile("bob")
        await drive(bob.auth.login, **ADA)
        assert (await drive(bob.users.get_profile)).email == "ada@example.com"
    assert not own.is_closed
    with pytest.raises(ConfigurationError, match="closed"):
        await drive(client.users.get_profile)
    await drive.close(own)


async def test_an_own_httpx_client_lets_no_password_be_redirected_elsewhere(drive: Drive, server: Server) -> None:
    wire = FakeTransport(lambda _: httpx.Response(307, headers={"location": "https://evil.test/"}))
    kind: Any = httpx.AsyncClient if drive.is_async else httpx.Client
    options: dict[str, Any] = {"http_client": kind(transport=wire, follow_redirects=True), "transport": None}
    async with drive.client(server, signed_in=False, refresh_transport=server.transport, **options) as client:
        with pytest.raises(APIConnectionError, match=r"evil\.test"):
            await drive(client.auth.login, **ADA)


@pytest.mark.parametrize(("kind", "other"), [(Client, httpx.AsyncClient), (AsyncClient, httpx.Client)])
def test_an_httpx_client_of_the_other_colour_is_refused(kind: Any, other: Any) -> None:
    with pytest.raises(ConfigurationError, match="http_client= must be"):
        kind("https://auth.test", http_client=other())


def test_a_networks_transport_is_not_used_by_the_refresh(server: Server) -> None:
    paths: list[str] = []

    class Network(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            paths.append(request.url.path)
            return server.transport.handle_request(request)

    with Client("http://127.0.0.1:1/api/v1", transport=Network(), clock=server.clock) as client:
        client.session.sign_in(server.issue())
        server.expire_access_tokens()
        with pytest.raises(RefreshUnavailableError, match=r"127\.0\.0\.1:1"):
            client.users.get_profile()
    assert paths == ["/api/v1/users/profile"]


async def test_a_response_hook_sees_final_answers_only(drive: Drive, server: Server) -> None:
    statuses: list[int] = []

    def raising(response: httpx.Response) -> None:
        statuses.append(response.status_code)
        response.raise_for_status()

    hooks = {"response": [drive.hook(raising)]}
    async with drive.client(server, event_hooks=hooks) as client:
        server.expire_access_tokens()
        await drive(client.users.get_profile)
        await drive(client.http.get, "/things")
        assert statuses == [200, 200]


class Baking(Wire):
    """The fake server, which gives each sign-in and each profile a cookie."""

    def _changed(self, answer: httpx.Response, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/login"):
            answer.headers["set-cookie"] = f"sid={json.loads(request.content)['email']}; Path=/"
        if request.url.path.endswith("/things"):
            answer.headers["set-cookie"] = "seen=1; Path=/"
        return answer


@pytest.mark.parametrize("how", ["logout", "session.sign_out", "expired", "a second login", "session.sign_in"])
async def test_no_cookie_of_one_user_goes_along_with_the_next(drive: Drive, server: Server, how: str) -> None:
    server.add_user("bob@example.com")
    wire = Baking(server)
    async with drive.client(server, signed_in=False, transport=wire) as client:
        await drive(client.auth.login, **ADA)
        await drive(client.http.get, "/things")
        assert dict(client.http.cookies) == {"sid": "ada@example.com", "seen": "1"}
        session = client.session
        if how == "logout":
            await drive(client.logout)
            assert not dict(client.http.cookies)
        elif how == "session.sign_out":
            await drive(session.asign_out if drive.is_async else session.sign_out)
        elif how == "expired":
            server.revoke_all()
            with pytest.raises(SignInRequiredError):
                await drive.refresh(session)
        if how == "session.sign_in":
            session.sign_in(server.issue("bob@example.com"))
        else:
            await drive(client.auth.login, **{**ADA, "email": "bob@example.com"})
            if how != "a second login":  # which begins while Ada is signed in
                assert "cookie" not in wire.sent_to("/login")[-1].headers
        await drive(client.users.get_profile)
        assert wire.sent_to("/profile")[-1].headers.get("cookie") == (
            None if how == "session.sign_in" else "sid=bob@example.com"
        )


async def test_cookies_of_ones_own_and_of_one_user_stay(drive: Drive, server: Server, client: Any) -> None:
    client.http.cookies.set("tenant", "x")
    for _ in range(3):
        await drive(client.users.get_profile)
        server.expire_access_tokens()
    assert [r.headers.get("cookie") for r in client.wire.sent_to("/profile")] == ["tenant=x"] * 5
    assert dict(client.for_profile("bob").http.cookies) == {}


async def test_a_view_has_a_shared_sessions_store_and_profiles(drive: Drive, server: Server, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "tokens.json")
    kind: Any = AsyncClient if drive.is_async else Client
    async with drive.client(server, store=store) as client:
        bob = client.for_profile("bob")
        sharing = kind(session=client.session, transport=server.transport, clock=server.clock)
        assert sharing.session is sharing.for_profile("default").session is client.session
        assert sharing.for_profile("bob").session is bob.session is bob.for_profile("bob").session
        await drive.close(sharing)
        await drive(client.users.get_profile)  # closing what shares closes nothing of its session's


def test_a_view_has_the_store_of_a_session_of_the_users_own(server: Server) -> None:
    store = MemoryStore()
    session = TokenSession(
        Scripted(NotSent("")), origins=[server.base_url], base_url=server.base_url, store=store, key="mine"
    )
    client = Client(session=session, transport=server.transport)
    assert client.for_profile("mine").session is session
    assert client.for_profile("bob").session.store is store


def test_profiles_that_nobody_holds_are_let_go_but_for_the_last_few_and_those_in_use(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signedin._profiles._RECENT", 5)
    client = client_on(server)
    held = client.for_profile("held")
    client.for_profile("heard").session.on("signed_in", print)
    sessions = [weakref.ref(client.for_profile(f"guess {n}").session) for n in range(100)]
    gc.collect()
    assert sum(session() is not None for session in sessions) <= 6
    assert client.for_profile("held").session is held.session
    assert len(client.for_profile("heard").session._events) == 1


async def test_a_client_in_a_with_block_knows_of_the_sign_in_before(
    drive: Drive, server: Server, tmp_path: Path
) -> None:
    store = FileStore(tmp_path / "tokens.json")
    for before in (False, True):
        client: Any = (AsyncClient if drive.is_async else Client)(server.base_url, store=store, transport=Wire(server))
        entered = await drive(client.__aenter__ if drive.is_async else client.__enter__)
        assert (entered, client.session.is_signed_in) == (client, before)
        view = client.for_profile("bob")
        await drive(view.__aenter__ if drive.is_async else view.__enter__)
        assert not view.session.is_signed_in
        if not before:
            await drive(client.auth.register, email="eve@example.com", password="correct horse battery staple")
        await drive.close(client)


async def test_an_unreadable_store_fails_the_with_block_and_closes_the_client(drive: Drive, server: Server) -> None:
    class Down(MemoryStore):
        def load(self, key: str) -> NoReturn:  # noqa: ARG002
            raise TokenStoreError("the disk is gone")

    client: Any = (AsyncClient if drive.is_async else Client)(server.base_url, store=Down(), transport=Wire(server))
    with pytest.raises(TokenStoreError, match="the disk is gone"):
        await drive(client.__aenter__ if drive.is_async else client.__enter__)
    assert client.http.is_closed


async def test_a_closed_client_refuses_every_call_with_one_error(drive: Drive, client: Any) -> None:
    view = client.for_profile("bob")
    for _ in range(2):
        await drive.close(client)
    for call in (client.users.get_profile, lambda: client.http.get("/things"), lambda: view.http.get("/things")):
        with pytest.raises(ConfigurationError, match="This client is closed"):
            await drive(call)
    assert client.wire.requests == []


async def test_the_client_closes_a_store_that_it_opened(
    drive: Drive, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[object] = []
    monkeypatch.setattr(MemoryStore, "close", lambda store: closed.append(store), raising=False)  # noqa: PLW0108
    async with drive.client(server, store="memory:"):
        pass
    assert len(closed) == 1
    async with drive.client(server, store=MemoryStore()):
        pass
    assert len(closed) == 1


async def test_a_client_closes_its_transport_and_not_that_of_the_refresh(drive: Drive, server: Server) -> None:
    class Closing(Wire):
        closed = 0

        def close(self) -> None:
            self.closed += 1

        async def aclose(self) -> None:
            self.closed += 1

    calls, refreshes = Closing(server), Closing(server)
    async with drive.client(server, transport=calls, refresh_transport=refreshes) as client:
        await drive.refresh(client.session)
        await drive.close(client.for_profile("bob"))
        assert calls.closed == 0
    assert (calls.closed, refreshes.closed) == (1, 0)


def test_a_close_that_is_interrupted_gives_connections_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: TokenSession) -> None:
        raise KeyboardInterrupt

    client = Client(server.base_url, transport=server.transport)
    monkeypatch.setattr(TokenSession, "close", interrupted)
    with pytest.raises(KeyboardInterrupt), client:
        pass
    assert client.http.is_closed


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
async def test_a_close_that_is_cancelled_gives_connections_up(server: Server) -> None:
    client = AsyncClient(server.base_url, transport=server.transport, clock=server.clock)
    client.session.sign_in(server.issue())
    server.expire_access_tokens()
    refresh = server.hold("refreshToken")
    with anyio.CancelScope() as scope:
        async with client:
            scope.cancel()
    refresh.release()
    assert client.http.is_closed


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_belongs_to_its_process_says_what_to_pass(server: Server, duplicate: Callable[[object], object]) -> None:
    client = Client(server.base_url, transport=server.transport)
    for thing in (client, AsyncClient(server.base_url, transport=server.transport), BearerAuth(client.session)):
        with pytest.raises(TypeError, match=r"store|BearerAuth\(session\)"):
            duplicate(thing)


async def test_clients_of_two_packages_live_in_one_process(drive: Drive, server: Server) -> None:
    refresh = signedin_sdk.contract.REFRESH
    assert refresh is not None
    assert refresh.request is not None
    shop = SimpleNamespace(
        REFRESH=refresh._replace(request=refresh.request._replace(url="/shop/renew")), REVOKE=None, ISSUES=()
    )

    class Shop(SignedInClient, signedin_sdk.resources.Resources):
        api = shop

    class AsyncShop(AsyncSignedInClient, signedin_sdk.resources.AsyncResources):
        api = shop

    kind: Any = AsyncShop if drive.is_async else Shop
    wire = Wire(server)
    async with drive.client(server) as client:
        other = kind(server.base_url, transport=wire, clock=server.clock)
        other.session.sign_in(server.issue())
        assert (await drive(other.users.get_profile)).email == "ada@example.com"
        with pytest.raises(SignInRequiredError):
            await drive.refresh(other.session)
        await drive.refresh(client.session)
        assert {request.url.path for request in wire.requests if request.method == "POST"} == {"/api/v1/shop/renew"}
        assert repr(other).startswith(f"<{__name__}.")
        await drive.close(other)


def test_a_package_whose_spec_has_no_refresh_is_refused(server: Server) -> None:
    class Bare(SignedInClient, signedin_sdk.resources.Resources):
        api = SimpleNamespace(REFRESH=None, REVOKE=None)

    with pytest.raises(ConfigurationError, match="declares no refresh"):
        Bare(server.base_url)
