"""One session under many hands: both kinds of client, several loops, threads, profiles, foreign httpx clients."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import trio
from signedin import AsyncClient, Client, ConfigurationError, NotSignedInError

from tests.auth.driving import Drive, Server, Waiters, Wire, signed_in

PARTIES = 10


def _sharing(server: Server, client: Client) -> AsyncClient:
    return AsyncClient(session=client.session, transport=Wire(server), clock=server.clock)


def test_threads_asyncio_and_trio_share_one_refresh(server: Server) -> None:
    client = signed_in(server)
    server.expire_access_tokens()
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)

    async def in_asyncio() -> int:
        async with _sharing(server, client) as mine:
            return len(await asyncio.gather(*(mine.users.get_profile() for _ in range(PARTIES))))

    async def in_trio() -> int:
        profiles = []
        async with _sharing(server, client) as mine:

            async def one() -> None:
                profiles.append(await mine.users.get_profile())

            async with trio.open_nursery() as nursery:
                for _ in range(PARTIES):
                    nursery.start_soon(one)
        return len(profiles)

    with ThreadPoolExecutor(PARTIES + 4) as pool:
        loops = [pool.submit(lambda: asyncio.run(in_asyncio())) for _ in range(2)]
        loops += [pool.submit(lambda: trio.run(in_trio)) for _ in range(2)]
        plain = [pool.submit(client.users.get_profile) for _ in range(PARTIES)]
        waiters.wait_for(5 * PARTIES)  # two loops of each kind, and the threads
        refresh.release()
        assert [loop.result(20) for loop in loops] == [PARTIES] * 4
        assert {profile.result(20).email for profile in plain} == {"ada@example.com"}
    assert server.ledger["rotations"] == server.ledger["refreshToken"] == 1
    assert server.ledger["accepted"] == 5 * PARTIES


@pytest.mark.anyio
async def test_a_profile_is_another_session_on_the_same_pool(drive: Drive, server: Server, client: Any) -> None:
    other = client.for_profile("eve")
    assert other._shared.connections is client._shared.connections
    assert client.for_profile("eve").session is other.session
    with pytest.raises(NotSignedInError):
        await drive(other.users.get_profile)
    other.session.sign_in(server.issue("eve@example.com"))
    assert (await drive(other.users.get_profile)).email == "eve@example.com"
    assert (await drive(client.users.get_profile)).email == "ada@example.com"
    await drive(other.logout)
    assert (await drive(client.users.get_profile)).email == "ada@example.com"


@pytest.mark.anyio
async def test_profiles_refresh_apart(drive: Drive, server: Server, client: Any) -> None:
    other = client.for_profile("eve")
    other.session.sign_in(server.issue("eve@example.com"))
    server.expire_access_tokens()
    server.fail("refreshToken", "401")
    with pytest.raises(Exception, match="expired"):
        await drive(client.users.get_profile)
    assert (await drive(other.users.get_profile)).email == "eve@example.com"
    assert not client.session.is_signed_in


@pytest.mark.parametrize("name", ["", "a\nb", "\0"])
def test_a_profile_needs_a_printable_name(server: Server, name: str) -> None:
    with pytest.raises(ConfigurationError, match="printable"):
        signed_in(server).for_profile(name)


def test_a_profile_asked_for_by_many_threads_is_one_session(server: Server) -> None:
    client, barrier = signed_in(server), threading.Barrier(16)

    def ask(_: int) -> int:
        barrier.wait(10)
        return id(client.for_profile("eve").session)

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(ask, range(16), timeout=20))) == 1


def test_a_client_that_shares_a_session_needs_no_transport_for_threads(server: Server) -> None:
    class AsyncOnly(httpx.AsyncBaseTransport):
        handle_async_request = server.transport.handle_async_request

    with signed_in(server) as client:
        shared = AsyncClient(session=client.session, transport=AsyncOnly())
        assert asyncio.run(shared.users.get_profile()).email == "ada@example.com"
