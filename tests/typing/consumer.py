"""What type checkers see of the package, as a user's code would have it. Checked by mypy --strict, never run."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import assert_type

import httpx
import signedin
import signedin_sdk.contract
import signedin_sdk.resources
from signedin import (
    APIStatusError,
    AsyncClient,
    AsyncSignedInClient,
    BearerAuth,
    Client,
    FileStore,
    FreshTokenRejectedError,
    HttpRefresher,
    MemoryStore,
    Place,
    RawResponse,
    Refresher,
    RefreshUnavailableError,
    Refused,
    Renewed,
    SessionExpiredError,
    Sign,
    SignedInClient,
    Timing,
    TokenPair,
    TokenSession,
    TokenStore,
)
from signedin_sdk.models.profile import Profile
from signedin_sdk.models.token_pair import TokenPair as IssuedPair


def blocking(path: str) -> None:
    with Client("https://api.example.com/v1", store=FileStore(path), timing=Timing(post=4.0)) as client:
        assert_type(client, Client)
        assert_type(client.auth.register(email="e", password="p"), IssuedPair)
        assert_type(client.auth.login(email="e", password="p"), IssuedPair)
        assert_type(client.auth.refresh_token(refresh_token="r"), IssuedPair)
        profile = client.users.get_profile()
        assert_type(profile, Profile)
        assert_type(profile.email, str)
        assert_type(profile.created_at, datetime)
        assert_type(client.http, httpx.Client)
        assert_type(client.for_profile("other"), Client)
        options(client)
        client.logout()
        client.users.get_profile("positional")  # type: ignore[call-arg]
        client.auth.login("e", "p")  # type: ignore[call-arg]
        client.auth.login(email="e")  # type: ignore[call-arg]
        client.auth.login(email=1, password="p")  # type: ignore[arg-type]
        list(profile.nickname)  # type: ignore[attr-defined]
        Client("https://api.example.com/v1", on_doubt="maybe")  # type: ignore[arg-type]


def options(client: Client) -> None:
    view = client.with_options(timeout=2, max_retries=0, headers={"X-Trace": "1"})
    assert_type(view, Client)
    assert_type(view.with_options(deadline=timedelta(seconds=3), idempotency_key=None, timeout=None), Client)
    assert_type(view.for_profile("other").with_options(deadline=1.5).users.get_profile(), Profile)
    answer = client.with_raw_response.users.get_profile()
    assert_type(answer, RawResponse[Profile])
    assert_type(answer.parsed.email, str)
    assert_type(answer.status_code, int)
    assert_type(answer.headers, httpx.Headers)
    assert_type(answer.request_id, str | None)
    assert_type(answer.http_response, httpx.Response)
    assert_type(view.with_raw_response.auth.login(email="e", password="p"), RawResponse[IssuedPair])
    assert_type(view.with_raw_response.auth.logout(refresh_token="r").parsed, None)
    answer.parsed = answer.parsed  # type: ignore[misc]
    client.with_raw_response.auth.login(email="e")  # type: ignore[call-arg]
    client.with_options(timeouts=1)  # type: ignore[call-arg]
    client.with_options(max_retries=None)  # type: ignore[arg-type]
    client.with_options(1)  # type: ignore[call-arg]


async def awaiting(session: TokenSession) -> None:
    async with AsyncClient(session=session) as client:
        assert_type(client, AsyncClient)
        assert_type(await client.auth.login(email="e", password="p"), IssuedPair)
        profile = await client.users.get_profile()
        assert_type(profile, Profile)
        assert_type(client.http, httpx.AsyncClient)
        view = client.with_options(max_retries=1)
        assert_type(view, AsyncClient)
        assert_type(await view.with_raw_response.users.get_profile(), RawResponse[Profile])
        await client.logout()
        client.users.get_profile()  # type: ignore[unused-coroutine]


def sessions(session: TokenSession) -> None:
    assert_type(session.is_signed_in, bool)
    assert_type(session.tokens, TokenPair | None)
    session.sign_in(TokenPair(access_token="a", refresh_token="r"))
    pair = session.refresh()
    assert_type(pair, TokenPair)
    assert_type(pair.access_token, str)
    assert_type(pair.expires_at, datetime | None)
    assert_type(session.explain(), dict[str, object])
    stop = session.on("refreshed", lambda event: assert_type(event.generation, int | None))
    assert_type(stop, Callable[[], None])
    pair.access_token = "b"  # type: ignore[misc]


class Refreshes(HttpRefresher):
    def refresh(self, pair: TokenPair, *, attempt: str, timeout: float) -> Renewed | Refused:
        return Renewed(TokenPair("a", pair.refresh_token, pair.expires_at)) if timeout else Refused(attempt)


class Shop(SignedInClient, signedin_sdk.resources.Resources):
    api = signedin_sdk.contract


class AsyncShop(AsyncSignedInClient, signedin_sdk.resources.AsyncResources):
    api = signedin_sdk.contract


def refreshers(url: str) -> None:
    refresher: Refresher = Refreshes(signedin_sdk.contract, url, settings={"apikey": "k"})
    session = TokenSession(refresher, origins=[url], expired=[Sign(401, Place("body", "/code"), ("old",))])
    with Shop(session=session) as shop:
        assert_type(shop, Shop)
        assert_type(shop.users.get_profile(), Profile)
    Shop(settings={"realm": "r"}, credentials=lambda: {"email": "e", "password": "p"})
    Shop(credentials={"email": "e"})  # type: ignore[arg-type]
    assert_type(AsyncShop(url).for_profile("other"), AsyncShop)


def other_clients(session: TokenSession) -> None:
    httpx.Client(auth=BearerAuth(session))
    httpx.AsyncClient(auth=BearerAuth(session))


def stores() -> list[TokenStore]:
    signedin.NoSuchStore()  # type: ignore[attr-defined]
    signedin.stores.NoSuchStore()  # type: ignore[attr-defined]
    return [MemoryStore(), FileStore(), "file:"]  # type: ignore[list-item]


def errors(client: Client) -> None:
    try:
        client.users.get_profile()
    except SessionExpiredError as error:
        assert_type(error.again(), SessionExpiredError)
    except RefreshUnavailableError as error:
        if error.retry_after is not None:
            assert_type(error.retry_after.total_seconds(), float)
    except FreshTokenRejectedError:
        return
    except APIStatusError as error:
        assert_type(error.status_code, int)
        assert_type(error.message, str)
        assert_type(error.body, object)
        assert_type(error.request_id, str | None)
        assert_type(error.retry_after, timedelta | None)
        assert_type(error.http_response, httpx.Response)
