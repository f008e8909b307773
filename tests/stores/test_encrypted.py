"""EncryptedStore around other stores: what they see, whose key reads it, and what was changed behind its back."""

import functools
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from signedin import ConfigurationError, EncryptedStore, FileStore, MemoryStore, TokenStore, TokenStoreError
from signedin._tokens import Records
from signedin.testing import FakeAuthServer
from signedin.testing.contract import TokenStoreContract, put

from tests.auth.driving import client_on
from tests.records import record_of
from tests.stores.data import KEY, data_of

SECRET, ANOTHER = bytes(range(32)), bytes(32)


def encrypted_file(path: Path) -> EncryptedStore:
    return EncryptedStore(FileStore(path), SECRET)


class TestEncryptedStore(TokenStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> TokenStore:
        self.path = tmp_path / "tokens.json"
        return encrypted_file(self.path)

    def elsewhere(self, store: TokenStore) -> Callable[[], TokenStore]:  # noqa: ARG002 -- one file for all
        return functools.partial(encrypted_file, self.path)


@pytest.fixture
def inner() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def store(inner: MemoryStore) -> EncryptedStore:
    return EncryptedStore(inner, SECRET)


def test_the_store_inside_sees_no_token(store: EncryptedStore, inner: MemoryStore) -> None:
    seen = set()
    for _ in range(3):
        assert put(store, data_of()).data == data_of()
        stored = inner.load(KEY)
        assert stored is not None
        assert stored.data.startswith(b"signedin-encrypted-1-")
        assert b"t-" not in stored.data
        assert b"access" not in stored.data
        seen.add(stored.data)
    assert len(seen) == 3  # the same bytes never look the same


@pytest.mark.parametrize(("written", "read"), [(SECRET, None), (None, SECRET), (SECRET, ANOTHER)])
def test_another_key_neither_reads_nor_overwrites(
    server: FakeAuthServer, inner: MemoryStore, written: bytes | None, read: bytes | None
) -> None:
    def opened(key: bytes | None) -> TokenStore:
        return EncryptedStore(inner, key) if key else inner

    assert Records(opened(written), KEY).compare_and_set(0, record_of())
    before, reader = inner.load(KEY), opened(read)
    assert before is not None
    client = client_on(server, store=reader)
    for use in (Records(reader, KEY).load, lambda: client.session.sign_in(server.issue()), client.session.sign_out):
        with pytest.raises(TokenStoreError, match=r"encrypt.*(left as it is|Nothing was changed)"):
            use()
    if read:
        with pytest.raises(TokenStoreError, match="left as it is"):
            reader.compare_and_set(KEY, before.revision, data_of(2))
    assert not reader.compare_and_set(KEY, 0, data_of(2))
    assert inner.load(KEY) == before


@pytest.mark.parametrize("damage", ["changed", "cut", "empty", "foreign"])
def test_a_record_that_was_tampered_with_is_a_damaged_one(
    server: FakeAuthServer, store: EncryptedStore, inner: MemoryStore, damage: str
) -> None:
    client = client_on(server, store=store)
    for key in (KEY, "another key"):
        assert Records(store, key).compare_and_set(0, record_of())
    stored, foreign = inner.load(KEY), inner.load("another key")
    assert stored is not None
    assert foreign is not None
    head, _, sealed = stored.data.partition(b":")
    bad = {
        "changed": head + b":" + sealed[:40] + (b"A" if sealed[40:41] != b"A" else b"B") + sealed[41:],
        "cut": stored.data[:-8],
        "empty": head + b":",
        "foreign": foreign.data,  # else somebody who can write there could give one user another's tokens
    }
    put(inner, bad[damage])
    with pytest.raises(TokenStoreError, match=r"damaged.*signing in replaces it"):
        client.users.get_profile()
    client.session.sign_in(server.issue())
    assert client.users.get_profile().email == "ada@example.com"


def test_a_key_is_thirty_two_bytes_and_in_no_repr(inner: MemoryStore) -> None:
    for wrong in (b"", b"short", bytes(31), bytes(33)):
        with pytest.raises(ConfigurationError, match="32 random bytes"):
            EncryptedStore(inner, wrong)
    store = EncryptedStore(inner, b"0123456789abcdef0123456789abcdef")
    assert "0123456789" not in f"{store!r} {store} {vars(store)}"
    with pytest.raises(TypeError, match="SIGNEDIN_STORE_KEY"):
        pickle.dumps(store)


def test_without_the_library_it_says_what_to_install(inner: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(ConfigurationError, match=r"pip install signedin\[encryption\]"):
        EncryptedStore(inner, SECRET)


def test_optional_methods_of_a_store_are_those_of_the_one_inside(tmp_path: Path) -> None:
    store = encrypted_file(tmp_path / "tokens.json")
    assert store.try_lock(KEY, "me", 30)
    assert str(store.lock_holder(KEY)).startswith("process ")
    store.after_fork()  # closes the copies of the parent's locks
    assert store.lock_holder(KEY) is None
    assert store.peek(KEY) is None
    (tmp_path / "tokens.json").touch(0o600)
    with pytest.raises(TokenStoreError, match="Nothing was changed"):
        store.peek(KEY)
    store.close()


def test_a_store_inside_may_have_nothing_besides() -> None:
    class Plain:
        private = True

        def __init__(self) -> None:
            memory = MemoryStore()
            self.load, self.compare_and_set = memory.load, memory.compare_and_set
            self.try_lock, self.unlock = memory.try_lock, memory.unlock

    store = EncryptedStore(Plain(), SECRET)
    assert put(store, b"1") == store.peek(KEY)
    assert store.lock_holder(KEY) is None
    store.after_fork()
    store.close()
