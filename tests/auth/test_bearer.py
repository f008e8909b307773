"""Signing in, calling, signing out: what is sent and what is stored."""

import threading
from typing import Any

import pytest
from signedin import ForbiddenError, MemoryStore, NotSignedInError, Stored, TokenPair

from tests.auth.driving import Drive, Server

pytestmark = pytest.mark.anyio

ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}


async def test_every_request_carries_the_bearer(drive: Drive, client: Any) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert (await drive(client.http.request, method, "/things")).json()["method"] == method
    await drive(client.users.get_profile)
    bearer = f"Bearer {client.session.tokens.access_token}"
    assert [request.headers["authorization"] for request in client.wire.requests] == [bearer] * 6


@pytest.mark.parametrize("operation", ["register", "login"])
async def test_register_and_login_store_the_pair_that_they_return(drive: Drive, server: Server, operation: str) -> None:
    async with drive.client(server, signed_in=False) as client:
        assert not client.session.is_signed_in
        email = "new@example.com" if operation == "register" else ADA["email"]
        answer = await drive(getattr(client.auth, operation), email=email, password=ADA["password"])
        pair = TokenPair(answer.access_token, answer.refresh_token)
        assert client.session.tokens == pair
        assert (await drive(client.users.get_profile)).email == email


@pytest.mark.parametrize("operation", ["register", "login"])
async def test_signing_in_sends_no_old_token(drive: Drive, server: Server, operation: str, client: Any) -> None:
    server.revoke_all()
    server.clock.advance(301)
    email = "new@example.com" if operation == "register" else ADA["email"]
    await drive(getattr(client.auth, operation), email=email, password=ADA["password"])
    assert "authorization" not in client.wire.requests[0].headers
    assert server.ledger["refreshToken"] == 0
    await drive(client.users.get_profile)


async def test_a_second_login_revokes_the_pair_of_the_first(drive: Drive, server: Server, client: Any) -> None:
    first = client.session.tokens
    await drive(client.auth.login, email="ada@example.com", password="correct horse battery staple")
    second = client.session.tokens
    await drive.close(client.session)
    assert (server.is_live(first.refresh_token), server.is_live(second.refresh_token)) == (False, True)


async def test_a_pair_that_is_replaced_by_hand_is_not_revoked(drive: Drive, server: Server, client: Any) -> None:
    first = client.session.tokens
    await drive(client.session.asign_in if drive.is_async else client.session.sign_in, server.issue())
    await drive.close(client.session)
    assert server.is_live(first.refresh_token)


async def test_a_refused_login_leaves_the_session_as_it_was(drive: Drive, client: Any) -> None:
    before = client.session.tokens
    with pytest.raises(ForbiddenError):
        await drive(client.auth.login, email=ADA["email"], password="wrong")
    assert client.session.tokens == before


async def test_logout_clears_the_pair_and_revokes_it_at_the_server(drive: Drive, server: Server, client: Any) -> None:
    pair = client.session.tokens
    await drive(client.logout)
    assert not client.session.is_signed_in
    assert not server.is_live(pair.refresh_token)
    with pytest.raises(NotSignedInError):
        await drive(client.users.get_profile)
    assert server.ledger["getProfile"] == 0


async def test_logging_out_twice_is_fine(drive: Drive, server: Server, client: Any) -> None:
    await drive(client.logout)
    await drive(client.logout)
    assert server.ledger["logout"] == 1


async def test_a_call_without_a_session_asks_to_sign_in(drive: Drive, server: Server) -> None:
    async with drive.client(server, signed_in=False) as client:
        with pytest.raises(NotSignedInError, match="Sign in"):
            await drive(client.users.get_profile)
        assert client.wire.requests == []


class Watched(MemoryStore):
    """A store that knows in which threads it was used."""

    def __init__(self) -> None:
        super().__init__()
        self.used_in: set[threading.Thread] = set()

    def load(self, key: str) -> Stored | None:
        self.used_in.add(threading.current_thread())
        return super().load(key)

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        self.used_in.add(threading.current_thread())
        return super().compare_and_set(key, expected_revision, data)


async def test_no_call_uses_the_store_in_the_thread_of_the_event_loop(drive: Drive, server: Server) -> None:
    store = Watched()
    async with drive.client(server, signed_in=False, store=store) as client:
        pair = await drive(client.auth.login, **ADA)
        server.clock.advance(250)  # near its end, where the session asks the store what it has
        pair = await drive(client.auth.refresh_token, refresh_token=pair.refresh_token)
        server.clock.advance(250)
        await drive(client.auth.logout, refresh_token=pair.refresh_token)
        assert client.session.tokens is None
        await drive(client.auth.login, **ADA)
        await drive(client.logout)
        assert store.used_in
        assert threading.current_thread() not in store.used_in


async def test_without_a_thread_to_be_had_signing_in_and_out_and_closing_are_done_all_the_same(
    drive: Drive, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with drive.client(server, signed_in=False) as client:
        with monkeypatch.context() as context:
            context.setattr(threading.Thread, "start", refuse)
            await client.session.asign_in(server.issue())
            assert client.session.is_signed_in
            await client.session.asign_out()
            assert not client.session.is_signed_in
            assert server.ledger["logout"] == 1
            await client.session.aclose()


@pytest.mark.parametrize("age", [0, 400])
async def test_refresh_on_demand_returns_the_new_pair(drive: Drive, server: Server, age: int, client: Any) -> None:
    before = client.session.tokens
    server.clock.advance(age)
    pair = await drive.refresh(client.session)
    assert pair == client.session.tokens != before
    assert server.ledger["rotations"] == 1
