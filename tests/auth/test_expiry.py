"""An access token expires while requests are under way: one refresh, however many wait, and a replay for each."""

import contextlib
from typing import Any, cast

import httpx
import pytest
from signedin import (
    AsyncClient,
    Client,
    FreshTokenRejectedError,
    NotSignedInError,
    RefreshUnavailableError,
    SessionExpiredError,
    Timing,
    UnauthorizedError,
)
from signedin.testing import FakeAuthServer
from signedin_sdk.models import Profile

from tests.auth.driving import Drive, Server, Waiters, kinds
from tests.auth.loopback import loopback

pytestmark = pytest.mark.anyio


async def test_an_expired_token_is_refreshed_and_the_request_replayed(
    drive: Drive, server: Server, client: Any
) -> None:
    old = client.session.tokens
    server.expire_access_tokens()
    await drive(client.users.get_profile)
    assert server.seen == ["getProfile", "refreshToken", "getProfile"]
    assert client.session.tokens.access_token not in {old.access_token, ""}
    assert "authorization" not in client.wire.refreshes[0].headers


async def test_fifty_refused_at_once_share_one_refresh(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    gate = server.hold("getProfile")
    async with drive.under_way(client.users.get_profile, 50) as outcomes:
        await drive.aside(gate.wait_for, 50)  # all of them carry the old token
        gate.release()
    assert kinds(outcomes) == {Profile}
    assert server.ledger["expired"] == server.ledger["accepted"] == 50
    assert server.ledger["refreshToken"] == server.ledger["rotations"] == 1


@pytest.mark.parametrize(("faults", "error"), [(["401"], SessionExpiredError), (["500"] * 3, RefreshUnavailableError)])
async def test_one_failed_refresh_is_one_failure_for_all_its_waiters(
    drive: Drive, server: Server, faults: list[str], error: type[Exception], client: Any
) -> None:
    server.expire_access_tokens()
    server.fail("refreshToken", *faults)
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
    async with drive.under_way(client.users.get_profile, 50) as outcomes:
        await drive.aside(waiters.wait_for, 50)
        refresh.release()
    assert len(outcomes) == 50
    assert kinds(outcomes) == {error}
    assert len({id(outcome) for outcome in outcomes}) == 50  # an exception of one's own each
    assert client.session.is_signed_in is (error is RefreshUnavailableError)
    assert server.ledger["refreshToken"] == len(faults)  # one flight's sendings, not fifty flights'


@pytest.mark.parametrize("fault", ["401", "401 html", "401 empty", "403", "500", "404"])
async def test_only_the_declared_signal_causes_a_refresh(drive: Drive, server: Server, fault: str, client: Any) -> None:
    server.fail("echo", fault)
    answer = await drive(client.http.get, "/things")
    assert answer.status_code == int(fault[:3])
    assert server.seen == ["echo"]


async def test_a_server_that_says_expired_for_ever_gets_one_replay(drive: Drive, server: Server, client: Any) -> None:
    server.fail("getProfile", "401 expired", "401 expired", "401 expired")
    with pytest.raises(UnauthorizedError, match="TokenExpiredError"):
        await drive(client.users.get_profile)
    assert server.seen == ["getProfile", "refreshToken", "getProfile"]


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_request_whose_tokens_end_on_their_way_is_replayed_twice_at_most(
    drive: Drive, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    server = FakeAuthServer(access_ttl=2)
    async with drive.client(server) as client:
        late, arrived = ["/users/profile"] * times, client.wire._arrived

        def slowly(request: httpx.Request, content: bytes) -> httpx.Request:
            if late and request.url.path.endswith(late[-1]):
                late.pop()
                server.clock.advance(2.5)  # longer than the token lives
            return cast("httpx.Request", arrived(request, content))

        monkeypatch.setattr(client.wire, "_arrived", slowly)
        with pytest.raises(UnauthorizedError) if times == 3 else contextlib.nullcontext():
            await drive(client.users.get_profile)
        assert server.seen == ["getProfile", *["refreshToken", "getProfile"] * min(times, 2)]
        await drive(client.users.get_profile)
        assert server.ledger["reused"] == 0


async def test_over_several_requests_the_loop_is_stopped(drive: Drive, server: Server, client: Any) -> None:
    server.fail("getProfile", *["401 expired"] * 100)
    raised = []
    for _ in range(10):
        with pytest.raises((UnauthorizedError, FreshTokenRejectedError)) as error:
            await drive(client.users.get_profile)
        raised.append(error.type)
    assert raised[0] is UnauthorizedError
    assert raised[-1] is FreshTokenRejectedError
    assert server.ledger["refreshToken"] == 5
    assert client.session.is_signed_in


async def test_ten_at_a_time_against_a_server_that_says_expired_for_ever_do_not_loop(
    drive: Drive, server: Server, client: Any
) -> None:
    server.fail("getProfile", *["401 expired"] * 100)
    for _ in range(4):
        outcomes = await drive.outcomes(client.users.get_profile, 10)
        assert kinds(outcomes) <= {UnauthorizedError, FreshTokenRejectedError}
    assert server.ledger["refreshToken"] <= 5
    assert server.ledger["getProfile"] <= 80


async def test_a_gateway_that_fails_in_between_does_not_hide_the_loop(
    drive: Drive, server: Server, client: Any
) -> None:
    server.fail("echo", *["401 expired", "401 expired", "502 html"] * 40)
    for _ in range(60):
        with contextlib.suppress(FreshTokenRejectedError):
            await drive(client.http.get, "/things")
    assert server.ledger["refreshToken"] == 5


async def test_the_stopped_loop_says_how_far_the_clocks_are_apart(drive: Drive, server: Server) -> None:
    server.skew = 600.0
    async with drive.client(server) as client:
        server.fail("getProfile", *["401 expired"] * 100)
        for _ in range(5):
            with pytest.raises(UnauthorizedError):
                await drive(client.users.get_profile)
        with pytest.raises(FreshTokenRejectedError, match=r"\+60\d\.\d s") as error:
            await drive(client.users.get_profile)
        assert error.value.clock_offset is not None
        assert error.value.clock_offset.total_seconds() == pytest.approx(600, abs=1.1)


async def test_the_loop_breaker_lets_go_after_its_window(drive: Drive, server: Server, client: Any) -> None:
    server.fail("getProfile", *["401 expired"] * 11)
    for _ in range(5):
        with pytest.raises(UnauthorizedError):
            await drive(client.users.get_profile)
    with pytest.raises(FreshTokenRejectedError):
        await drive(client.users.get_profile)
    server.clock.advance(31)
    await drive(client.users.get_profile)
    assert server.ledger["refreshToken"] == 6


async def test_a_token_accepted_at_last_may_be_refreshed_at_once(drive: Drive, server: Server, client: Any) -> None:
    server.fail("getProfile", *["401 expired"] * 10)
    for _ in range(5):
        with pytest.raises(UnauthorizedError):
            await drive(client.users.get_profile)
    await drive(client.users.get_profile)
    server.expire_access_tokens()
    await drive(client.users.get_profile)
    server.fail("getProfile", *["401 expired"] * 3)  # and what was refused before counts no more
    with pytest.raises(UnauthorizedError):
        await drive(client.users.get_profile)
    await drive(client.users.get_profile)
    assert server.ledger["refreshToken"] == 8


async def test_refreshes_that_were_earned_do_not_count_towards_a_loop(
    drive: Drive, server: Server, client: Any
) -> None:
    for _ in range(6):
        server.expire_access_tokens()
        await drive(client.users.get_profile)
    server.fail("getProfile", *["401 expired"] * 4)
    for _ in range(2):
        with pytest.raises(UnauthorizedError):
            await drive(client.users.get_profile)
    assert server.ledger["refreshToken"] == 8


async def test_signing_in_resets_the_loop_breaker(drive: Drive, server: Server, client: Any) -> None:
    server.fail("getProfile", *["401 expired"] * 11)
    for _ in range(5):
        with pytest.raises(UnauthorizedError):
            await drive(client.users.get_profile)
    client.session.sign_in(server.issue())
    await drive(client.users.get_profile)
    assert server.ledger["refreshToken"] == 6


async def test_late_401_does_not_refresh_again(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    gate = server.hold("echo")
    async with drive.under_way(lambda: client.http.get("/late")) as late:
        await drive.aside(gate.wait_for)  # under way with the old token
        await drive(client.users.get_profile)  # which is refused and replaced meanwhile
        assert server.ledger["rotations"] == 1
        gate.release()
    assert [answer.status_code for answer in late] == [200]
    assert server.ledger["rotations"] == server.ledger["refreshToken"] == 1
    assert server.ledger["expired"] == 2


async def test_a_refresh_answered_token_expired_does_not_wait_for_itself(
    drive: Drive, server: Server, client: Any
) -> None:
    server.expire_access_tokens()
    server.fail("refreshToken", "401 expired")
    outcomes = await drive.outcomes(client.users.get_profile, 10)
    assert kinds(outcomes) == {SessionExpiredError}
    assert server.ledger["refreshToken"] == 1


async def test_the_refresh_operation_called_by_hand_is_not_refreshed(drive: Drive, server: Server, client: Any) -> None:
    server.fail("refreshToken", "401 expired")
    with pytest.raises(UnauthorizedError):
        await drive(client.auth.refresh_token, refresh_token=client.session.tokens.refresh_token)
    assert server.seen == ["refreshToken"]
    assert client.session.is_signed_in


async def test_a_waiter_ends_within_its_patience_and_the_refresh_goes_on(
    drive: Drive, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    timing = Timing(waiter=0.5)
    monkeypatch.setattr(Timing, "checked", lambda bounds: bounds)  # it would refuse a waiter shorter than a flight
    async with drive.client(server, timing=timing) as client:
        server.expire_access_tokens()
        refresh = server.hold("refreshToken")
        with pytest.raises(RefreshUnavailableError, match="goes on"):
            await drive(client.users.get_profile)
        await drive.aside(refresh.wait_for)
        refresh.release()
        await drive.close(client.session)
        await drive(client.users.get_profile)
        assert server.ledger["rotations"] == 1


async def test_renewing_without_a_pair_is_not_signed_in(drive: Drive, server: Server) -> None:
    async with drive.client(server, signed_in=False) as client:
        with pytest.raises(NotSignedInError):
            await drive.refresh(client.session)
        assert server.ledger["refreshToken"] == 0


async def test_a_crowd_that_waits_for_a_refresh_keeps_no_connection(drive: Drive) -> None:
    # On a real socket: with one connection for all of them, whoever kept it would wait for ever, the replay too.
    with loopback() as served:
        kind: Any = AsyncClient if drive.is_async else Client
        client = kind(served.base_url, limits=httpx.Limits(max_connections=1))
        client.session.sign_in(served.fake.issue())
        served.fake.expire_access_tokens()
        refresh, waiters = served.fake.hold("refreshToken"), Waiters(client.session)
        async with drive.under_way(client.users.get_profile, 16) as outcomes:
            await drive.aside(waiters.wait_for, 16)
            refresh.release()
        assert kinds(outcomes) == {Profile}
        assert served.fake.ledger["rotations"] == 1
        await drive.close(client)
