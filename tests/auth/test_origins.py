"""Where the bearer goes: to its own origin and those that the user named, and nowhere else."""

from typing import Any

import httpx
import pytest
from signedin import APIConnectionError, AsyncClient, BearerAuth, Client, ConfigurationError, TokenSession
from signedin.session import renewal_of

from tests.auth.driving import Drive, Server, Wire

pytestmark = pytest.mark.anyio

EVIL = "https://evil.test/take"


async def test_a_redirect_from_elsewhere_brings_no_bearer_home(drive: Drive, server: Server) -> None:
    class Luring(Redirecting):
        def _instead(self, request: httpx.Request) -> httpx.Response | None:
            away = request.url.host == "evil.test"
            return httpx.Response(307, headers={"location": f"{server.base_url}/things"}) if away else None

    wire = Luring(server, 307, "")
    async with drive.client(server, transport=wire, follow_redirects=True) as client:
        await drive(client.http.get, EVIL)
        assert "authorization" not in wire.requests[-1].headers


async def test_an_absolute_url_elsewhere_gets_no_bearer(drive: Drive, server: Server, client: Any) -> None:
    for url in (EVIL, "https://auth.test.evil.test/", "https://auth.test:8443/api/v1/things", "http://auth.test/"):
        await drive(client.http.get, url)
        assert "authorization" not in client.wire.requests[-1].headers, url
    assert server.ledger["tokens seen by a foreign origin"] == 0
    assert server.ledger["refreshToken"] == 0  # for the TokenExpiredError of others


@pytest.mark.parametrize("url", ["https://auth.test/other", "https://AUTH.test:443/other"])
async def test_an_absolute_url_at_home_gets_the_bearer(drive: Drive, url: str, client: Any) -> None:
    assert (await drive(client.http.get, url)).status_code == 200


async def test_an_origin_that_the_user_names_gets_the_bearer(drive: Drive, server: Server) -> None:
    async with drive.client(server, origins=["https://friend.test"]) as client:
        await drive(client.http.get, "https://friend.test/x")
        # It is refused there with TokenExpiredError, which counts: so a second time with the new token.
        assert server.ledger["tokens seen by a foreign origin"] == 2
        assert server.ledger["refreshToken"] == 1


class Redirecting(Wire):
    """The fake server, whose /away leads elsewhere."""

    def __init__(self, server: Server, status: int, location: str) -> None:
        super().__init__(server)
        self._answer = status, location

    def _instead(self, request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("/away"):
            return None
        status, location = self._answer
        return httpx.Response(status, headers={"location": location})


def _redirected(server: Server, status: int, location: str = EVIL) -> dict[str, Any]:
    wire = Redirecting(server, status, location)
    return {"transport": wire, "follow_redirects": True}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_elsewhere_carries_no_bearer(drive: Drive, server: Server, status: int) -> None:
    async with drive.client(server, **_redirected(server, status)) as client:
        answer = await drive(client.http.get, "/away")
        assert answer.status_code == 401
        assert server.seen == ["foreign"]
        assert server.ledger["tokens seen by a foreign origin"] == 0


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_redirect_elsewhere_never_takes_the_body_along(
    drive: Drive, server: Server, status: int, *, chunked: bool
) -> None:
    def body() -> Any:
        return [b"secret"] if chunked and not drive.is_async else b"secret"

    async with drive.client(server, **_redirected(server, status)) as client:
        with pytest.raises(APIConnectionError, match=r"evil\.test"):
            await drive(client.http.post, "/away", content=body())
        assert server.ledger["foreign"] == 0


async def test_an_expired_token_behind_a_redirect_within_the_origin_is_refreshed(drive: Drive, server: Server) -> None:
    async with drive.client(server, **_redirected(server, 307, "/api/v1/things")) as client:
        server.expire_access_tokens()
        answer = await drive(client.http.post, "/away", content=b"abc")
        assert answer.json()["body"] == "abc"
        assert server.ledger["rotations"] == 1


async def test_an_upgrade_to_https_is_another_origin(drive: Drive, server: Server) -> None:
    # httpx keeps the header on this hop.
    options = _redirected(server, 301, "https://auth.test/api/v1/things")
    wire = options["transport"]
    kind: Any = AsyncClient if drive.is_async else Client
    client = kind("http://auth.test/api/v1", allow_http=True, clock=server.clock, **options)
    client.session.sign_in(server.issue())
    await drive(client.http.get, "/away")
    assert [request.url.scheme for request in wire.requests] == ["https"]
    assert "authorization" not in wire.requests[0].headers
    await drive.close(client)


async def test_a_bare_httpx_client_sends_no_bearer_elsewhere(drive: Drive, server: Server) -> None:
    async with drive.client(server) as client, drive.bare(client.session, server) as bare:
        await drive(bare.get, EVIL)
        await drive(bare.post, EVIL, content=b"abc")
        assert server.ledger["tokens seen by a foreign origin"] == 0
        assert server.ledger["foreign"] == 2


async def test_a_foreign_answer_behind_a_redirect_of_a_bare_httpx_client_causes_no_refresh(
    drive: Drive, server: Server
) -> None:
    async with drive.client(server) as client, drive.bare(client.session, server, **_redirected(server, 302)) as bare:
        assert (await drive(bare.get, "/away")).status_code == 401
        assert server.seen == ["foreign"]


def _with_hook(drive: Drive, session: TokenSession) -> dict[str, Any]:
    auth = BearerAuth(session)
    hook = auth.arefuse_redirect_off_origin if drive.is_async else auth.refuse_redirect_off_origin
    return {"auth": auth, "event_hooks": {"request": [hook]}}


@pytest.mark.parametrize("status", [307, 308])
async def test_the_hook_lets_no_body_be_redirected_elsewhere(drive: Drive, server: Server, status: int) -> None:
    options = _redirected(server, status)
    async with (
        drive.client(server) as client,
        drive.bare(client.session, server, **options, **_with_hook(drive, client.session)) as bare,
    ):
        with pytest.raises(APIConnectionError, match=r"evil\.test"):
            await drive(bare.post, "/away", json={"password": "a secret"})
        assert server.ledger["foreign"] == 0
        await drive(bare.get, "/away")
        assert server.ledger["tokens seen by a foreign origin"] == 0


async def test_the_hook_follows_redirects_within_the_origin(drive: Drive, server: Server) -> None:
    options = _redirected(server, 307, "/api/v1/things")
    async with (
        drive.client(server) as client,
        drive.bare(client.session, server, **options, **_with_hook(drive, client.session)) as bare,
    ):
        answer = await drive(bare.post, "/away", content=b"abc")
        assert answer.json()["body"] == "abc"
        await drive(bare.post, EVIL, content=b"meant for there")  # no redirect, and no token with it
        assert server.ledger["tokens seen by a foreign origin"] == 0


async def test_a_view_keeps_the_hooks_of_the_user_and_its_own_bodies_at_home(drive: Drive, server: Server) -> None:
    paths: list[str] = []
    answered: list[int] = []

    def asking(request: httpx.Request) -> None:
        paths.append(request.url.path)
        assert "authorization" not in request.headers

    def answering(response: httpx.Response) -> None:
        answered.append(response.status_code)

    async with drive.client(server, **_redirected(server, 307)) as client:
        client.http.event_hooks["request"].append(drive.hook(asking))
        client.http.event_hooks["response"].append(drive.hook(answering))
        view = client.for_profile("first").for_profile("second")
        view.session.sign_in(server.issue("bob@example.com"))
        await drive(view.users.get_profile)
        assert (paths, answered) == (["/api/v1/users/profile"], [200])
        with pytest.raises(APIConnectionError, match=r"evil\.test"):
            await drive(view.http.post, "/away", content=b"secret")
        view.http.event_hooks["request"].clear()  # of the view's own list
        assert len(client.http.event_hooks["request"]) == 1


async def test_a_redirected_refresh_is_not_followed(drive: Drive, server: Server) -> None:
    async with drive.client(server, follow_redirects=True) as client:
        server.expire_access_tokens()
        server.fail("refreshToken", "redirect")
        await drive(client.users.get_profile)
        assert server.ledger["foreign"] == 0
        assert server.ledger["rotations"] == 1


async def test_an_own_authorization_header_passes_untouched(drive: Drive, server: Server, client: Any) -> None:
    answer = await drive(client.http.get, "/things", headers={"Authorization": "Basic YTpi"})
    assert answer.status_code == 401
    assert client.wire.requests[0].headers["authorization"] == "Basic YTpi"
    assert server.ledger["refreshToken"] == 0


async def test_a_url_with_a_password_in_it_gets_the_bearer_all_the_same(drive: Drive, client: Any) -> None:
    await drive(client.http.get, "https://me:pw@auth.test/api/v1/things")
    assert client.wire.requests[0].headers["authorization"].startswith("Bearer ")


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "http://10.0.0.1/api",
        "http://localhost.evil.test",
        "http://127.0.0.1.evil.test",
        "http://evillocalhost",
    ],
)
def test_plain_http_to_another_machine_is_refused(kind: type[Client], url: str) -> None:
    with pytest.raises(ConfigurationError, match="plain http"):
        kind(url)
    with pytest.raises(ConfigurationError, match="plain http"):
        kind("https://auth.test", origins=[url])
    assert renewal_of(kind(url, allow_http=True).session).origins


@pytest.mark.parametrize(
    "url",
    ["http://localhost:5000", "http://127.0.0.1", "http://127.8.9.10:80", "http://[::1]:5000", "http://a.localhost"],
)
def test_plain_http_to_this_machine_is_fine(url: str) -> None:
    assert renewal_of(Client(url).session).origins


def test_a_session_is_not_lent_to_another_origin(server: Server) -> None:
    client = Client(server.base_url, transport=server.transport)
    with pytest.raises(ConfigurationError, match=r"other\.test"):
        Client("https://other.test", session=client.session)
