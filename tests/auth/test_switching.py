"""Threads that a barrier lets go at once, while the interpreter switches between them a hundred times as often."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from signedin import Client, MemoryStore, NotSignedInError, SessionExpiredError, UnauthorizedError

from tests.auth.driving import Server, signed_in

THREADS = 12
ROUNDS = 40
PATIENCE = 60  # seconds


@pytest.fixture(autouse=True)
def many_switches() -> Iterator[None]:
    """Switch after 50 microseconds instead of 5 milliseconds."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with signed_in(server, store=MemoryStore()) as client:
        yield client


@pytest.fixture
def at_once() -> Iterator[Callable[..., list[Any]]]:
    """Carry calls out in a thread each, let go by a barrier; the outcomes are results and exceptions."""
    together = threading.Barrier(THREADS, timeout=PATIENCE)

    def one(call: Callable[[], Any]) -> Any:
        together.wait()
        try:
            return call()
        except Exception as error:  # noqa: BLE001 -- an outcome like any other
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        yield lambda *calls: list(pool.map(one, calls, timeout=PATIENCE))


def test_a_sign_out_among_refreshes_wins(server: Server, client: Client, at_once: Callable[..., list[Any]]) -> None:
    for _ in range(ROUNDS):
        pair = server.issue()
        client.session.sign_in(pair)
        server.expire_access_tokens()
        outcomes = at_once(*[client.users.get_profile] * (THREADS - 1), client.logout)
        # A call that had its token in hand when the session was revoked is refused by the server, not as expired.
        refused = [str(outcome) for outcome in outcomes if isinstance(outcome, UnauthorizedError)]
        assert all("Un-Authorized" in words for words in refused)
        expected = {"Profile", "NotSignedInError", "UnauthorizedError"}
        assert {type(outcome).__name__ for outcome in outcomes[:-1]} <= expected
        assert outcomes[-1] is None
        assert not client.session.is_signed_in
        with pytest.raises(NotSignedInError):
            client.users.get_profile()
        client.session.close()  # has ended what the sign-out left behind
        assert not server.is_live(pair.refresh_token)
    assert server.ledger["reused"] == 0


def test_a_sign_in_among_refreshes_stays(server: Server, client: Client, at_once: Callable[..., list[Any]]) -> None:
    server.add_user("bob@example.com")
    for _ in range(ROUNDS):
        client.session.sign_in(server.issue())
        server.expire_access_tokens()
        bobs = server.issue("bob@example.com")
        outcomes = at_once(*[client.users.get_profile] * (THREADS - 1), lambda: client.session.sign_in(bobs))  # noqa: B023
        assert not [one for one in outcomes if isinstance(one, SessionExpiredError)]
        assert client.users.get_profile().email == "bob@example.com"
        assert client.session.tokens == bobs
    assert server.ledger["reused"] == 0
