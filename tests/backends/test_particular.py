"""What single servers show: an identity provider on another origin, a grace, two packages in one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.backends.clients import signed_in, users
from tests.backends.conftest import of
from tests.backends.setups import LIFETIME, SETUPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.auth.driving import Drive
    from tests.backends.setups import Backend, Server, SetUp

pytestmark = pytest.mark.anyio
NAMED = {setup.name: setup for setup in SETUPS}


def visits(server: Server, before: dict[str, int]) -> dict[str, int]:
    """Return what has left a server since."""
    return {
        entry: count - before.get(entry, 0) for entry, count in server.ledger().items() if count != before.get(entry)
    }


@pytest.mark.parametrize("backend", of(NAMED["orders"]), indirect=True)
async def test_tokens_go_to_the_identity_provider_and_nowhere_else(backend: Backend, drive: Drive) -> None:
    api, issuer = backend.api.ledger(), backend.issuer.ledger()
    async with signed_in(backend, drive) as client:
        backend.advance(LIFETIME + 1)
        client.clock.advance(LIFETIME + 1)
        await drive(backend.setup.call, client)
        await drive(client.logout)
    assert visits(backend.api, api) == {"GET /orders 200": 1}
    sent = visits(backend.issuer, issuer)
    assert sent.pop("GET /.well-known/openid-configuration 200") <= 2
    # The API fetches keys; the code and its exchange are the test's own.
    assert sent.pop("GET /keys 200", 1) == 1
    assert sent == {"GET /authorize 302": 1, "POST /token 200": 2, "POST /revoke 200": 1}


@pytest.mark.parametrize("backend", of(NAMED["toolkit"]), indirect=True)
async def test_refresh_whose_response_is_lost_is_repeated_within_the_grace(backend: Backend, drive: Drive) -> None:
    async with signed_in(backend, drive) as client:

        def lose(response: httpx.Response) -> httpx.Response:
            response.read()
            del client.gate.after
            raise httpx.ReadError("the connection was cut")

        renewals = backend.renewals()
        backend.advance(LIFETIME + 1)
        client.clock.advance(LIFETIME + 1)
        client.gate.after = lose
        await drive(backend.setup.call, client)
        assert backend.renewals() - renewals == 2
        backend.advance(LIFETIME + 1)
        client.clock.advance(LIFETIME + 1)
        await drive(backend.setup.call, client)
        assert backend.renewals() - renewals == 3


@pytest.mark.parametrize("backend", of(NAMED["flask-bearer"]), indirect=True)
async def test_two_packages_renew_apart(backend: Backend, drive: Drive, started: Callable[[SetUp], Backend]) -> None:
    other = started(NAMED["tutorial"])
    async with signed_in(backend, drive) as first, signed_in(other, drive) as second:
        renewals = backend.renewals(), other.renewals()
        for running, client in ((backend, first), (other, second)):
            running.advance(LIFETIME + 1)
            client.clock.advance(LIFETIME + 1)
            assert await users(client, drive, running) == {"ada"}
        assert (backend.renewals(), other.renewals()) == (renewals[0] + 1, renewals[1] + 1)
        await drive(first.logout)
        assert not first.session.is_signed_in
        assert second.session.is_signed_in
