"""A token near its end is replaced before it is sent, by clocks that are wrong, jump, or say nothing at all."""

import threading
from typing import Any

import pytest
from signedin import (
    Client,
    ConfigurationError,
    MemoryStore,
    RefreshUnavailableError,
    TokenPair,
    UnauthorizedError,
)
from signedin.session import renewal_of
from signedin.testing import FakeAuthServer, VirtualClock

from tests.auth.driving import Drive, Server, Waiters, jwt, kinds, signed_in

pytestmark = pytest.mark.anyio


async def test_in_the_soft_window_nobody_waits_for_the_refresh(drive: Drive, server: Server, client: Any) -> None:
    server.clock.advance(280)
    refresh = server.hold("refreshToken")
    await drive(client.users.get_profile)  # served by the old token while the refresh hangs
    await drive.aside(refresh.wait_for)
    outcomes = await drive.outcomes(client.users.get_profile, 10)
    assert len(outcomes) == 10
    assert server.ledger["accepted"] == 11
    assert server.ledger["refreshToken"] == 1
    refresh.release()
    await drive.close(client.session)
    await drive(client.users.get_profile)
    assert server.ledger["rotations"] == 1
    assert server.ledger["expired"] == 0


async def test_in_the_hard_window_callers_wait(drive: Drive, server: Server, client: Any) -> None:
    server.clock.advance(296)
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
    async with drive.under_way(client.users.get_profile, 5) as outcomes:
        await drive.aside(waiters.wait_for, 5)
        assert server.ledger["getProfile"] == 0
        refresh.release()
    assert len(outcomes) == 5
    assert server.ledger["expired"] == 0
    assert server.ledger["rotations"] == 1


async def test_calls_over_many_short_lives_waste_no_round_trip(drive: Drive) -> None:
    server = FakeAuthServer(access_ttl=2)
    async with drive.client(server) as client:
        for _ in range(100):
            server.clock.advance(0.16)
            await drive(client.users.get_profile)
        await drive.close(client.session)
        assert server.ledger["expired"] == 0
        assert server.ledger["accepted"] == server.ledger["getProfile"] == 100
        assert 6 <= server.ledger["rotations"] <= 16  # 16 s of lives of 2 s
        assert server.ledger["reused"] == 0


async def test_a_failed_background_refresh_is_nobodys_trouble_while_the_token_lives(
    drive: Drive, server: Server, client: Any
) -> None:
    failed = threading.Event()
    client.session.on("refresh_failed", lambda _: failed.set())
    server.clock.advance(280)
    server.fail("refreshToken", "500", "500", "500")
    await drive(client.users.get_profile)
    assert await drive.aside(failed.wait, 10)
    assert client.session.explain()["last_failure"] == "RefreshUnavailableError"
    await drive(client.users.get_profile)
    assert client.session.explain()["refresh_under_way"] is False  # it rests first
    await drive.close(client.session)
    assert server.ledger["accepted"] == 2
    assert server.ledger["refreshToken"] == 3


async def test_during_an_outage_attempts_do_not_depend_on_the_number_of_callers(
    drive: Drive, server: Server, client: Any
) -> None:
    server.clock.advance(290)
    refresh = server.hold("refreshToken")
    server.fail("refreshToken", "busy for an hour")
    await drive(client.users.get_profile)
    await drive.aside(refresh.wait_for)
    refresh.release()
    await drive.close(client.session)
    await drive.outcomes(client.users.get_profile, 50)  # still usable, and the server wants to be left alone
    assert server.ledger["refreshToken"] == 1
    server.clock.advance(10)
    outcomes = await drive.outcomes(client.users.get_profile, 50)
    assert kinds(outcomes) == {RefreshUnavailableError}
    assert server.ledger["refreshToken"] == 1
    server.clock.advance(3600)
    await drive(client.users.get_profile)


@pytest.mark.parametrize("skew", [600.0, -86_400.0])
async def test_a_clock_that_is_wrong_causes_one_extra_refresh_at_most(
    drive: Drive, server: Server, skew: float
) -> None:
    server.skew = skew
    async with drive.client(server, signed_in=False) as client:
        await drive(client.auth.login, email="ada@example.com", password="correct horse battery staple")
        for _ in range(40):
            server.clock.advance(30)
            await drive(client.users.get_profile)
            await drive.close(client.session)
        assert server.ledger["expired"] == 0
        assert 3 <= server.ledger["rotations"] <= 6  # 1,200 s of lives of 300 s


@pytest.mark.parametrize("skew", [600.0, -600.0])
async def test_a_pair_from_elsewhere_by_another_clock_settles_after_one_refresh(
    drive: Drive, server: Server, skew: float
) -> None:
    server.skew = skew
    async with drive.client(server) as client:  # sign_in(pair) knows nothing of the server's clock
        for _ in range(50):
            await drive(client.users.get_profile)
        await drive.close(client.session)
        assert server.ledger["rotations"] <= 1
        assert server.ledger["accepted"] == 50


@pytest.mark.parametrize("learned", ["by a refresh", "by signing in"])
async def test_a_host_trusts_its_own_idea_of_the_time_over_anothers(drive: Drive, server: Server, learned: str) -> None:
    store, fast = MemoryStore(), VirtualClock(server.clock.wall() + 600)
    async with (
        drive.client(server, store=store) as here,
        drive.client(server, store=store, signed_in=False, clock=fast) as there,
    ):
        if learned == "by signing in":
            await drive(there.auth.login, email="ada@example.com", password="correct horse battery staple")
        else:
            await drive(there.users.get_profile)
        refreshed = server.ledger["rotations"]
        here_refreshes = here.session.arefresh if drive.is_async else here.session.refresh
        while server.ledger["rotations"] == refreshed:  # the first may adopt what is there
            await drive(here_refreshes)
        await drive.refresh(there.session)
        assert there.session.tokens == here.session.tokens
        assert server.ledger["rotations"] == refreshed + 1


@pytest.mark.parametrize("jump", [900.0, -900.0, 86_400.0])
async def test_a_clock_that_jumps_in_mid_life_causes_no_refresh(
    drive: Drive, server: Server, jump: float, client: Any
) -> None:
    await drive(client.users.get_profile)
    server.clock.jump(jump)
    server.skew -= jump  # the server's own clock did not
    for _ in range(10):
        await drive(client.users.get_profile)
    assert server.ledger["refreshToken"] == 0
    server.clock.advance(301)
    for _ in range(10):
        await drive(client.users.get_profile)
        await drive.close(client.session)
    assert server.ledger["rotations"] == 1
    assert server.ledger["expired"] == 0


@pytest.mark.parametrize("jump", [400.0, -400.0])
async def test_a_clock_that_jumps_after_the_server_told_the_time_refreshes_no_pair_of_another_host(
    drive: Drive, server: Server, jump: float
) -> None:
    store, apart = MemoryStore(), VirtualClock(server.clock.wall())
    async with (
        drive.client(server, store=store) as here,
        drive.client(server, store=store, signed_in=False, clock=apart) as there,
    ):
        for clock in (server.clock, apart):
            clock.advance(300)
        await drive(there.users.get_profile)  # refreshes, and learns the server's time
        await drive(here.users.get_profile)
        apart.jump(jump)
        for clock in (server.clock, apart):
            clock.advance(300)
        await drive(here.users.get_profile)
        await drive(there.users.get_profile)  # adopts what the other has refreshed just now
        assert server.ledger["rotations"] == 2
        assert server.ledger["expired"] == 0
        assert there.session.explain()["clock_offset"] == pytest.approx(-jump, abs=1)


async def test_late_401_with_an_identical_token_does_not_refresh_again(drive: Drive) -> None:
    server = FakeAuthServer(identical=True)
    async with drive.client(server) as client:
        server.fail("getProfile", "401 expired")
        server.fail("echo", "401 expired")
        gate = server.hold("echo")
        async with drive.under_way(lambda: client.http.get("/late")) as late:
            await drive.aside(gate.wait_for)
            await drive(client.users.get_profile)  # which is refused and replaced meanwhile, by the same letters
            assert server.ledger["rotations"] == 1
            gate.release()
        assert [answer.status_code for answer in late] == [200]
        assert server.ledger["rotations"] == server.ledger["refreshToken"] == 1


async def test_an_opaque_token_is_refreshed_when_the_server_says_so(drive: Drive, server: Server) -> None:
    async with drive.client(server, signed_in=False) as client:
        client.session.sign_in(TokenPair("opaque", server.issue().refresh_token))
        assert client.session.tokens.expires_at is None
        server.fail("getProfile", "401 expired")
        server.clock.advance(10_000)
        await drive(client.users.get_profile)
        assert server.seen == ["getProfile", "refreshToken", "getProfile"]


async def test_a_token_without_iat_still_has_windows(drive: Drive, server: Server) -> None:
    async with drive.client(server, signed_in=False) as client:
        pair = server.issue()
        token = jwt({"exp": int(server.now()) + 300, "sub": "ada@example.com"})
        client.session.sign_in(TokenPair(token, pair.refresh_token))
        server.clock.advance(299)
        await drive(client.users.get_profile)
        assert server.seen == ["refreshToken", "getProfile"]


async def test_a_short_lived_token_without_iat_is_not_refreshed_all_the_time(drive: Drive, server: Server) -> None:
    async with drive.client(server, signed_in=False) as client:
        token = jwt({"exp": int(server.now()) + 45, "sub": "ada@example.com"})
        client.session.sign_in(TokenPair(token, server.issue().refresh_token))
        await drive(client.http.get, "/things")
        await drive.close(client.session)
        assert server.ledger["refreshToken"] == 0
        server.clock.advance(40)  # a fifth of its life is left
        await drive(client.http.get, "/things")
        await drive.close(client.session)
        assert server.ledger["refreshToken"] == 1


@pytest.mark.parametrize("colour", ["threads"])
@pytest.mark.parametrize("exp", ["soon", None, True, [], {}, -1, 10**30, 10**400, "NaN"])
async def test_a_token_with_nonsense_for_exp_counts_as_opaque(drive: Drive, server: Server, exp: object) -> None:
    async with drive.client(server, signed_in=False) as client:
        client.session.sign_in(TokenPair(jwt({"exp": exp}), server.issue().refresh_token))
        assert client.session.tokens.expires_at is None
        server.fail("getProfile", "401 expired")
        await drive(client.users.get_profile)
        assert server.ledger["rotations"] == 1


async def test_a_token_that_arrives_expired_is_sent_all_the_same(drive: Drive, server: Server, client: Any) -> None:
    # The server says that it is good, so the clocks are wrong; refreshing before each request would never end.
    server.expire_access_tokens()
    server.access_ttl = -10
    for _ in range(3):
        outcomes = await drive.outcomes(client.users.get_profile, 1)
        assert outcomes
    assert server.ledger["refreshToken"] <= 3
    assert server.ledger["getProfile"] >= 3


async def test_a_late_refusal_is_answered_by_no_pair_that_is_past_its_end_too(drive: Drive, server: Server) -> None:
    # With BearerAuth alone: our own clients would hold the replay back.
    async with drive.client(server) as client, drive.bare(client.session, server) as bare:
        server.fail("echo", "401 expired")
        gate = server.hold("echo")
        async with drive.under_way(lambda: bare.get("/late")) as late:
            await drive.aside(gate.wait_for)
            for _ in range(2):
                server.clock.advance(301)
                await drive(client.users.get_profile)
            server.clock.advance(301)  # the pair that replaced the refused one has ended meanwhile
            gate.release()
        assert [answer.status_code for answer in late] == [200]
        assert (server.ledger["echo"], server.ledger["rotations"]) == (2, 3)
        assert server.ledger["reused"] == 0


async def test_in_the_soft_window_a_loop_is_no_trouble_for_a_usable_token(drive: Drive) -> None:
    server = FakeAuthServer(access_ttl=10)
    async with drive.client(server) as client:
        server.fail("getProfile", *["401 expired"] * 10)
        for _ in range(5):
            with pytest.raises(UnauthorizedError):
                await drive(client.users.get_profile)
        server.clock.advance(8.9)  # soft, not hard; the server has refused five tokens in a row
        await drive(client.users.get_profile)
        await drive.close(client.session)
        assert server.ledger["rotations"] == 5


async def test_tokens_of_a_second_cost_one_refresh_a_second_and_no_round_trip_in_vain(drive: Drive) -> None:
    server = FakeAuthServer(access_ttl=1)  # which cuts `iat` and `exp` to whole seconds: sooner there is no later end
    async with drive.client(server) as client:
        for _ in range(80):
            await drive(client.users.get_profile)
            server.clock.advance(0.05)
        await drive.close(client.session)
        assert server.ledger["rotations"] <= 4 + 1
        assert server.ledger["expired"] == 0


async def test_a_refused_token_is_not_sent_again_while_its_refresh_is_under_way(
    drive: Drive, server: Server, client: Any
) -> None:
    server.expire_access_tokens()
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
    async with drive.under_way(client.users.get_profile):
        await drive.aside(waiters.wait_for)  # the first has been refused
        async with drive.under_way(client.users.get_profile, 20):
            await drive.aside(waiters.wait_for, 20)
            refresh.release()
    assert server.ledger["expired"] == 1
    assert server.ledger["accepted"] == 21


async def test_a_token_that_is_refreshed_by_hand_serves_meanwhile(drive: Drive, server: Server, client: Any) -> None:
    refresh = server.hold("refreshToken")
    async with drive.under_way(client.session.arefresh if drive.is_async else client.session.refresh):
        await drive.aside(refresh.wait_for)
        await drive(client.users.get_profile)
        refresh.release()
    assert server.ledger["rotations"] == 1


async def test_a_refused_token_is_not_sent_again_after_a_refresh_that_failed(
    drive: Drive, server: Server, client: Any
) -> None:
    server.expire_access_tokens()
    server.fail("refreshToken", *["500"] * 4)
    with pytest.raises(RefreshUnavailableError):
        await drive(client.users.get_profile)
    await drive(client.users.get_profile)
    assert server.ledger["expired"] == 1


def test_a_forked_child_refreshes_no_pair_of_a_store_that_it_does_not_share(server: Server) -> None:
    # A store of the user's own may be private, and not look at the process as MemoryStore does.
    with signed_in(server) as client:
        renewal_of(client.session).after_fork()
        with pytest.raises(ConfigurationError, match="forked"):
            client.session.refresh()
        client.session.sign_in(server.issue())
        client.session.refresh()
        assert server.ledger["refreshToken"] == 1


def test_a_forked_child_draws_a_soft_window_of_its_own(server: Server) -> None:
    with Client(server.base_url, transport=server.transport, clock=server.clock) as client:
        windows = renewal_of(client.session).windows
        windows.spread = 2.0  # which no draw gives

        renewal_of(client.session).after_fork()

        assert windows.spread != 2.0
