"""A token store of one's own, from public names only: it keeps the contract, and a client signs in to it."""

import threading

import pytest
from signedin import EncryptedStore, Stored, TokenStore
from signedin.protocols import first_revision
from signedin.testing import FakeAuthServer
from signedin.testing.contract import TokenStoreContract

from tests.auth.driving import signed_in


class ToyStore:
    """Keeps tokens in a dictionary."""

    private = True

    def __init__(self) -> None:
        self._stored: dict[str, Stored] = {}
        self._holders: dict[str, str] = {}
        self._mutex = threading.Lock()

    def load(self, key: str) -> Stored | None:
        return self._stored.get(key)

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        with self._mutex:
            current = self._stored.get(key)
            if (current.revision if current else 0) != expected_revision:
                return False
            self._stored[key] = Stored(expected_revision + 1 if current else first_revision(), data)
            return True

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:  # noqa: ARG002 -- ends with the process
        with self._mutex:
            return self._holders.setdefault(key, owner) == owner

    def unlock(self, key: str, owner: str) -> None:
        with self._mutex:
            if self._holders.get(key) == owner:
                del self._holders[key]


class TestToyStore(TokenStoreContract):
    @pytest.fixture
    def store(self) -> TokenStore:
        return ToyStore()


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_client_works_on_it(server: FakeAuthServer, encrypted: bool) -> None:
    store: TokenStore = EncryptedStore(ToyStore(), bytes(32)) if encrypted else ToyStore()
    with signed_in(server, store=store) as client:
        server.expire_access_tokens()
        assert client.users.get_profile().email == "ada@example.com"
        assert client.session.explain()["store_failure"] is None
        client.logout()
        assert not client.session.is_signed_in
