"""A caller that triggered the refresh goes away: nothing is lost, nobody else notices."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from signedin import AsyncClient
from signedin_sdk.models import Profile

from tests.auth.driving import Drive, Server, Waiters, Wire, kinds

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def colour(request: pytest.FixtureRequest) -> Any:
    """Threads cannot be cancelled."""
    return request.param


async def test_cancelling_the_leader_disturbs_no_waiter(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
    async with anyio.create_task_group() as tasks:
        leader = anyio.CancelScope()
        tasks.start_soon(_within, leader, client.users.get_profile)
        await drive.aside(waiters.wait_for)
        async with drive.under_way(client.users.get_profile, 9) as outcomes:
            await drive.aside(waiters.wait_for, 9)
            leader.cancel()
            await _settled()
            refresh.release()
    assert leader.cancelled_caught
    assert kinds(outcomes) == {Profile}
    assert server.ledger["rotations"] == 1


async def test_cancelling_a_waiter_disturbs_neither_the_leader_nor_other_waiters(
    drive: Drive, server: Server, client: Any
) -> None:
    server.expire_access_tokens()
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
    async with drive.under_way(client.users.get_profile, 5) as outcomes:
        await drive.aside(waiters.wait_for, 5)
        async with anyio.create_task_group() as doomed:
            for _ in range(5):
                doomed.start_soon(client.users.get_profile)
            await drive.aside(waiters.wait_for, 5)
            doomed.cancel_scope.cancel()
        refresh.release()
    assert kinds(outcomes) == {Profile}
    assert server.ledger["rotations"] == 1


async def test_when_all_callers_are_cancelled_the_pair_is_saved(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
    async with anyio.create_task_group() as doomed:
        for _ in range(20):
            doomed.start_soon(client.users.get_profile)
        await drive.aside(waiters.wait_for, 20)
        doomed.cancel_scope.cancel()
    refresh.release()
    await client.session.aclose()
    await drive(client.users.get_profile)
    assert server.ledger["rotations"] == server.ledger["refreshToken"] == 1
    assert server.is_live(client.session.tokens.refresh_token)


async def test_a_timeout_around_a_call_loses_nothing(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    refresh = server.hold("refreshToken")
    with anyio.move_on_after(0.02) as scope:
        await client.users.get_profile()
    assert scope.cancelled_caught
    refresh.release()
    await drive(client.users.get_profile)
    assert server.ledger["rotations"] == 1
    assert server.ledger["reused"] == 0


async def test_a_flow_closed_from_elsewhere_poisons_nothing(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    flow = client.http.auth.async_auth_flow(client.http.build_request("GET", "/things"))
    await anext(flow)
    await flow.aclose()
    await drive(client.users.get_profile)
    assert server.ledger["rotations"] == 1


def test_a_loop_that_ended_during_a_refresh_loses_nothing(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    client = _client(server)
    refresh = server.hold("refreshToken")

    async def main() -> None:
        task = asyncio.create_task(client.users.get_profile())
        await asyncio.to_thread(refresh.wait_for)
        task.cancel()

    asyncio.run(asyncio.wait_for(main(), 20))
    refresh.release()
    client.session.close()
    assert client.session.tokens is not None
    assert server.is_live(client.session.tokens.refresh_token)
    assert "exception calling callback" not in caplog.text  # its waiter has gone with it, quietly
    asyncio.run(_once(client))


async def _once(client: AsyncClient) -> None:
    await client.users.get_profile()
    await client.aclose()


def _client(server: Server) -> AsyncClient:
    client = AsyncClient(server.base_url, transport=Wire(server), clock=server.clock)
    client.session.sign_in(server.issue())
    server.expire_access_tokens()
    return client


async def _within(scope: anyio.CancelScope, call: Callable[[], Awaitable[object]]) -> None:
    with scope:
        await call()


async def _settled() -> None:
    for _ in range(10):
        await anyio.lowlevel.checkpoint()
