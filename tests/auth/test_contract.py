"""Any login: where its tokens stand, how they are sent, what its answers say, played in memory by the fake server."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from signedin import APIResponseError, BearerAuth, MemoryStore, SessionExpiredError, TokenPair
from signedin.testing import FakeAuthServer
from signedin_sdk.types import Call, Constant, Expires, Operation, Place, TokenResponse

from tests.auth.contracts import BOTH, CONTRACTS, CSRF, SETTINGS, body, contract, opened, shop

if TYPE_CHECKING:
    from tests.auth.driving import Drive

pytestmark = pytest.mark.anyio


# What stands where on the wire does not depend on the colour: each login in one of them.
each_login = pytest.mark.parametrize(
    ("api", "colour"),
    [
        pytest.param(api, colour, id=f"{name}-{colour}")
        for (name, api), colour in zip(CONTRACTS.items(), cycle(["threads", "asyncio", "trio"]), strict=False)
    ],
)


@each_login
async def test_any_login_is_refreshed_once_for_ten_callers_over_an_expiry(drive: Drive, api: Any) -> None:
    server = FakeAuthServer(contract=api, grace=None)
    client = opened(drive, server, api)
    client.session.sign_in(server.issue())
    for foreseen in (True, False):
        if foreseen:
            server.clock.advance(301)
        else:
            server.expire_access_tokens()
        before = server.ledger["rotations"]
        assert {outcome.email for outcome in await drive.outcomes(client.users.get_profile, 10)} == {"ada@example.com"}
        assert server.ledger["rotations"] == before + 1
    assert server.ledger["refused"] == server.ledger["reused"] == server.ledger["foreign"] == 0


@each_login
async def test_any_refused_refresh_ends_the_session(drive: Drive, api: Any) -> None:
    server = FakeAuthServer(contract=api)
    client = opened(drive, server, api)
    client.session.sign_in(server.issue())
    server.revoke_all()
    server.expire_access_tokens()
    with pytest.raises(SessionExpiredError):
        await drive.refresh(client.session)
    assert not client.session.is_signed_in


async def test_an_opaque_token_with_an_end_is_refreshed_ahead_also_by_the_next_process(drive: Drive) -> None:
    for unit in ("seconds", "milliseconds", "epoch", "date-time"):
        api, store = contract(response={"expires": Expires(body("ends"), unit)}), MemoryStore()
        server = FakeAuthServer(contract=api, opaque=True)
        client = opened(drive, server, api, store=store)
        client.session.sign_in(server.issue())
        next_one = opened(drive, server, api, store=store)
        server.clock.advance(301)
        await drive(next_one.users.get_profile)
        assert server.ledger["expired"] == 0
        assert server.ledger["rotations"] == 1


HEADERS = CONTRACTS["headers"]


async def test_a_token_in_a_header_of_its_own_leaves_the_origin_by_no_redirect(drive: Drive) -> None:
    server = FakeAuthServer(contract=HEADERS)

    def redirecting(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/away"):
            return httpx.Response(302, headers={"location": "https://evil.test/"})
        return server.transport.handle_request(request)

    session = opened(drive, server, HEADERS).session
    session.sign_in(server.issue())
    auth, kind = BearerAuth(session), httpx.AsyncClient if drive.is_async else httpx.Client
    hook = auth.arefuse_redirect_off_origin if drive.is_async else auth.refuse_redirect_off_origin
    options: dict[str, Any] = {"auth": auth, "transport": httpx.MockTransport(redirecting), "follow_redirects": True}
    client: Any = kind(event_hooks={"request": [hook]}, **options)
    assert (await drive(client.get, f"{server.base_url}/away")).status_code == 401
    assert (
        await drive(client.get, f"{server.base_url}/things", headers={"Authorization": "Basic mine"})
    ).status_code == 200
    assert server.ledger["foreign"] == 1
    assert server.ledger["tokens seen by a foreign origin"] == 0


def test_the_refresher_of_the_how_to_stays_signed_in() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "refresher.md"
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        exec(block, names)
    answers = iter([httpx.Response(200, text="a2:1900000000"), httpx.Response(410)])
    refresher, session = names["session"]._renewal.refresher, names["session"]
    refresher.transport = httpx.MockTransport(lambda _: next(answers))
    session.sign_in(TokenPair("a1", "r1"))
    pair = session.refresh()
    assert pair == TokenPair("a2", "r1")
    assert pair.expires_at == datetime.fromtimestamp(1_900_000_000, UTC)
    with pytest.raises(SessionExpiredError):
        session.refresh()


TOKEN = Operation("token", "post", "/token", "none", "issues")
LOGOUT = Operation("logout", "post", "/revoke", "required", "revokes")
WHEN = Constant(body("grant_type"), "password")
ONE_ENDPOINT = contract(
    "/token",
    request={
        "operation_id": "token",
        "encoding": "form",
        "constants": (Constant(body("grant_type"), "refresh_token"),),
    },
    response={"absent": "keep"},
    issue={"operation_id": "token", "when": WHEN},
)


def call(operation: Operation, **kwargs: Any) -> Call[Any]:
    """Return a call as a generated package makes it."""
    arguments = {"method": operation.method, "url": operation.path, **kwargs}
    return Call(operation, arguments, lambda response: response.status_code, lambda _: None)


async def signed_in_by(drive: Drive, api: Any, response: httpx.Response, **kwargs: Any) -> TokenPair | None:
    """Return the pair that a client holds after an operation that issues tokens got a response."""
    transport = httpx.MockTransport(lambda _: response)
    client = shop(api, is_async=drive.is_async)("https://auth.test", transport=transport, settings=SETTINGS)
    await drive(client._send, call(TOKEN, **kwargs))
    pair: TokenPair | None = client.session.tokens
    return pair


@pytest.mark.parametrize(
    ("issue", "sends", "brings", "signed_in"),
    [
        ({"when": WHEN}, {"data": {"grant_type": "password"}}, BOTH, True),
        ({"when": WHEN}, {"data": {"grant_type": "code"}}, BOTH, False),
        ({"when": WHEN}, {"json": {"grant_type": "password"}}, BOTH, True),
        ({"when": WHEN}, {}, BOTH, False),
        ({"when": Constant(Place("query", "mode"), "json")}, {"params": {"mode": "json"}}, BOTH, True),
        ({"when": Constant(Place("header", "X-Mode"), "json")}, {"headers": {"x-mode": "cookie"}}, BOTH, False),
        ({"optional": True}, {}, {"challenge": "otp"}, False),
        ({"optional": True}, {}, BOTH, True),
    ],
)
async def test_an_operation_issues_tokens_when_and_if_the_contract_says_so(
    drive: Drive, issue: dict[str, Any], sends: dict[str, Any], brings: dict[str, Any], *, signed_in: bool
) -> None:
    api = contract(issue={"operation_id": "token", **issue})
    assert bool(await signed_in_by(drive, api, httpx.Response(201, json=brings), **sends)) is signed_in


@pytest.mark.parametrize("brings", [{"challenge": "otp"}, {"access_token": "a b", "refresh_token": "r2"}])
async def test_a_sign_in_without_usable_tokens_is_a_typed_error(drive: Drive, brings: dict[str, Any]) -> None:
    optional = "access_token" in brings
    api = contract(issue={"operation_id": "token", "optional": optional})
    with pytest.raises(APIResponseError, match="no usable access_token"):
        await signed_in_by(drive, api, httpx.Response(200, json=brings))


async def test_a_sign_in_brings_its_pair_from_places_of_its_own(drive: Drive) -> None:
    own = TokenResponse(body("access"), Place("cookie", "rt"), expires=Expires(body("expires_in"), "seconds"))
    api = contract(request={"carry": (CSRF,)}, issue={"operation_id": "token", "response": own})
    headers = [("set-cookie", "rt=r1; HttpOnly"), ("set-cookie", "csrf=c1")]
    pair = await signed_in_by(drive, api, httpx.Response(200, headers=headers, json={"access": "a1", "expires_in": 60}))
    assert pair == TokenPair("a1", "r1", carried={"cookie:csrf": "c1"})
    assert pair.expires_at is not None


async def test_one_operation_for_sign_in_and_refresh_is_distinguished_by_what_is_sent(drive: Drive) -> None:
    server = FakeAuthServer(contract=ONE_ENDPOINT, sign_in="/token")
    server.add_user()
    client = opened(drive, server, ONE_ENDPOINT)
    await drive(client._send, call(TOKEN, data={"grant_type": "password", "username": "ada@example.com",
                                               "password": "correct horse battery staple"}))  # fmt: skip
    first = client.session.tokens
    for refresh_token in (server.issue().refresh_token, first.refresh_token):
        assert client.session.tokens == first
        data = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        await drive(client._send, call(TOKEN, data=data))
    assert client.session.tokens.access_token != first.access_token
    assert client.session.tokens.refresh_token == first.refresh_token  # the old one stays in force
    assert (server.ledger["login"], server.ledger["token"]) == (1, 2)


@pytest.mark.parametrize(
    ("presents", "kwargs", "ends"),
    [
        (body("refresh_token"), {"json": {"refresh_token": "r1"}}, True),
        (body("refresh_token"), {"json": {"refresh_token": "another"}}, False),
        (Place("cookie", "rt"), {}, True),
        (Place("header", "X-Refresh"), {"headers": {"X-Refresh": "another"}}, False),
        (Place("bearer"), {"headers": {"Authorization": "Bearer r1"}}, True),
        (None, {}, True),
    ],
)
async def test_an_operation_that_revokes_ends_the_session_whose_token_it_presents(
    drive: Drive, presents: Place | None, kwargs: dict[str, Any], *, ends: bool
) -> None:
    api = contract(revoke={"operation_id": "logout", "refresh_token": presents})
    transport = httpx.MockTransport(lambda _: httpx.Response(204))
    client = shop(api, is_async=drive.is_async)("https://auth.test", transport=transport)
    client.session.sign_in(TokenPair("a1", "r1"))
    await drive(client._send, call(LOGOUT, **kwargs))
    assert client.session.is_signed_in is not ends
