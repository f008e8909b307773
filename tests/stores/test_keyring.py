"""KeyringStore: the contract on a keyring in a file, long secrets in parts, damage, and keyrings that lock or hang."""

import contextlib
import functools
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.errors import InitError, KeyringError, NoKeyringError, PasswordSetError
from signedin import ConfigurationError, KeyringStore, Stored, TokenStore, TokenStoreError
from signedin.stores import open_store
from signedin.testing.contract import TokenStoreContract

from tests.stores.data import KEY, assert_refused, data_of, long_data, stored_of
from tests.stores.keyrings import MemoryKeyring, store_in_a_file

pytestmark = pytest.mark.usefixtures("first_revisions_are_one")


class TestKeyringStore(TokenStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> TokenStore:
        self.opening = functools.partial(store_in_a_file, tmp_path)
        return self.opening()

    def elsewhere(self, store: TokenStore) -> Callable[[], TokenStore]:  # noqa: ARG002 -- one folder for all
        return self.opening


@pytest.fixture
def ring() -> MemoryKeyring:
    return MemoryKeyring()


@pytest.fixture
def opening(ring: MemoryKeyring, tmp_path: Path) -> Callable[..., KeyringStore]:
    """Open the store once more, as another program would."""
    return functools.partial(KeyringStore, backend=ring, folder=tmp_path)


@pytest.fixture
def store(opening: Callable[..., KeyringStore]) -> KeyringStore:
    return opening()


def long_stored(number: int = 1, revision: int = 1) -> Stored:
    return Stored(revision, long_data(number))


def when_it_answers(call: Callable[[], Stored | None]) -> Stored | None:
    end = time.monotonic() + 30
    while True:
        try:
            return call()
        except TokenStoreError:
            assert time.monotonic() < end


def test_a_short_record_is_one_entry_that_bears_the_sessions_name(store: KeyringStore, ring: MemoryKeyring) -> None:
    assert store.compare_and_set(KEY, 0, data_of())
    assert list(ring.secrets) == [("signedin", KEY)]


def test_a_long_record_is_stored_in_parts_that_every_keyring_takes(store: KeyringStore, ring: MemoryKeyring) -> None:
    assert store.compare_and_set(KEY, 0, long_data())
    assert store.load(KEY) == long_stored()
    assert len(ring.secrets) > 5
    assert max(len(secret.encode("utf-16-le")) for secret in ring.secrets.values()) == 2500


def test_the_head_is_written_after_the_parts_and_the_old_ones_go_last(store: KeyringStore, ring: MemoryKeyring) -> None:
    store.compare_and_set(KEY, 0, long_data())
    ring.done.clear()
    store.compare_and_set(KEY, 1, long_data(2))
    changes = [(verb, service) for verb, service, _ in ring.done if verb != "get"]
    parts = changes.index(("set", "signedin"))
    assert set(changes[:parts]) == {("set", "signedin/parts")}
    assert set(changes[parts + 1 :]) == {("delete", "signedin/parts")}


@pytest.mark.parametrize("after", [data_of(2), long_data(2), b""])
def test_no_part_of_an_older_record_stays(store: KeyringStore, ring: MemoryKeyring, after: bytes) -> None:
    store.compare_and_set(KEY, 0, long_data(1))
    store.compare_and_set(KEY, 1, after)
    assert store.load(KEY) == Stored(2, after)
    assert not any("1" * 50 in secret for secret in ring.secrets.values())


@pytest.mark.parametrize("nth", range(8))
def test_a_write_that_is_cut_leaves_the_old_record_and_the_next_one_cleans_up(
    opening: Callable[..., KeyringStore], ring: MemoryKeyring, nth: int
) -> None:
    store = opening()
    store.compare_and_set(KEY, 0, long_data())
    count = len(ring.secrets)
    writes = iter(range(100))

    def cut(verb: str, *_: str) -> None:
        if verb == "set" and next(writes) == nth:
            raise OSError("cut")

    ring.before = cut
    with pytest.raises(TokenStoreError, match="as it was, or new as a whole"):
        store.compare_and_set(KEY, 1, long_data(2))
    ring.before = lambda *_: None
    assert opening().load(KEY) == long_stored()
    assert opening().compare_and_set(KEY, 1, long_data(3))
    assert opening().load(KEY) == long_stored(3, 2)
    assert len(ring.secrets) == count


@pytest.mark.parametrize("after", [data_of(2), b"", long_data(3)])
def test_the_parts_of_a_write_that_was_cut_go_with_the_next_one_of_whatever_size(
    store: KeyringStore, ring: MemoryKeyring, after: bytes
) -> None:
    store.compare_and_set(KEY, 0, data_of())

    def cut(verb: str, service: str, _: str) -> None:
        if (verb, service) == ("set", "signedin"):
            raise OSError("cut")

    ring.before = cut
    with pytest.raises(TokenStoreError):
        store.compare_and_set(KEY, 1, long_data(2))
    ring.before = lambda *_: None
    assert any("2" * 50 in secret for secret in ring.secrets.values())
    assert store.compare_and_set(KEY, 1, after)
    assert store.load(KEY) == Stored(2, after)
    assert not any("2" * 50 in secret for secret in ring.secrets.values())


def test_an_undeletable_leftover_costs_nobody_the_new_record(store: KeyringStore, ring: MemoryKeyring) -> None:
    store.compare_and_set(KEY, 0, long_data())

    def refuse(verb: str, *_: str) -> None:
        if verb == "delete":
            raise OSError("read only")

    ring.before = refuse
    assert store.compare_and_set(KEY, 1, long_data(2))
    assert store.load(KEY) == long_stored(2, 2)


def test_a_reader_overtaken_by_writes_reads_again(opening: Callable[..., KeyringStore], ring: MemoryKeyring) -> None:
    writer = opening()
    writer.compare_and_set(KEY, 0, long_data())

    def overtake(verb: str, service: str, username: str) -> None:
        if (verb, service, username) == ("get", "signedin/parts", f"0.1:{KEY}"):
            ring.before = lambda *_: None
            assert writer.compare_and_set(KEY, 1, long_data(2))
            assert writer.compare_and_set(KEY, 2, long_data(3))

    ring.before = overtake
    assert opening().load(KEY) == long_stored(3, 3)


def test_a_profile_named_like_a_part_is_another_record(store: KeyringStore) -> None:
    names = [KEY, f"0.0:{KEY}", f"parts/0.0:{KEY}"]
    for number, name in enumerate(names, 1):
        assert store.compare_and_set(name, 0, long_data(number))
    assert [store.load(name) for name in names] == [long_stored(number) for number in (1, 2, 3)]


HEADS = ["", "{", "null", "5", "[]", '{"format": 0}', '{"format": 1}', '{"format": 1, "revision": 1}', "t-refresh-1",
         '{"format": 1, "slot": 0, "parts": 0}', '{"format": 1, "slot": 7, "parts": 1}', "[" * 100_000,
         '{"format": 1, "slot": 0, "parts": 1000000000}', '{"format": 1, "slot": [], "parts": "1"}']  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("method", ["load", "compare_and_set"])
def test_a_damaged_entry_is_moved_not_lost(store: KeyringStore, ring: MemoryKeyring, head: str, method: str) -> None:
    store.compare_and_set(KEY, 0, data_of())
    damaged = ring.secrets["signedin", KEY] = head[:1200]
    with pytest.raises(TokenStoreError, match="nothing is lost") as error:
        store.load(KEY) if method == "load" else store.compare_and_set(KEY, 1, data_of(2))
    assert "t-refresh" not in str(error.value)
    assert ring.services() == ["signedin/damaged"]
    assert list(ring.secrets.values()) == [damaged]
    assert store.load(KEY) is None
    assert store.compare_and_set(KEY, 0, data_of(4))


@pytest.mark.parametrize("head", ["{", '{"format": 1, "revision": 0}', '{"format": 1, "slot": 0, "parts": 2}'])
def test_a_look_at_a_damaged_entry_changes_nothing(store: KeyringStore, ring: MemoryKeyring, head: str) -> None:
    store.compare_and_set(KEY, 0, long_data())
    assert store.peek(KEY) == long_stored()
    ring.secrets["signedin", KEY] = head
    before = dict(ring.secrets)
    for _ in range(2):
        with pytest.raises(TokenStoreError, match="Nothing was changed; the next use moves it aside"):
            store.peek(KEY)
    assert ring.secrets == before


def test_an_entry_of_a_later_version_is_left_alone(store: KeyringStore, ring: MemoryKeyring) -> None:
    ring.secrets["signedin", KEY] = '{"format": 2, "all": "new"}'
    before = dict(ring.secrets)
    assert_refused(store, "later version", revision=0)
    assert ring.secrets == before


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_record_whose_parts_do_not_fit_is_moved_with_them(
    store: KeyringStore, ring: MemoryKeyring, damage: str
) -> None:
    store.compare_and_set(KEY, 0, long_data())
    last = max(name for service, name in ring.secrets if service == "signedin/parts")
    if damage == "missing":
        del ring.secrets["signedin/parts", last]
    else:
        ring.secrets["signedin/parts", last] += "x"
    before = sorted(ring.secrets.values())
    with pytest.raises(TokenStoreError, match="parts do not fit together"):
        store.load(KEY)
    assert set(ring.services()) == {"signedin/damaged"}
    assert sorted(ring.secrets.values()) == before
    assert store.compare_and_set(KEY, 0, long_data(2))
    assert store.load(KEY) == long_stored(2)


@pytest.mark.parametrize("backend", [keyring.backends.fail.Keyring, keyring.backends.null.Keyring])
def test_a_system_without_a_keyring_says_what_to_do(backend: Any, tmp_path: Path) -> None:
    store = KeyringStore(backend=backend(), folder=tmp_path)
    assert_refused(store, r"no keyring that keeps anything; nothing was stored.*FileStore", revision=0)


def test_the_librarys_own_choice_is_the_default(ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_keyring", lambda: ring)
    store = open_store("keyring:")
    assert store.compare_and_set(KEY, 0, data_of())
    assert ("signedin", KEY) in ring.secrets


def test_a_locked_keyring_is_a_typed_error_in_its_own_words(store: KeyringStore, ring: MemoryKeyring) -> None:
    store.compare_and_set(KEY, 0, data_of())
    ring.locked = True
    assert_refused(store, r"KeyringLocked: Failed to unlock the collection!.* Unlock it")
    ring.locked = False
    assert store.load(KEY) == stored_of()


@pytest.mark.parametrize("error", [InitError("Prompt dismissed"), PasswordSetError("Can't store"), NoKeyringError()])
def test_a_keyrings_error_is_a_typed_error(store: KeyringStore, ring: MemoryKeyring, error: KeyringError) -> None:
    store.compare_and_set(KEY, 0, data_of())

    def fail(*_: str) -> None:
        raise error

    ring.before = fail
    assert_refused(store, type(error).__name__)
    ring.before = lambda *_: None
    assert store.load(KEY) == stored_of()


def test_a_cut_secret_is_damaged(store: KeyringStore, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = ring.set_password
    monkeypatch.setattr(ring, "set_password", lambda service, name, secret: keep(service, name, secret[:60]))
    assert store.compare_and_set(KEY, 0, data_of())
    with pytest.raises(TokenStoreError, match="was damaged"):
        store.load(KEY)


def test_a_backends_words_are_not_quoted(store: KeyringStore, ring: MemoryKeyring) -> None:
    def raise_with_secret(*_: str) -> None:
        raise ValueError("could not store t-refresh-1")

    ring.before = raise_with_secret
    with pytest.raises(TokenStoreError, match=r"failed \(ValueError\)") as error:
        store.compare_and_set(KEY, 0, data_of())
    assert error.value.__cause__ is None
    assert error.value.__context__ is None


def test_a_hanging_keyring_times_out_and_works_again_later(
    opening: Callable[..., KeyringStore], ring: MemoryKeyring
) -> None:
    store = opening(patience=0.1)
    assert store.compare_and_set(KEY, 0, data_of())
    ring.open.clear()
    assert_refused(store, r"not answered for 0.1 s; it may be locked")
    ring.open.set()
    # The load had begun. The write had not, and must not come true behind its caller's back: its turn is over now.
    assert when_it_answers(lambda: store.load(KEY)) == stored_of()
    patient = opening()
    assert patient.compare_and_set(KEY, 1, data_of(3))
    assert patient.load(KEY) == stored_of(3, 2)


def test_a_late_write_overwrites_nothing_newer(opening: Callable[..., KeyringStore], ring: MemoryKeyring) -> None:
    slow, other = opening(patience=0.1), opening(patience=0.2)
    assert slow.compare_and_set(KEY, 0, data_of())
    ring.before = lambda verb, *_: ring.open.clear() if verb == "set" else None
    with pytest.raises(TokenStoreError, match="new as a whole"):
        slow.compare_and_set(KEY, 1, data_of(2, tokens="late"))
    assert ring.hanging.wait(10)
    ring.before = lambda *_: None
    with pytest.raises(TokenStoreError, match="has been writing"):  # locked until the keyring has answered
        other.compare_and_set(KEY, 1, data_of(2))
    ring.open.set()
    patient = opening()
    assert patient.compare_and_set(KEY, 1, data_of(2)) is False
    assert patient.load(KEY) == stored_of(2, 2, tokens="late")


def test_a_folder_that_cannot_be_used_is_a_typed_error(ring: MemoryKeyring, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = KeyringStore(backend=ring, folder=tmp_path / "file")
    for call in (
        lambda: store.compare_and_set(KEY, 0, data_of()),
        lambda: store.try_lock(KEY, "me", 30),
        lambda: store.lock_holder(KEY),
    ):
        with pytest.raises(TokenStoreError, match=r"File exists|Not a directory"):
            call()
    assert not ring.secrets


def test_a_keyring_that_hangs_keeps_no_process_alive(
    opening: Callable[..., KeyringStore], ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    monkeypatch.setattr(ring, "get_password", lambda *_: threads.append(threading.current_thread()))
    opening().load(KEY)
    (thread,) = threads
    assert thread.daemon
    thread.join(10)
    assert not thread.is_alive()


def test_where_no_thread_can_be_started_the_keyring_is_called_without_a_bound(
    store: KeyringStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    assert store.compare_and_set(KEY, 0, data_of())


def test_a_forked_child_has_a_thread_of_its_own(tmp_path: Path) -> None:
    store = store_in_a_file(tmp_path)
    assert store.compare_and_set(KEY, 0, data_of())
    child = os.fork()
    if not child:
        status = 1
        with contextlib.suppress(BaseException):
            store.after_fork()
            status = 0 if store.compare_and_set(KEY, 1, data_of(2)) else 2
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert store.load(KEY) == stored_of(2, 2)


def test_lock_files_hold_no_secret_and_lie_in_the_state_folder(ring: MemoryKeyring, tmp_path: Path) -> None:
    store = KeyringStore(backend=ring)
    store.compare_and_set(KEY, 0, data_of())
    store.try_lock(KEY, "me", 30)
    store.unlock(KEY, "me")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.parent for path in files} == {tmp_path / "state" / "signedin"}
    assert len(files) == 2
    assert not any(b"t-" in path.read_bytes() for path in files)


@pytest.mark.parametrize("name", ["", "a/b", "line\nfeed"])
def test_a_service_name_that_could_clash_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="service"):
        KeyringStore(name)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigurationError, match=r"pip install signedin\[keyring\]"):
        KeyringStore()
