"""What is played, once for every use: against the backend when it is recorded, against a cassette when it is replayed.

Each scenario is one coroutine for both clients; `of` awaits what an AsyncClient gives and passes what a Client gives.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar

import httpx
import pytest
from signedin import (
    APIStatusError,
    AsyncClient,
    BadRequestError,
    Client,
    ForbiddenError,
    NotSignedInError,
    RateLimitError,
    SessionExpiredError,
    TokenPair,
    UnauthorizedError,
)
from signedin.protocols import Clock
from signedin_sdk.models.error import Error
from signedin_sdk.models.profile import Profile

T = TypeVar("T")
Colour = Literal["sync", "async"]
COLOURS: Final[tuple[Colour, ...]] = ("sync", "async")
# The server's clock at every recording, and so what the cassettes say of times.
START: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ACCESS_SECONDS: Final = 300
IN_USE, MISSING = "Email already in use.", "You must provide an email and a password."
UNKNOWN, BEARER = "Invalid login credentials.", "🚫 Un-Authorized 🚫"


# Sent as they are, at a recording and at a replay: nobody's secrets.
UNKNOWN_TOKEN: Final = "never-issued"
OVERSIZED: Final = "far too large " * 30


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: real credentials at a recording, the fakes of the cassettes at a replay."""

    email: str = "user-1@example.com"
    password: str = "fake-password-1"
    wrong_password: str = "fake-password-2"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a scenario plays. `age` lets so many seconds pass at the server; on a replay they have passed."""

    colour: Colour
    base_url: str
    cast: Cast
    clock: Clock | None
    age: Callable[[float], None] = lambda _: None

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client | AsyncClient]:
        """Open a client of the stage's colour, with a session of its own."""
        if self.colour == "sync":
            with Client(self.base_url, clock=self.clock, max_retries=0) as client:
                yield client
        else:
            async with AsyncClient(self.base_url, clock=self.clock, max_retries=0) as client:
                yield client


async def of(value: T | Awaitable[T]) -> T:
    """Return the value, of whichever colour."""
    return await value if isinstance(value, Awaitable) else value


@asynccontextmanager
async def signed_in(stage: Stage) -> AsyncIterator[Client | AsyncClient]:
    """Open a client whose user has just registered."""
    async with stage.client() as client:
        await of(client.auth.register(email=stage.cast.email, password=stage.cast.password))
        yield client


async def register(stage: Stage) -> None:
    """A new account is signed in; the same e-mail again, or none, is refused."""
    async with stage.client() as client:
        pair = await of(client.auth.register(email=stage.cast.email, password=stage.cast.password))
        assert client.session.tokens == TokenPair(pair.access_token, pair.refresh_token)
        assert_profile(await of(client.users.get_profile()), stage)
        with pytest.raises(BadRequestError, match=IN_USE) as in_use:
            await of(client.auth.register(email=stage.cast.email, password=stage.cast.password))
        assert in_use.value.body == Error(message=IN_USE, stack="")
        with pytest.raises(BadRequestError, match=MISSING):
            await of(client.auth.register(email="", password=stage.cast.password))
        # A refusal takes nothing away.
        assert client.session.tokens == TokenPair(pair.access_token, pair.refresh_token)


async def login(stage: Stage) -> None:
    """Signing in brings another pair; a wrong or a missing password brings none."""
    async with signed_in(stage) as first, stage.client() as client:
        with pytest.raises(ForbiddenError, match=UNKNOWN) as refused:
            await of(client.auth.login(email=stage.cast.email, password=stage.cast.wrong_password))
        assert refused.value.body == Error(message=UNKNOWN, stack="")
        with pytest.raises(BadRequestError, match=MISSING):
            await of(client.auth.login(email=stage.cast.email, password=""))
        assert not client.session.is_signed_in
        pair = await of(client.auth.login(email=stage.cast.email, password=stage.cast.password))
        assert client.session.tokens == TokenPair(pair.access_token, pair.refresh_token) != first.session.tokens
        assert_profile(await of(client.users.get_profile()), stage)


async def profile(stage: Stage) -> None:
    """A token that the server never issued is refused, and so is the refresh that could have helped it."""
    async with stage.client() as client:
        client.session.sign_in(TokenPair(UNKNOWN_TOKEN, UNKNOWN_TOKEN))
        with pytest.raises(SessionExpiredError):
            await of(client.users.get_profile())
        assert not client.session.is_signed_in


async def expired(stage: Stage) -> None:
    """The server says that the token has expired: one refresh, and the request is sent again."""
    async with signed_in(stage) as client:
        before = client.session.tokens
        assert_profile(await of(client.users.get_profile()), stage)
        stage.age(ACCESS_SECONDS + 1)
        assert_profile(await of(client.users.get_profile()), stage)
        once = client.session.tokens
        stage.age(ACCESS_SECONDS + 1)
        assert_profile(await of(client.users.get_profile()), stage)
        twice = client.session.tokens
        assert before
        assert once
        assert twice
        assert len({before.access_token, once.access_token, twice.access_token}) == 3
        assert len({before.refresh_token, once.refresh_token, twice.refresh_token}) == 3


async def refused(stage: Stage) -> None:
    """The session was ended elsewhere: the refresh is refused, the pair is cleared, the caller gets an error."""
    async with signed_in(stage) as client, stage.client() as elsewhere:
        pair = client.session.tokens
        assert pair is not None
        await of(elsewhere.auth.logout(refresh_token=pair.refresh_token or ""))
        stage.age(ACCESS_SECONDS + 1)
        with pytest.raises(SessionExpiredError):
            await of(client.users.get_profile())
        assert not client.session.is_signed_in


async def refresh(stage: Stage) -> None:
    """Refreshing on demand and by hand; a missing and an unknown token are refused."""
    async with signed_in(stage) as client:
        before = client.session.tokens
        after = await of(client.session.refresh() if isinstance(client, Client) else client.session.arefresh())
        assert before != after == client.session.tokens
        by_hand = await of(client.auth.refresh_token(refresh_token=after.refresh_token or ""))
        assert client.session.tokens == TokenPair(by_hand.access_token, by_hand.refresh_token) != after
        assert_profile(await of(client.users.get_profile()), stage)
        with pytest.raises(BadRequestError, match=r"Missing refresh token\."):
            await of(client.auth.refresh_token(refresh_token=""))
        with pytest.raises(UnauthorizedError, match="Unauthorized"):
            await of(client.auth.refresh_token(refresh_token=UNKNOWN_TOKEN))
        assert client.session.is_signed_in


async def logout(stage: Stage) -> None:
    """Signing out ends the session at the server too, at once, and what follows does not reach it."""
    async with signed_in(stage) as client, stage.client() as thief:
        pair = client.session.tokens
        assert pair is not None
        await of(client.logout())
        assert not client.session.is_signed_in
        with pytest.raises(NotSignedInError):
            await of(client.users.get_profile())
        thief.session.sign_in(pair)
        with pytest.raises(SessionExpiredError):
            await of(thief.users.get_profile())
        with pytest.raises(BadRequestError, match=r"Missing refresh token\."):
            await of(thief.auth.logout(refresh_token=""))


async def too_large(stage: Stage) -> None:
    """A body beyond the limit is refused by every operation that reads one."""
    async with stage.client() as client:
        for call in _auth_calls(client, email=stage.cast.email, secret=OVERSIZED):
            with pytest.raises(APIStatusError) as refused:
                await of(call())
            assert refused.value.status_code == 413
            assert isinstance(refused.value.body, Error)


async def wrong_type(stage: Stage) -> None:
    """A body that is no JSON is refused by every operation that reads one, also through the plain client."""
    async with stage.client() as client:
        for path in ("register", "login", "refreshToken", "logout"):
            headers = {"content-type": "text/plain"}
            answer = await of(client.http.post(f"/auth/{path}", content="no JSON", headers=headers, auth=_nobody))
            assert answer.status_code == 415


async def too_many(stage: Stage) -> None:
    """Beyond its rate an address learns when to come back, by every operation that a password or token is sent to."""
    async with stage.client() as client:
        await of(client.auth.logout(refresh_token=UNKNOWN_TOKEN))
        for call in _auth_calls(client, email=stage.cast.email, secret=UNKNOWN_TOKEN):
            with pytest.raises(RateLimitError) as refused:
                await of(call())
            assert 0 < int(refused.value.http_response.headers["retry-after"]) <= 60


def _nobody(request: httpx.Request) -> httpx.Request:
    return request  # httpx's way to send one request without the client's auth


def _auth_calls(client: Client | AsyncClient, *, email: str, secret: str) -> list[Callable[[], Any]]:
    return [
        lambda: client.auth.register(email=email, password=secret),
        lambda: client.auth.login(email=email, password=secret),
        lambda: client.auth.refresh_token(refresh_token=secret),
        lambda: client.auth.logout(refresh_token=secret),
    ]


def assert_profile(profile: Profile, stage: Stage) -> None:
    """Fail unless it is the user of the stage, every property typed."""
    assert isinstance(profile, Profile)
    assert profile.email == stage.cast.email
    assert profile.created_at == profile.updated_at == START
    assert profile.id


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is played, and with which settings of the backend."""

    play: Callable[[Stage], Coroutine[Any, Any, None]]
    backend: Mapping[str, Any] = field(default_factory=dict)


SCENARIOS: Final = {
    "register": Scenario(register),
    "login": Scenario(login),
    "profile": Scenario(profile),
    "expired": Scenario(expired),
    "refused": Scenario(refused),
    "refresh": Scenario(refresh),
    "logout": Scenario(logout),
    "too_large": Scenario(too_large, {"body_limit": 256}),
    "wrong_type": Scenario(wrong_type),
    "too_many": Scenario(too_many, {"rate_limit": True, "address_rate": (1, 60)}),
}


def finish(playing: Coroutine[Any, Any, None]) -> None:
    """Play a scenario of the blocking client: in this thread, with no event loop."""
    try:
        playing.send(None)
    except StopIteration:
        return
    playing.close()
    raise AssertionError("the blocking client awaited something")
