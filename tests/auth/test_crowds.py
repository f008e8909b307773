"""Ten thousand tasks on one client: all are answered, on no more connections than the limit, and none is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import httpx
from signedin import AsyncClient, TokenPair

if TYPE_CHECKING:
    import pytest

TASKS, LIMIT, GIVE_UP = 10_000, 50, 100
PROFILE = b'{"id":"1","email":"ada@example.com","createdAt":"2026-01-02T03:04:05Z","updatedAt":"2026-01-02T03:04:05Z"}'


def test_ten_thousand_tasks_share_the_connections_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    under_way, most = Counter[int](), 0

    async def answered(transport: httpx.AsyncHTTPTransport, _: httpx.Request) -> httpx.Response:
        nonlocal most
        under_way[id(transport)] += 1
        most = max(most, under_way.total())
        assert under_way[id(transport)] == 1, "a connection is used by two"
        await asyncio.sleep(0)
        under_way[id(transport)] -= 1
        return httpx.Response(200, content=PROFILE)

    async def crowd() -> None:
        limits = httpx.Limits(max_connections=LIMIT, max_keepalive_connections=20)
        async with AsyncClient("https://api.test", limits=limits, timeout=None, trust_env=False) as client:
            client.session.sign_in(TokenPair("a", "r"))
            tasks = [asyncio.ensure_future(client.users.get_profile()) for _ in range(TASKS)]
            await asyncio.sleep(0)
            for task in tasks[LIMIT : LIMIT + GIVE_UP]:  # they wait in the queue
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert Counter(type(outcome).__name__ for outcome in outcomes) == {
                "Profile": TASKS - GIVE_UP,
                "CancelledError": GIVE_UP,
            }
            [stack] = client._shared.connections._stacks.values()
            assert (len(stack._waiting), len(stack.connections), len(stack._idle)) == (0, 20, 20)
            assert not stack.dropped

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answered)
    asyncio.run(crowd())
    assert most == LIMIT
