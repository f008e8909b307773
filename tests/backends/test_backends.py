"""What every set-up holds, by the ledger of its own server: one renewal for everyone, and typed ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from signedin import SessionExpiredError

from tests.backends.clients import signed_in, users
from tests.backends.conftest import of
from tests.backends.setups import END, LIFETIME, SETUPS, lint

if TYPE_CHECKING:
    from tests.auth.driving import Drive
    from tests.backends.setups import Backend

pytestmark = pytest.mark.anyio


async def test_twenty_callers_over_a_foreseen_expiry_share_one_renewal(backend: Backend, drive: Drive) -> None:
    async with signed_in(backend, drive) as client:
        renewals, refusals = backend.renewals(), backend.refusals()
        backend.advance(LIFETIME + 1)
        client.clock.advance(LIFETIME + 1)
        assert await users(client, drive, backend) == {backend.setup.name_of_user}
        assert backend.renewals() - renewals == 1
        assert backend.refusals() == refusals


async def test_twenty_callers_over_a_signalled_expiry_share_one_renewal(backend: Backend, drive: Drive) -> None:
    async with signed_in(backend, drive) as client:
        renewals, refusals = backend.renewals(), backend.refusals()
        backend.advance(LIFETIME + 1)  # the client's clock stands still
        assert await users(client, drive, backend) == {backend.setup.name_of_user}
        assert backend.renewals() - renewals == 1
        assert backend.refusals() > refusals


async def test_session_is_renewed_again_and_again(backend: Backend, drive: Drive) -> None:
    async with signed_in(backend, drive) as client:
        renewals = backend.renewals()
        for _ in range(3):
            backend.advance(LIFETIME + 1)
            client.clock.advance(LIFETIME + 1)
            await drive(backend.setup.call, client)
        assert backend.renewals() - renewals == 3


@pytest.mark.parametrize("backend", of(*(each for each in SETUPS if not each.wrong)), indirect=True)
async def test_refresh_token_that_the_server_refuses_ends_the_session(backend: Backend, drive: Drive) -> None:
    async with signed_in(backend, drive) as client:
        if backend.setup.revoke:
            backend.setup.revoke(backend.api.url, client.session.tokens)
        backend.advance(END)
        client.clock.advance(END)
        with pytest.raises(SessionExpiredError):
            await drive(backend.setup.call, client)
        assert not client.session.is_signed_in


@pytest.mark.parametrize("backend", of(*(each for each in SETUPS if each.wrong)), indirect=True)
async def test_credentials_that_the_server_refuses_end_the_session(backend: Backend, drive: Drive) -> None:
    async with signed_in(backend, drive, credentials=lambda: backend.setup.wrong) as client:
        backend.advance(LIFETIME + 1)
        client.clock.advance(LIFETIME + 1)
        with pytest.raises(SessionExpiredError):
            await drive(backend.setup.call, client)


@pytest.mark.parametrize("backend", of(*(each for each in SETUPS if each.present)), indirect=True)
async def test_refresh_token_is_dead_at_the_server_after_a_sign_out(backend: Backend, drive: Drive) -> None:
    async with signed_in(backend, drive) as client:
        present, pair = backend.setup.present, client.session.tokens
        assert present is not None
        await drive(client.logout)
        assert not client.session.is_signed_in
        assert present(backend.issuer.url, pair).status_code in {400, 401}


def test_document_has_no_errors_as_it_is_generated(backend: Backend) -> None:
    assert lint(backend.document) == 0


def test_document_has_no_errors_with_its_overlay(backend: Backend) -> None:
    assert lint(backend.document, backend.setup.overlay_file) == 0
