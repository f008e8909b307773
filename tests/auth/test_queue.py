"""Async requests wait for a connection in a queue of ours: no more go into httpx's pool than it has connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
from signedin import AsyncClient, BearerAuth, _queue
from signedin._queue import CONNECTIONS, Places

if TYPE_CHECKING:
    from signedin.testing import FakeAuthServer

    from tests.auth.driving import Drive

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("colour", ["asyncio", "trio"])]
LONG = 60.0  # seconds


class Crowded(httpx.AsyncBaseTransport):
    """Lets nobody out before it is told to, and says how many were in."""

    def __init__(self, server: FakeAuthServer) -> None:
        self._server = server
        self.inside, self.most, self.full, self.open = 0, 0, anyio.Event(), anyio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside >= CONNECTIONS:
            self.full.set()
        await self.open.wait()
        self.inside -= 1
        return await self._server.transport.handle_async_request(request)


async def test_no_more_requests_go_in_than_there_are_connections(drive: Drive, server: FakeAuthServer) -> None:
    crowd = Crowded(server)
    async with AsyncClient(server.base_url, refresh_transport=server.transport, clock=server.clock) as client:
        client.http._transport = crowd  # in place of httpx's own, which connects
        client.session.sign_in(server.issue())
        async with drive.under_way(client.for_profile("default").users.get_profile, CONNECTIONS + 50) as outcomes:
            await crowd.full.wait()
            await anyio.wait_all_tasks_blocked()
            assert crowd.inside == CONNECTIONS
            crowd.open.set()
    assert [outcome.email for outcome in outcomes] == ["ada@example.com"] * (CONNECTIONS + 50)
    assert crowd.most == CONNECTIONS


async def test_a_transport_of_ones_own_has_the_limits_that_it_sets_itself(drive: Drive, server: FakeAuthServer) -> None:
    crowd = Crowded(server)
    async with AsyncClient(
        server.base_url, transport=crowd, refresh_transport=server.transport, clock=server.clock
    ) as client:
        client.session.sign_in(server.issue())
        async with drive.under_way(client.users.get_profile, CONNECTIONS + 50) as outcomes:
            await crowd.full.wait()
            await anyio.wait_all_tasks_blocked()
            assert crowd.inside == CONNECTIONS + 50
            crowd.open.set()
    assert len(outcomes) == CONNECTIONS + 50


async def test_the_first_to_come_is_the_first_to_go() -> None:
    places, order = Places(1), list[int]()
    await places.take(LONG)

    async def one(number: int) -> None:
        await places.take(LONG)
        order.append(number)
        places.give_back()

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(one, number)
            await anyio.wait_all_tasks_blocked()
        places.give_back()
    assert order == [0, 1, 2, 3, 4]


async def test_who_waits_too_long_for_a_place_sends_nothing_and_leaves_the_queue(server: FakeAuthServer) -> None:
    places = Places(1)
    await places.take(LONG)
    async with AsyncClient(server.base_url, transport=server.transport, clock=server.clock) as client:
        client.session.sign_in(server.issue())
        client.http.auth = BearerAuth(client.session, places)
        with pytest.raises(httpx.PoolTimeout):
            await client.http.get("/users/profile", timeout=httpx.Timeout(LONG, pool=0.01))
        assert server.seen == []
        places.give_back()
        assert (await client.http.get("/users/profile")).status_code == 200


async def test_who_is_cancelled_in_the_queue_takes_no_place() -> None:
    places = Places(1)
    await places.take(LONG)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(places.take, LONG)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    places.give_back()
    assert await places.take(0.0)


async def test_who_is_cancelled_as_its_turn_comes_passes_the_place_on(monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places(1)
    await places.take(LONG)

    async def cancelled(*_: object) -> None:
        places.give_back()
        raise ZeroDivisionError

    monkeypatch.setattr(_queue, "until_done", cancelled)
    with pytest.raises(ZeroDivisionError):
        await places.take(LONG)
    assert await places.take(0.0)


async def test_a_flow_that_is_given_up_gives_its_place_back(server: FakeAuthServer) -> None:
    places = Places(1)
    async with AsyncClient(server.base_url, transport=server.transport, clock=server.clock) as client:
        client.session.sign_in(server.issue())
        request = client.http.build_request("GET", "/users/profile")
        flow = BearerAuth(client.session, places).async_auth_flow(request)
        await anext(flow)
        await flow.aclose()
    assert await places.take(0.0)


async def test_who_waits_for_a_refresh_holds_no_place(drive: Drive, server: FakeAuthServer) -> None:
    async with AsyncClient(server.base_url, transport=server.transport, clock=server.clock) as client:
        client.session.sign_in(server.issue())
        client.http.auth = BearerAuth(client.session, places := Places(1))
        server.expire_access_tokens()
        refresh = server.hold("refreshToken")
        async with drive.under_way(lambda: client.http.get("/users/profile"), 3) as outcomes:
            await drive.aside(refresh.wait_for)
            await anyio.wait_all_tasks_blocked()
            assert await places.take(0.0)
            places.give_back()
            refresh.release()
    assert [outcome.status_code for outcome in outcomes] == [200] * 3
    assert server.ledger["rotations"] == 1
