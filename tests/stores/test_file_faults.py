"""A FileStore on a system in trouble, call by call: a typed error, and the tokens as they were."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from typing import TYPE_CHECKING, Any, Self

import pytest
from signedin import ConfigurationError, FileStore, TokenStoreError
from signedin._tokens import Records
from signedin.stores import _locks

from tests.auth.driving import signed_in
from tests.stores.data import KEY, assert_refused, data_of, stored_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from signedin.testing import FakeAuthServer

pytestmark = pytest.mark.usefixtures("first_revisions_are_one")


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """A store with one record in it."""
    store = FileStore(tmp_path / "state" / "tokens.json")
    assert store.compare_and_set(KEY, 0, data_of())
    return store


def failing(code: int, when: Callable[..., bool], real: Callable[..., Any]) -> Callable[..., Any]:
    """Return the call, failing where `when` says so of its arguments."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if when(*args):
            raise OSError(code, os.strerror(code))
        return real(*args, **kwargs)

    return call


def _opens(name: str) -> Callable[..., bool]:
    return lambda path, *_: str(path).endswith(name)


READING = {"no permission": errno.EACCES, "a read error": errno.EIO, "no descriptors left": errno.EMFILE,
           "no descriptors left in the system": errno.ENFILE, "a stale handle of a server": errno.ESTALE,
           "an access that security policy denies": errno.EPERM, "a disk that was pulled out": errno.ENXIO}  # fmt: skip
CREATING = {"a file system that is read only": errno.EROFS, "a folder that is read only": errno.EACCES,
            "a disk that is full": errno.ENOSPC, "a quota that is used up": errno.EDQUOT,
            "no descriptors left": errno.EMFILE, "a stale handle of a server": errno.ESTALE}  # fmt: skip
WRITING = {"a disk that is full": errno.ENOSPC, "a quota that is used up": errno.EDQUOT, "a write error": errno.EIO,
           "a limit of file sizes": errno.EFBIG, "a server that went away": errno.ETIMEDOUT}  # fmt: skip
LOCKING = {"no locks left": errno.ENOLCK, "a file system without locks": errno.EOPNOTSUPP,
           "locks that are not implemented": errno.ENOSYS, "a lock daemon in trouble": errno.EIO}  # fmt: skip


@pytest.mark.parametrize("code", READING.values(), ids=READING)
def test_an_unreadable_file_is_a_typed_error(store: FileStore, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    with monkeypatch.context() as context:
        context.setattr(os, "open", failing(code, _opens("tokens.json"), os.open))
        assert_refused(store, f"{os.strerror(code)}. The tokens were left as they are")
    assert store.load(KEY) == stored_of()


@pytest.mark.parametrize("code", CREATING.values(), ids=CREATING)
def test_a_failed_new_file_leaves_the_old_one(store: FileStore, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    with monkeypatch.context() as context:
        context.setattr(os, "open", failing(code, _opens(".new"), os.open))
        with pytest.raises(TokenStoreError, match=os.strerror(code)):
            store.compare_and_set(KEY, 1, data_of(2))
        assert store.load(KEY) == stored_of()
    assert store.compare_and_set(KEY, 1, data_of(2))


@pytest.mark.parametrize("code", WRITING.values(), ids=WRITING)
def test_a_cut_write_leaves_the_old_file_alone(store: FileStore, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    class Cut:
        def __init__(self, file: Any) -> None:
            self._file = file

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def write(self, content: bytes) -> None:
            self._file.write(content[:10])
            raise OSError(code, os.strerror(code))

    fdopen = os.fdopen
    with monkeypatch.context() as context:
        context.setattr(os, "fdopen", lambda fd, mode: Cut(fdopen(fd, mode)) if mode == "wb" else fdopen(fd, mode))
        with pytest.raises(TokenStoreError, match=os.strerror(code)):
            store.compare_and_set(KEY, 1, data_of(2))
    assert store.load(KEY) == stored_of()
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["tokens.json", "tokens.json.lock"]


def test_a_folder_whose_change_cannot_be_made_durable_is_a_typed_error_and_no_half_write(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        context.setattr(os, "open", failing(errno.EIO, _opens("/state"), os.open))
        with pytest.raises(TokenStoreError, match="Input/output error"):
            store.compare_and_set(KEY, 1, data_of(2))
    assert store.load(KEY) == stored_of(2, 2)  # as a later look shows


@pytest.mark.parametrize("code", LOCKING.values(), ids=LOCKING)
def test_locks_that_do_not_work_are_a_typed_error_and_nothing_is_written_without_them(
    store: FileStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    with monkeypatch.context() as context:
        context.setattr(fcntl, "flock", failing(code, lambda _, how: how != fcntl.LOCK_UN, fcntl.flock))
        for call in (
            lambda: store.compare_and_set(KEY, 1, data_of(2)),
            lambda: store.try_lock(KEY, "me", 30),
            lambda: store.lock_holder(KEY),
        ):
            with pytest.raises(TokenStoreError, match=os.strerror(code)):
                call()
    assert store.load(KEY) == stored_of()


@pytest.mark.parametrize("side", ["write lock", "refresh lock"])
def test_a_folder_in_place_of_a_lock_file_is_a_typed_error(store: FileStore, side: str) -> None:
    path = store.path.with_name("tokens.json.lock") if side == "write lock" else store._locks._refresh_lock(KEY)
    path.unlink(missing_ok=True)
    path.mkdir()
    with pytest.raises(TokenStoreError, match="Is a directory"):
        store.compare_and_set(KEY, 1, data_of(2)) if side == "write lock" else store.try_lock(KEY, "me", 30)
    assert store.load(KEY) == stored_of()


def test_a_lock_file_that_was_deleted_costs_work_and_never_a_record(store: FileStore) -> None:
    # Two may refresh then; the compare-and-set still lets one of them save.
    assert store.try_lock(KEY, "one", 30)
    for lock in store.path.parent.glob("*.lock"):
        lock.unlink()
    other = FileStore(store.path)
    assert other.try_lock(KEY, "two", 30)
    assert other.compare_and_set(KEY, 1, data_of(2))
    assert not store.compare_and_set(KEY, 1, data_of(2, tokens="late"))
    store.unlock(KEY, "one")
    other.unlock(KEY, "two")
    assert store.load(KEY) == stored_of(2, 2)


def test_a_folder_that_was_deleted_is_made_anew(store: FileStore) -> None:
    shutil.rmtree(store.path.parent)
    assert store.load(KEY) is None
    assert store.compare_and_set(KEY, 0, data_of(5))
    assert store.load(KEY) == stored_of(5, 1)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 240])
def test_a_name_too_long_for_the_file_or_its_side_files_is_a_typed_error(tmp_path: Path, name: str) -> None:
    store = FileStore(tmp_path / name)
    with pytest.raises(TokenStoreError, match="File name too long"):
        store.compare_and_set(KEY, 0, data_of())
    assert not any(path.is_file() and path.stat().st_size for path in tmp_path.iterdir())


def test_a_path_that_no_file_can_have_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="NUL"):
        FileStore("/tmp/tokens\0.json")


def test_an_older_copy_put_back_under_a_running_process_spends_no_token_twice(
    server: FakeAuthServer, tmp_path: Path
) -> None:
    store = FileStore(tmp_path / "tokens.json")
    with signed_in(server, store=store) as client:
        older = store.path.read_bytes()
        client.session.refresh()
        store.path.write_bytes(older)
        client.session.refresh()
        assert server.ledger["reused"] == 0
        assert server.ledger["rotations"] == 2
        loaded = Records(store, client.session.key).load()
        assert loaded is not None
        assert loaded.pair == client.session.tokens


def test_a_holder_that_died_while_signing_is_still_named(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_locks, "_sign", lambda descriptor: os.ftruncate(descriptor, 0))
    assert store.try_lock(KEY, "me", 30)
    assert FileStore(store.path).lock_holder(KEY) == "a process that is just taking it"
    store.unlock(KEY, "me")
