"""The token file: private, atomic, and refused or moved aside when it is not what it should be. Nothing is lost."""

import errno
import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from signedin import FileStore, TokenStoreError
from signedin.stores import file as file_module

from tests.auth.driving import Server, client_on, signed_in
from tests.stores.data import KEY, assert_refused, data_of, stored_of


@pytest.fixture(autouse=True)
def first_revisions_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let these tests name revisions."""
    monkeypatch.setattr(file_module, "first_revision", lambda: 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tokens.json"


@pytest.fixture
def store(path: Path) -> FileStore:
    """A store with one record in it."""
    store = FileStore(path)
    assert store.compare_and_set(KEY, 0, data_of())
    return store


def test_files_are_private_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        store = FileStore(path)
        store.compare_and_set(KEY, 0, data_of())
        store.try_lock(KEY, "me", 30)
        store.unlock(KEY, "me")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_can_read_is_not_used(store: FileStore) -> None:
    for mode in (0o640, 0o604, 0o620, 0o644, 0o777):
        store.path.chmod(mode)
        before = store.path.read_bytes()
        assert_refused(store, "chmod 600")
        assert store.path.read_bytes() == before
    store.path.chmod(0o600)
    assert store.load(KEY) == stored_of()


def test_a_file_of_another_user_is_not_used(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    other = os.geteuid() + 1
    if os.geteuid() == 0:
        os.chown(store.path, other, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: other)
    assert_refused(store, "another user")


def test_a_symlink_is_not_followed(store: FileStore, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.json"
    store.path.rename(target)
    store.path.symlink_to(target)
    before = target.read_bytes()
    assert_refused(store, "symlink")
    assert target.read_bytes() == before
    assert store.path.is_symlink()


@pytest.mark.parametrize("side", ["tokens.json.lock", "refresh lock"])
def test_a_symlink_for_a_side_file_is_not_followed(store: FileStore, tmp_path: Path, side: str) -> None:
    target = tmp_path / "precious"
    if side == "refresh lock":
        assert store.try_lock(KEY, "me", 30)
        store.unlock(KEY, "me")
        (lock,) = [file for file in store.path.parent.iterdir() if file.name.count(".") == 3]
        lock.unlink()
        lock.symlink_to(target)
        with pytest.raises(TokenStoreError):
            store.try_lock(KEY, "me", 30)
    else:
        (store.path.parent / side).unlink()
        (store.path.parent / side).symlink_to(target)
        with pytest.raises(TokenStoreError):
            store.compare_and_set(KEY, 1, data_of(2))
    assert not target.exists()


DAMAGED = {
    "empty": b"",
    "half": b'{"format": 1, "records": {',
    "no json": b"\x00\xff\xfe tokens",
    "array": b"[]",
    "null": b"null",
    "deep": b"[" * 100_000,
    "other format": b'{"format": 0, "records": {}}',
    "no records": b'{"format": 1}',
    "records no object": b'{"format": 1, "records": []}',
}
GOOD: dict[str, Any] = {"revision": 1, "data": "{}"}
DAMAGED_ENTRIES: dict[str, Any] = {
    "no object": 5,
    "empty": {},
    "revision null": GOOD | {"revision": None},
    "revision zero": GOOD | {"revision": 0},
    "revision a boolean": GOOD | {"revision": True},
    "revision not a number": GOOD | {"revision": float("nan")},
    "data a number": GOOD | {"data": 5},
    "data no bytes": GOOD | {"data": "\N{SNOWMAN}"},
}


def write_private(path: Path, content: bytes) -> None:
    """Put content where a store looks for its file."""
    path.parent.mkdir(exist_ok=True)
    path.touch(0o600)
    path.write_bytes(content)


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("use", ["load", "write"])
def test_a_damaged_file_is_moved_aside_and_nothing_is_lost(path: Path, content: bytes, use: str) -> None:
    write_private(path, content)
    store = FileStore(path)
    with pytest.raises(TokenStoreError, match=r"moved to .*Sign in again"):
        store.load(KEY) if use == "load" else store.compare_and_set(KEY, 0, data_of())
    (aside,) = path.parent.glob("tokens.json.corrupt-*")
    assert aside.read_bytes() == content
    assert store.load(KEY) is None
    assert store.compare_and_set(KEY, 0, data_of())
    assert store.load(KEY) == stored_of()


@pytest.mark.parametrize("damaged", DAMAGED_ENTRIES.values(), ids=DAMAGED_ENTRIES)
@pytest.mark.parametrize("use", ["load", "write"])
def test_a_damaged_entry_is_moved_aside_alone_and_the_others_stay(path: Path, damaged: Any, use: str) -> None:
    content = {"format": 1, "records": {"bob": GOOD, KEY: damaged, "damaged too": 7}}
    write_private(path, json.dumps(content).encode())
    store = FileStore(path)
    bob = store.load("bob")
    assert bob is not None
    with pytest.raises(TokenStoreError, match=rf"The record '{KEY}' .*moved to .*others stay.*Sign in again"):
        store.load(KEY) if use == "load" else store.compare_and_set(KEY, 0, data_of())
    (aside,) = path.parent.glob("tokens.json.corrupt-*")
    # By repr: of the numbers that JSON knows in Python, one is not equal to itself.
    assert repr(json.loads(aside.read_text())) == repr({"format": 1, "records": {KEY: damaged}})
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["records"] == {"bob": GOOD, "damaged too": 7}
    assert store.load(KEY) is None
    assert store.load("bob") == bob
    assert store.compare_and_set(KEY, 0, data_of())
    assert (store.load(KEY), store.load("bob")) == (stored_of(), bob)


def test_a_damaged_entry_that_cannot_be_moved_aside_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(path, json.dumps({"format": 1, "records": {"bob": GOOD, KEY: {}}}).encode())
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as context:
        context.setattr(os, "fsync", fail)
        with pytest.raises(TokenStoreError, match=r"No space left on device\. The tokens were left as they are"):
            FileStore(path).load(KEY)
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.corrupt-*"))


def test_a_record_too_deep_to_be_written_moves_the_file(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.12 and later read deeper JSON than they write."""

    def too_deep(*_: object, **__: object) -> str:
        raise RecursionError

    content = json.dumps({"format": 1, "records": {KEY: []}}).encode()
    write_private(store.path, content)
    monkeypatch.setattr(json, "dumps", too_deep)
    with pytest.raises(TokenStoreError, match=r"nested too deep.*moved to"):
        store.load(KEY)
    (aside,) = store.path.parent.glob("tokens.json.corrupt-*")
    assert aside.read_bytes() == content


@pytest.mark.parametrize("content", [b"{", json.dumps({"format": 1, "records": {"bob": GOOD, KEY: {}}}).encode()])
def test_a_look_at_a_damaged_file_changes_nothing(path: Path, content: bytes) -> None:
    write_private(path, content)
    store = FileStore(path)
    for _ in range(2):
        with pytest.raises(TokenStoreError, match="Nothing was changed; the next use moves aside"):
            store.peek(KEY)
    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [("tokens.json", content)]


def test_a_look_shows_what_a_load_returns(store: FileStore) -> None:
    assert (store.peek(KEY), store.peek("nobody")) == (stored_of(), None)


def test_what_a_killed_write_left_goes_with_the_next_write(store: FileStore) -> None:
    killed = f"""
import os, signal
from pathlib import Path
from signedin import FileStore
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
FileStore({str(store.path)!r}).compare_and_set({KEY!r}, 1, b"t-refresh-2")
"""
    assert subprocess.run([sys.executable, "-c", killed], timeout=60, check=False).returncode == -signal.SIGKILL
    (left,) = store.path.parent.glob(".tokens.json.*")
    assert "t-refresh-2" in left.read_text()
    assert store.load(KEY) == stored_of()
    assert store.compare_and_set(KEY, 1, b"")
    assert not list(store.path.parent.glob(".tokens.json.*"))


def test_a_write_removes_no_file_that_it_has_not_made_itself(store: FileStore, tmp_path: Path) -> None:
    folder, ours = store.path.parent, ".tokens.json.0123456789abcdef.new"
    others = [".tokens.json.new", ".tokens.json.0123456789abcdef.new.bak", ".other.json.0123456789abcdef.new",
              ".tokens.json.0123456789ABCDEF.new", "tokens.json.0123456789abcdef.new"]  # fmt: skip
    for name in others:
        (folder / name).touch()
    (tmp_path / "precious").touch()
    (folder / ours).symlink_to(tmp_path / "precious")
    (folder / ours.replace("0", "1")).mkdir()
    if os.geteuid() == 0:
        (folder / ours.replace("0", "2")).touch()
        os.chown(folder / ours.replace("0", "2"), 12345, -1)
    before = {path.name for path in folder.iterdir()}
    assert store.compare_and_set(KEY, 1, data_of(2))
    assert {path.name for path in folder.iterdir()} == before
    assert (tmp_path / "precious").exists()


def test_a_file_that_was_repaired_meanwhile_is_not_moved_aside(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, damaged, parsed = store.path.read_bytes(), threading.Event(), file_module._parsed

    def noting(content: bytes) -> dict[str, Any]:
        try:
            return parsed(content)
        except ValueError:
            damaged.set()
            raise

    monkeypatch.setattr(file_module, "_parsed", noting)
    store.path.write_bytes(b"damaged")
    with (store.path.parent / "tokens.json.lock").open("r+") as writer, ThreadPoolExecutor(1) as pool:
        fcntl.flock(writer, fcntl.LOCK_EX)
        loading = pool.submit(store.load, KEY)
        assert damaged.wait(10)
        store.path.write_bytes(sound)
        fcntl.flock(writer, fcntl.LOCK_UN)
        assert loading.result(20) == stored_of()
    assert not list(store.path.parent.glob("*.corrupt-*"))


def test_a_huge_file_is_not_read_into_memory(path: Path) -> None:
    write_private(path, b"")
    os.truncate(path, 1 << 36)  # sparse
    with pytest.raises(TokenStoreError, match="moved to"):
        FileStore(path).load(KEY)


@pytest.mark.parametrize("name", ["revision", "data"])
def test_the_message_of_a_damaged_file_quotes_nothing_of_it(path: Path, name: str) -> None:
    write_private(path, json.dumps({"format": 1, "records": {KEY: GOOD | {name: "s3cret \N{SNOWMAN}"}}}).encode())
    with pytest.raises(TokenStoreError) as error:
        FileStore(path).load(KEY)
    cause: BaseException | None = error.value
    while cause is not None:
        assert "s3cret" not in str(cause)
        cause = cause.__cause__


def test_a_folder_in_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    assert_refused(FileStore(path), r"not a regular file|directory", revision=0)
    assert path.is_dir()


def test_a_pipe_in_place_of_the_file_does_not_hang(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(TokenStoreError, match="not a regular file"):
        FileStore(path).load(KEY)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    assert_refused(FileStore(tmp_path / "state" / "tokens.json"), "Cannot", revision=0)


@pytest.mark.parametrize("method", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    store: FileStore, monkeypatch: pytest.MonkeyPatch, method: str, code: int
) -> None:
    before = sorted(path.name for path in store.path.parent.iterdir())

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as context:
        context.setattr(*((os, "fsync", fail) if method == "fsync" else (Path, "replace", fail)))
        with pytest.raises(TokenStoreError, match=os.strerror(code)):
            store.compare_and_set(KEY, 1, data_of(2))
    assert store.load(KEY) == stored_of()
    assert sorted(path.name for path in store.path.parent.iterdir()) == before


def test_a_write_is_on_disk_before_it_is_visible(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noting_fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def noting_replace(self: Path, target: Path) -> Path:
        done.append("replace")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(Path, "replace", noting_replace)
    store.compare_and_set(KEY, 1, data_of(2))
    assert done == ["file", "replace", "folder"]


def test_a_write_lock_that_never_ends_is_a_typed_error(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store._locks, "_patience", 0.02)
    with (store.path.parent / "tokens.json.lock").open("r+") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(TokenStoreError, match="Another process"):
            store.compare_and_set(KEY, 1, data_of(2))
        assert store.load(KEY) == stored_of()  # readers need no lock
    assert store.compare_and_set(KEY, 1, data_of(2))


def test_side_files_are_never_deleted(store: FileStore) -> None:
    # A lock on a deleted file excludes nobody.
    store.try_lock(KEY, "me", 30)
    names = {path.name: path.stat().st_ino for path in store.path.parent.glob("*.lock")}
    store.unlock(KEY, "me")
    store.compare_and_set(KEY, 1, data_of(2))
    assert {path.name: path.stat().st_ino for path in store.path.parent.glob("*.lock")} == names


def test_no_descriptor_is_left_open(store: FileStore) -> None:
    def open_descriptors() -> int:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208 -- no path is wanted

    before = open_descriptors()
    for revision in range(1, 20):
        store.compare_and_set(KEY, revision, data_of(revision + 1))
        store.compare_and_set(KEY, 0, data_of())
        store.load(KEY)
        assert store.try_lock(KEY, "me", 30)
        assert not store.try_lock(KEY, "you", 30)
        store.unlock(KEY, "me")
    assert open_descriptors() == before


def test_a_relative_path_stays_when_the_process_moves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    store = FileStore("t.json")
    store.compare_and_set(KEY, 0, data_of())
    monkeypatch.chdir("/")
    assert store.load(KEY) == stored_of()


def test_a_deleted_file_is_written_anew_by_the_next_sign_in(server: Server, path: Path) -> None:
    client = signed_in(server, store=FileStore(path))
    path.unlink()
    client.session.sign_in(server.issue())
    assert client.session.explain()["generation"] == 2  # it never goes back
    server.expire_access_tokens()
    assert client.users.get_profile().email == "ada@example.com"
    assert client.session.tokens is not None
    assert server.is_live(client.session.tokens.refresh_token)


def test_a_deleted_file_signs_out_at_the_next_refresh(server: Server, path: Path) -> None:
    client = signed_in(server, store=FileStore(path))
    path.unlink()
    client.users.get_profile()  # the fresh path asks no store
    server.expire_access_tokens()
    with pytest.raises(Exception, match="Not signed in"):
        client.users.get_profile()
    assert server.ledger["refreshToken"] == 0


def test_a_new_sign_in_of_the_same_generation_is_another_pair(server: Server, path: Path) -> None:
    one, two = (client_on(server, store=FileStore(path)) for _ in range(2))
    one.session.sign_in(server.issue())
    path.unlink()  # so that the next generation is the first again
    two.session.sign_in(server.issue())
    server.fail("getProfile", "401 expired")
    assert one.users.get_profile().email == "ada@example.com"
    assert one.session.tokens == two.session.tokens
    assert server.seen == ["getProfile", "getProfile"]


def test_a_full_file_takes_no_further_session(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.compare_and_set("second", 0, data_of())
    monkeypatch.setattr(file_module, "_FULL", store.path.stat().st_size + 10)
    with pytest.raises(TokenStoreError, match="is full: it holds 2 sessions"):
        store.compare_and_set("third", 0, data_of())
    assert store.load("third") is None
    assert store.compare_and_set(KEY, 1, data_of(2))  # whoever is in it stays signed in
    assert [store.load(key) for key in (KEY, "second")] == [stored_of(2, 2), stored_of()]


def test_a_file_of_a_later_version_is_left_alone(path: Path) -> None:
    content = json.dumps({"format": 2, "records": {KEY: {"all": "new"}}}).encode()
    write_private(path, content)
    assert_refused(FileStore(path), "later version", revision=0)
    assert path.read_bytes() == content
