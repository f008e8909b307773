"""Many callers and few connections: who waits for a refresh keeps none."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest
from signedin import BearerAuth, Client, TokenPair
from signedin._connections import AsyncConnections, Connections
from signedin._network import ConnectionOptions
from signedin._tokens import claims_of
from signedin.testing import VirtualClock

from tests.auth.driving import PATIENCE, Waiters
from tests.servers import backend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signedin import TokenSession

    from tests.servers import Backend

CALLERS = 16
ACCOUNT = {"email": "ada@example.com", "password": "correct horse battery staple"}


class AfterTheCrowd(httpx.HTTPTransport):
    """Sends the refresh once all callers wait for it; some seconds later where they cannot."""

    waiters: Waiters
    met = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.waiters.wait_for(CALLERS)
        self.met = True
        return super().handle_request(request)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Backend, list[TokenPair]]]:
    """A backend, and pairs of which it takes the access token for expired: made by one whose tokens live a second."""
    folder = tmp_path_factory.mktemp("backend")
    with backend(folder, "--access-ttl", "1") as brief:
        said = [httpx.post(f"{brief.base_url}/auth/register", json=ACCOUNT)]
        said += [httpx.post(f"{brief.base_url}/auth/login", json=ACCOUNT) for _ in range(3)]
        pairs = [TokenPair(answer.json()["accessToken"], answer.json()["refreshToken"]) for answer in said]
    with backend(folder, "--ledger") as server:
        headers = {"authorization": f"Bearer {pairs[-1].access_token}"}
        end = time.monotonic() + 30
        while httpx.get(f"{server.base_url}/users/profile", headers=headers).status_code != 401:
            assert time.monotonic() < end
        yield server, pairs


@pytest.fixture
def server(pairs: tuple[Backend, list[TokenPair]]) -> Backend:
    return pairs[0]


@pytest.fixture
def crowd() -> AfterTheCrowd:
    return AfterTheCrowd()


@pytest.fixture
def session(
    pairs: tuple[Backend, list[TokenPair]], crowd: AfterTheCrowd, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TokenSession]:
    """A session that takes its token for fresh: its clock stood still when that was made."""
    server, left = pairs
    pair = left.pop()
    issued = claims_of(pair.access_token).iat
    assert issued is not None
    with Client(server.base_url, refresh_transport=crowd, clock=VirtualClock(issued)) as client:
        client.session.sign_in(pair)
        crowd.waiters = Waiters(client.session, monkeypatch)
        yield client.session


def refreshes(server: Backend) -> int:
    count: int = httpx.get(f"{server.base_url}/__ledger__").json()["refreshes"]
    return count


@pytest.mark.parametrize("connections", [1, 2])
def test_threads_that_wait_for_a_refresh_keep_no_connection(
    server: Backend, session: TokenSession, crowd: AfterTheCrowd, connections: int
) -> None:
    before = refreshes(server)
    with (
        httpx.Client(
            auth=BearerAuth(session),
            transport=Connections(_few(connections)),
            timeout=2 * PATIENCE,
        ) as client,
        ThreadPoolExecutor(CALLERS) as pool,
    ):
        calls = [pool.submit(client.get, f"{server.base_url}/users/profile") for _ in range(CALLERS)]
        assert [call.result(3 * PATIENCE).status_code for call in calls] == [200] * CALLERS
    assert crowd.met
    assert refreshes(server) == before + 1


@pytest.mark.parametrize("connections", [1, 2])
def test_tasks_that_wait_for_a_refresh_keep_no_connection(
    server: Backend, session: TokenSession, crowd: AfterTheCrowd, connections: int
) -> None:
    before = refreshes(server)

    async def call_all() -> list[int]:
        async with httpx.AsyncClient(
            auth=BearerAuth(session),
            transport=AsyncConnections(_few(connections)),
            timeout=2 * PATIENCE,
        ) as client:
            calls = (client.get(f"{server.base_url}/users/profile") for _ in range(CALLERS))
            return [answer.status_code for answer in await asyncio.gather(*calls)]

    assert asyncio.run(call_all()) == [200] * CALLERS
    assert crowd.met
    assert refreshes(server) == before + 1


def _few(connections: int) -> ConnectionOptions:
    return ConnectionOptions(limits=httpx.Limits(max_connections=connections))
