"""Where stores are when the environment is poor, and in other processes: by pickle, by copy, by fork."""

import copy
import os
import pickle
import pwd
import shutil
import sys
import warnings
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keyring
import pytest
import redis
from signedin import (
    ConfigurationError,
    FileStore,
    KeyringStore,
    MemoryStore,
    NotSignedInError,
    RedisStore,
    TokenStoreError,
)
from signedin._tokens import Records
from signedin.stores import open_store
from signedin.testing import FakeAuthServer
from signedin.testing.contract import put

from tests.auth.driving import client_on, signed_in
from tests.records import record_of
from tests.stores.keyrings import MemoryKeyring, store_in_a_file

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "https://auth.test/api/v1#default"


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user that the system does not know, and no variable that names a folder."""

    def unknown(_: int) -> Any:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME")


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize("home", [None, "", "relative/home"])
@pytest.mark.parametrize(
    "opening", [FileStore, partial(FileStore, "~/tokens.json"), KeyringStore, partial(open_store, "file:")]
)
def test_a_homeless_user_learns_what_to_set(opening: Any, home: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if home is not None:
        monkeypatch.setenv("HOME", home)
    with pytest.raises(ConfigurationError, match=r"Set HOME or XDG_STATE_HOME, or name an absolute path"):
        opening()


@pytest.mark.usefixtures("homeless")
def test_a_path_needs_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert FileStore(tmp_path / "t.json").path == tmp_path / "t.json"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert FileStore().path == tmp_path / "signedin" / "tokens.json"


@pytest.mark.skipif(sys.platform == "darwin", reason="Apple has one folder for all")
@pytest.mark.parametrize("variable", ["XDG_STATE_HOME", "HOME"])
def test_a_relative_variable_is_ignored_so_that_the_default_does_not_move_with_the_process(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(variable, "state")
    home = Path(pwd.getpwuid(os.getuid()).pw_dir) if variable == "HOME" else tmp_path
    (tmp_path / "elsewhere").mkdir()
    for folder in (tmp_path, tmp_path / "elsewhere"):
        monkeypatch.chdir(folder)
        assert FileStore().path == home / ".local" / "state" / "signedin" / "tokens.json"
        assert FileStore("~/t.json").path == home / "t.json"


def test_the_home_of_nobody_is_refused_by_the_arguments_name() -> None:
    openings: list[Callable[[], object]] = [
        lambda: FileStore("~no-such-user/t.json"),
        lambda: open_store("file:~no-such-user/t.json"),
    ]
    for opening in openings:
        with pytest.raises(ConfigurationError, match=r"path begins with ~ and a user whom") as refused:
            opening()
        assert "no-such-user" not in str(refused.value)
    with pytest.raises(ConfigurationError, match="folder begins with ~"):
        KeyringStore(folder="~no-such-user")


def test_a_lost_working_folder_is_trouble_for_relative_paths_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone")
    openings: list[Callable[[], object]] = [lambda: FileStore("t.json"), lambda: open_store("file:t.json")]
    for opening in openings:
        with pytest.raises(ConfigurationError, match="path is relative, and the working folder is gone"):
            opening()
    assert FileStore(tmp_path / "t.json").load(KEY) is None
    assert FileStore().path.is_absolute()


def test_links_in_a_circle_are_an_error_when_the_file_is_used(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    store = FileStore(tmp_path / "circle" / "t.json")
    with pytest.raises(TokenStoreError):
        store.load(KEY)


def test_a_missing_keyring_backend_is_named_by_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise ModuleNotFoundError("No module named 'nosuch'")

    monkeypatch.setattr(keyring, "get_keyring", missing)
    with pytest.raises(TokenStoreError, match=r"ModuleNotFoundError.*PYTHON_KEYRING_BACKEND.*FileStore"):
        KeyringStore(folder=tmp_path).load(KEY)


COPIES = {"pickle": lambda store: pickle.loads(pickle.dumps(store)), "deepcopy": copy.deepcopy, "copy": copy.copy}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_store_is_copied_as_what_it_names(copied: Any, tmp_path: Path) -> None:
    for store in (FileStore(tmp_path / "t.json"), store_in_a_file(tmp_path)):
        stored = put(store, b"1")
        assert store.try_lock(KEY, "me", 30)
        twin = copied(store)
        assert repr(twin) == repr(store)
        assert twin.load(KEY) == stored
        assert not twin.try_lock(KEY, "me", 30)  # a lock is not copied
        store.unlock(KEY, "me")
        assert twin.try_lock(KEY, "me", 30)
        twin.unlock(KEY, "me")


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_options_are_copied_too(copied: Any, tmp_path: Path) -> None:
    ring: Any = copied(KeyringStore("my app", folder=tmp_path, patience=7.0))
    assert (ring._service, ring._patience, ring._folder) == ("my app", 7.0, tmp_path)
    store = copied(RedisStore("redis://:p4ss@cache.example:7000/3", prefix="x:", ttl=timedelta(hours=1)))
    assert repr(store) == "RedisStore('redis://cache.example:7000/3', prefix='x:')"
    assert store._ttl == timedelta(hours=1)


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_store_that_no_other_process_can_reach_says_what_to_pass_instead(copied: Any) -> None:
    with pytest.raises(TypeError, match=r"Pass a FileStore, a KeyringStore or a RedisStore"):
        copied(MemoryStore())
    with pytest.raises(TypeError, match=r"pass a RedisStore\(url\)"):
        copied(RedisStore(client=redis.Redis()))


def test_a_client_of_ones_own_is_not_closed_by_the_store() -> None:
    class Watched(redis.Redis):
        closed = False

        def close(self) -> None:
            self.closed = True

    client = Watched()
    RedisStore(client=client).close()
    assert not client.closed


def test_a_closed_keyring_store_may_be_used_again(tmp_path: Path) -> None:
    store = KeyringStore(backend=MemoryKeyring(), folder=tmp_path)
    stored = put(store, b"1")
    store.close()
    store.close()
    assert store.load(KEY) == stored


def in_a_child(work: Any) -> int:
    """Return the status of a forked child that does the work; 1 where it raised."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # other tests' threads sleep
        child = os.fork()
    if not child:
        status = 1
        try:
            status = work()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_what_came_along_in_a_fork_is_a_configuration_error_at_the_first_look() -> None:
    store = MemoryStore()
    records = Records(store, KEY)
    assert records.compare_and_set(0, record_of())

    def look() -> int:
        for use in (store.load, lambda _: records.load()):
            with pytest.raises(ConfigurationError, match=r"forked from.*Use a FileStore, or sign in in the child"):
                use(KEY)
        return 7

    assert in_a_child(look) == 7
    assert records.load() is not None


def test_a_forked_child_may_sign_in_where_its_parents_tokens_are(server: FakeAuthServer) -> None:
    store = MemoryStore()
    signed_in(server, store=store)
    before = store.load(KEY)
    assert before is not None

    def sign_in() -> int:
        fresh = client_on(server, store=store)
        pair = server.issue()
        fresh.session.sign_in(pair)
        return 7 if fresh.session.tokens == pair and not store.compare_and_set(KEY, before.revision, b"") else 2

    assert in_a_child(sign_in) == 7
    assert store.load(KEY) == before


def test_a_key_that_the_parent_never_used_is_the_childs_own(server: FakeAuthServer) -> None:
    store = MemoryStore()
    client = client_on(server, store=store)

    def use() -> int:
        with pytest.raises(NotSignedInError):
            client.users.get_profile()
        return 7

    assert in_a_child(use) == 7
