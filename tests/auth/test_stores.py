"""Both stores keep the contract; stores are named by URLs; a store's trouble reaches the caller by name."""

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest
from signedin import (
    Client,
    ConfigurationError,
    FileStore,
    MemoryStore,
    Stored,
    TokenSession,
    TokenStore,
    TokenStoreError,
    UnauthorizedError,
)
from signedin._tokens import Records
from signedin.stores import open_store
from signedin.testing.contract import TokenStoreContract

from tests.auth.driving import Drive, Server

KEY = "https://auth.test/api/v1#default"


class TestMemoryStore(TokenStoreContract):
    @pytest.fixture
    def store(self) -> TokenStore:
        return MemoryStore()


class TestFileStore(TokenStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> TokenStore:
        return FileStore(tmp_path / "state" / "tokens.json")

    def elsewhere(self, store: TokenStore) -> Callable[[], TokenStore]:
        assert isinstance(store, FileStore)
        return functools.partial(FileStore, store.path)


def test_a_memory_store_compares_and_sets_in_one_step() -> None:
    store, meeting = MemoryStore(), threading.Barrier(2)

    class Slow:
        """What is stored, whose revision is withheld until two want it, or half a second has passed."""

        @property
        def revision(self) -> int:
            with suppress(threading.BrokenBarrierError):
                meeting.wait(0.5)
            return 1

    store._stored[KEY] = os.getpid(), cast("Stored", Slow())
    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(lambda _: store.compare_and_set(KEY, 1, b"2"), range(2), timeout=20))
    assert sorted(won) == [False, True]


@pytest.mark.parametrize(
    ("url", "path"),
    [("file:here/t.json", Path("here/t.json").absolute()), ("file:///a/b%20c.json", Path("/a/b c.json"))],
)
def test_a_store_url_names_a_file(url: str, path: Path) -> None:
    store = open_store(url)
    assert isinstance(store, FileStore)
    assert store.path == path


def test_file_alone_is_the_users_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    store = open_store("file:")
    assert isinstance(store, FileStore)
    assert store.path == tmp_path / "signedin" / "tokens.json"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert FileStore().path == tmp_path / ".local" / "state" / "signedin" / "tokens.json"


def test_memory_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_store(None), MemoryStore)
    assert isinstance(open_store("memory:"), MemoryStore)
    monkeypatch.setenv("SIGNEDIN_STORE", "")
    assert isinstance(open_store(None), MemoryStore)


def test_the_environment_names_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIGNEDIN_STORE", f"file://{tmp_path}/t.json")
    store = open_store(None)
    assert isinstance(store, FileStore)
    assert store.path == tmp_path / "t.json"
    assert isinstance(open_store("memory:"), MemoryStore)  # what is passed wins


@pytest.mark.parametrize("url", ["redi://x", "tokens.json", "file://host/t.json", "memory:x", "http://x/y", ":"])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="names no store"):
        open_store(url)


class Broken(MemoryStore):
    """A store that works until a test breaks it, and then raises what a user's store may raise."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: set[str] = set()
        self.error: Exception = TokenStoreError("the disk is full")

    def load(self, key: str) -> Stored | None:
        self._maybe("load")
        return super().load(key)

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        self._maybe("compare_and_set")
        return super().compare_and_set(key, expected_revision, data)

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        self._maybe("try_lock")
        return super().try_lock(key, owner, seconds)

    def unlock(self, key: str, owner: str) -> None:
        super().unlock(key, owner)
        self._maybe("unlock")

    def _maybe(self, method: str) -> None:
        if method in self.broken:
            raise self.error


@pytest.fixture
def broken() -> Broken:
    return Broken()


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["load", "compare_and_set", "try_lock"])
@pytest.mark.parametrize(
    "error", [TokenStoreError("the disk is full"), OSError("the disk is full"), ZeroDivisionError()]
)
async def test_a_store_that_fails_before_the_refresh_sends_no_token(
    drive: Drive, server: Server, broken: Broken, method: str, error: Exception
) -> None:
    async with drive.client(server, store=broken) as client:
        server.expire_access_tokens()
        broken.broken, broken.error = {method}, error
        with pytest.raises(TokenStoreError):
            await drive(client.users.get_profile)
        assert server.ledger["refreshToken"] == 0
        broken.broken = set()
        await drive(client.users.get_profile)
        assert server.ledger["rotations"] == 1


@pytest.mark.anyio
async def test_a_store_that_cannot_save_leaves_the_new_pair_in_memory_and_says_so(
    drive: Drive, server: Server, broken: Broken
) -> None:
    async with drive.client(server, store=broken) as client:
        unsaved = threading.Event()
        client.session.on("unsaved", lambda _: unsaved.set())
        server.expire_access_tokens()
        refresh = server.hold("refreshToken")
        async with drive.under_way(client.users.get_profile) as outcomes:
            await drive.aside(refresh.wait_for)
            broken.broken = {"compare_and_set"}
            refresh.release()
        assert [getattr(outcome, "email", outcome) for outcome in outcomes] == ["ada@example.com"]
        assert await drive.aside(unsaved.wait, 10)
        assert server.is_live(client.session.tokens.refresh_token)
        broken.broken = set()
        server.expire_access_tokens()
        await drive(client.users.get_profile)  # the next refresh writes it down first
        stored = Records(broken, KEY).load()
        assert stored is not None
        assert stored.pair == client.session.tokens
        assert server.ledger["reused"] == 0


@pytest.mark.anyio
async def test_a_store_that_is_away_for_a_moment_has_the_new_pair_before_anybody_else(
    drive: Drive, server: Server
) -> None:
    class Away(Broken):
        def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
            try:
                return super().compare_and_set(key, expected_revision, data)
            finally:
                self.broken = set()

    store = Away()
    async with drive.client(server, store=store) as client:
        server.expire_access_tokens()
        refresh = server.hold("refreshToken")
        async with drive.under_way(client.users.get_profile):
            await drive.aside(refresh.wait_for)
            store.broken = {"compare_and_set"}
            refresh.release()
        stored = Records(store, KEY).load()
        assert stored is not None
        assert stored.pair == client.session.tokens
        assert stored.pair is not None
        assert server.is_live(stored.pair.refresh_token)


@pytest.mark.anyio
async def test_a_store_that_cannot_be_cleared_says_so_and_the_session_goes_on(
    drive: Drive, server: Server, broken: Broken
) -> None:
    async with drive.client(server, store=broken) as client:
        broken.broken = {"compare_and_set"}
        with pytest.raises(TokenStoreError, match="disk is full"):
            await drive(client.logout)
        broken.broken = set()
        assert server.ledger["logout"] == 0
        await drive(client.users.get_profile)


@pytest.mark.anyio
async def test_a_pair_that_cannot_be_stored_is_not_taken(drive: Drive, server: Server, broken: Broken) -> None:
    async with drive.client(server, store=broken) as client:
        before = client.session.tokens
        broken.broken = {"compare_and_set"}
        with pytest.raises(TokenStoreError, match="disk is full"):
            await drive(client.auth.login, email="ada@example.com", password="correct horse battery staple")
        broken.broken = set()
        assert client.session.tokens == before
        assert server.ledger["logout"] == 1  # of the pair that nobody has


@pytest.mark.anyio
async def test_a_store_that_cannot_be_read_leaves_a_401_to_the_caller(
    drive: Drive, server: Server, broken: Broken
) -> None:
    async with drive.client(server, store=broken) as client:
        server.revoke_all()
        broken.broken, broken.error = {"load"}, OSError("the disk is gone")
        with pytest.raises(UnauthorizedError):
            await drive(client.users.get_profile)
        broken.broken = set()


@pytest.mark.anyio
async def test_a_fresh_token_needs_no_store(drive: Drive, server: Server, broken: Broken) -> None:
    async with drive.client(server, store=broken) as client:
        broken.broken = {"load", "compare_and_set", "try_lock", "unlock"}
        for _ in range(10):
            await drive(client.users.get_profile)


@pytest.mark.parametrize("beaten", [1, 20])
def test_signing_in_and_out_try_again_when_somebody_else_was_quicker(server: Server, beaten: int) -> None:
    class Contested(MemoryStore):
        left = 0

        def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
            self.left -= 1
            return self.left < 0 and super().compare_and_set(key, expected_revision, data)

    store = Contested()
    client = Client(server.base_url, transport=server.transport, clock=server.clock, store=store)
    store.left = beaten
    client.session.sign_in(server.issue())
    assert client.session.is_signed_in
    store.left = beaten
    client.logout()
    assert not client.session.is_signed_in


def test_a_store_that_others_change_for_ever_is_given_up(server: Server) -> None:
    class Restless(MemoryStore):
        def compare_and_set(self, *_: object) -> bool:
            return False

    client = Client(server.base_url, transport=server.transport, clock=server.clock, store=Restless())
    with pytest.raises(TokenStoreError, match="thousand times"):
        client.session.sign_in(server.issue())
    assert isinstance(client.session, TokenSession)
