"""Clients around the packages of the set-ups, in both colours, and callers who all wait for one renewal."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx

from tests.auth.driving import Drive, Waiters
from tests.backends.setups import code_flow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.backends.setups import Backend

CALLERS: Final = 20


class Gate(httpx.HTTPTransport):
    """The transport of renewals, on a real network: what a test does before one leaves, and to its response."""

    before: Callable[[], object] = staticmethod(lambda: None)
    after: Callable[[httpx.Response], httpx.Response] = staticmethod(lambda response: response)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.before()
        return self.after(super().handle_request(request))


@asynccontextmanager
async def signed_in(backend: Backend, drive: Drive, **options: Any) -> AsyncIterator[Any]:
    """Open a client around the set-up's package and sign ada in; it has its `clock` and its `gate`."""
    clock, gate = backend.clock(), Gate()
    options = {**backend.setup.options, "clock": clock, "refresh_transport": gate, "max_retries": 0, **options}
    client = (backend.asynchronous if drive.is_async else backend.blocking)(backend.api.url, **options)
    client.clock, client.gate = clock, gate
    try:
        if backend.setup.sign_in is None:
            session = client.session
            await drive(session.asign_in if drive.is_async else session.sign_in, code_flow(backend.issuer.url))
        else:
            await drive(backend.setup.sign_in, client, backend.sdk)
        yield client
    finally:
        await drive(client.aclose if drive.is_async else client.close)


async def users(client: Any, drive: Drive, backend: Backend) -> set[str]:
    """Call from everyone at once, a renewal held back until all of them wait for it; return whom they are."""
    waiters = Waiters(client.session)

    def hold() -> None:
        del client.gate.before  # a renewal may begin with a discovery document
        waiters.wait_for(CALLERS)

    client.gate.before = hold
    async with drive.under_way(lambda: backend.setup.call(client), CALLERS) as outcomes:
        pass
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return {backend.setup.user(outcome) for outcome in outcomes}
