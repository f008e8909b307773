"""The contract of token stores, as a class to inherit from: `signedin.TokenStore` states it, this tests it.

    class TestMyStore(TokenStoreContract):
        @pytest.fixture
        def store(self) -> TokenStore:
            return MyStore(...)

The store must be empty. One that is not private says in `elsewhere` how another process opens the same records; real
processes then race for them.
"""

# ruff: noqa: S101 -- a suite for pytest, shipped

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from multiprocessing.process import BaseProcess
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier

    from signedin.protocols import Stored, TokenStore

_KEY = "https://auth.test/api/v1#default"
_PATIENCE = 60  # seconds; a process may take a while to start
_RACERS = 8
_PROCESSES = 3
_ROUNDS = 10


def put(store: TokenStore, data: bytes, key: str = _KEY) -> Stored:
    """Write over whatever is there and return what is read back."""
    assert store.compare_and_set(key, revision_of(store, key), data) is True
    stored = store.load(key)
    assert stored is not None
    return stored


def revision_of(store: TokenStore, key: str = _KEY) -> int:
    """Return the revision that is there, 0 for none."""
    stored = store.load(key)
    return stored.revision if stored else 0


class TokenStoreContract:
    """What every token store must do; give a `store` fixture."""

    shortest_lease = 1.0  # seconds, for a process that then dies

    @pytest.fixture
    def store(self) -> TokenStore:
        """Return an empty store."""
        raise NotImplementedError("give a `store` fixture")

    def elsewhere(self, store: TokenStore) -> Callable[[], TokenStore]:
        """Return what opens the same records in another process, picklable; a private store needs none."""
        raise NotImplementedError("give an `elsewhere` method, such as functools.partial(MyStore, store.path)")

    # ------------------------------------------------------------------------------------------------ one caller

    def test_an_empty_store_has_no_record(self, store: TokenStore) -> None:
        assert store.load(_KEY) is None

    @pytest.mark.parametrize(
        "data",
        [b"{}", b'{"token": "t-refresh-1"}', bytes(range(256)), "\N{SNOWMAN}".encode(), b"", b"a" * 40_000],
        ids=["short", "json", "every byte", "utf-8", "empty", "long"],
    )
    def test_bytes_are_read_back_as_they_were_written(self, store: TokenStore, data: bytes) -> None:
        for written in (data, b"something else", data):
            assert put(store, written).data == written

    def test_every_write_adds_one_to_the_revision(self, store: TokenStore) -> None:
        first = put(store, b"1").revision
        assert first > 0
        assert [put(store, data).revision for data in (b"2", b"2", b"3")] == [first + 1, first + 2, first + 3]

    def test_a_write_needs_the_revision_that_is_there(self, store: TokenStore) -> None:
        assert store.compare_and_set(_KEY, 1, b"1") is False
        assert store.load(_KEY) is None
        stored = put(store, b"1")
        for wrong in (0, stored.revision - 1, stored.revision + 1):
            assert store.compare_and_set(_KEY, wrong, b"2") is False
        assert store.load(_KEY) == stored

    def test_first_revisions_differ(self, store: TokenStore) -> None:
        # If a record is deleted and created again, a compare-and-set of the old revision must not match it (ABA).
        assert len({put(store, b"1", f"key {number}").revision for number in range(4)}) > 1

    def test_keys_are_kept_apart(self, store: TokenStore) -> None:
        keys = [_KEY, "https://auth.test/api/v1#other", "https://auth.test:8443#default", "ключ/../ \N{SNOWMAN}"]
        written = [put(store, f"{number}".encode(), key) for number, key in enumerate(keys)]
        assert [store.load(key) for key in keys] == written

    def test_the_lock_has_one_holder(self, store: TokenStore) -> None:
        assert store.try_lock(_KEY, "one", 30) is True
        assert store.try_lock(_KEY, "two", 30) is False
        store.unlock(_KEY, "one")
        assert store.try_lock(_KEY, "two", 30) is True
        store.unlock(_KEY, "two")

    def test_only_the_holder_unlocks(self, store: TokenStore) -> None:
        store.unlock(_KEY, "nobody holds it")
        assert store.try_lock(_KEY, "one", 30)
        store.unlock(_KEY, "two")
        assert store.try_lock(_KEY, "two", 30) is False
        store.unlock(_KEY, "one")
        store.unlock(_KEY, "one")
        assert store.try_lock(_KEY, "two", 30) is True
        store.unlock(_KEY, "two")

    def test_locks_of_different_keys_are_apart(self, store: TokenStore) -> None:
        assert store.try_lock(_KEY, "one", 30)
        assert store.try_lock("another key", "two", 30)
        store.unlock("another key", "two")
        store.unlock(_KEY, "one")

    def test_the_lock_stops_neither_readers_nor_writers(self, store: TokenStore) -> None:
        # Signing out waits for no refresh.
        assert store.try_lock(_KEY, "one", 30)
        assert put(store, b"1").data == b"1"
        store.unlock(_KEY, "one")

    def test_its_repr_shows_no_token(self, store: TokenStore) -> None:
        stored = put(store, b"t-refresh-1")
        assert "t-refresh" not in f"{store!r} {store} {stored!r}"

    # ----------------------------------------------------------------------------------------------- many callers

    def test_of_many_threads_one_wins_each_revision(self, store: TokenStore) -> None:
        barrier = threading.Barrier(_RACERS)

        def race(me: int) -> int:
            return _write_race(store, barrier.wait, me)

        with ThreadPoolExecutor(_RACERS) as pool:
            won = list(pool.map(race, range(_RACERS), timeout=_PATIENCE))
        assert sum(won) == _ROUNDS

    def test_of_many_threads_one_gets_the_lock(self, store: TokenStore) -> None:
        barrier = threading.Barrier(_RACERS)

        def race(me: int) -> int:
            return _lock_race(store, barrier.wait, me)

        with ThreadPoolExecutor(_RACERS) as pool:
            won = list(pool.map(race, range(_RACERS), timeout=_PATIENCE))
        assert sum(won) == _ROUNDS

    def test_no_reader_sees_half_a_write(self, store: TokenStore) -> None:
        put(store, _halves(0))
        done = threading.Event()

        def read() -> int:
            seen = 0
            while not done.is_set():
                stored = store.load(_KEY)
                assert stored is not None
                half = len(stored.data) // 2
                assert stored.data[:half] == stored.data[half:]
                seen += 1
            return seen

        with ThreadPoolExecutor(2) as pool:
            readers = [pool.submit(read) for _ in range(2)]
            for number in range(1, 20):
                put(store, _halves(number))
            done.set()
            assert all(reader.result(_PATIENCE) for reader in readers)

    def test_of_many_processes_one_wins_each_race(self, store: TokenStore) -> None:
        if store.private:
            return  # there is nobody to race with
        context = multiprocessing.get_context("spawn")
        barrier, wins = context.Barrier(_PROCESSES), context.Queue()
        racers = [
            context.Process(target=_race_in_child, args=(self.elsewhere(store), barrier, me, wins), daemon=True)
            for me in range(_PROCESSES)
        ]
        for racer in racers:
            racer.start()
        try:
            won = [wins.get(timeout=_PATIENCE) for _ in racers]
        finally:
            _end(racers)
        assert [sum(written) for written in zip(*won, strict=True)] == [_ROUNDS, _ROUNDS]

    def test_a_lock_ends_with_its_process(self, store: TokenStore) -> None:
        if store.private:
            return  # its holders are threads of this process
        context = multiprocessing.get_context("spawn")
        took = context.Queue()
        holder = context.Process(target=_lock_and_stay, args=(self.elsewhere(store), took), daemon=True)
        holder.start()
        try:
            assert took.get(timeout=_PATIENCE) is True
            assert store.try_lock(_KEY, "me", self.shortest_lease) is False
        finally:
            _end([holder])
        assert self.eventually(lambda: store.try_lock(_KEY, "me", 30))
        store.unlock(_KEY, "me")

    def eventually(self, holds: Callable[[], bool]) -> bool:
        """Say whether it holds within twice the lease, for stores that cannot see processes end."""
        end = time.monotonic() + 2 * self.shortest_lease
        while not (held := holds()) and time.monotonic() < end:
            time.sleep(0.02)
        return held


def _write_race(store: TokenStore, together: Callable[[], object], me: int) -> int:
    """Return how many of the revisions this racer won."""
    won = 0
    for _ in range(_ROUNDS):
        revision = revision_of(store)
        together()  # everybody has read it
        won += store.compare_and_set(_KEY, revision, f"racer-{me}".encode())
        together()  # everybody has tried
    return won


def _lock_race(store: TokenStore, together: Callable[[], object], me: int) -> int:
    """Return how often this racer got the lock."""
    won = 0
    for _ in range(_ROUNDS):
        together()
        got = store.try_lock(_KEY, f"racer-{me}", 30)
        won += got
        together()  # everybody has tried
        if got:
            store.unlock(_KEY, f"racer-{me}")
    return won


def _race_in_child(
    open_store: Callable[[], TokenStore], barrier: Barrier, me: int, wins: Queue[tuple[int, int]]
) -> None:
    store = open_store()

    def together() -> None:
        barrier.wait(_PATIENCE)

    wins.put((_write_race(store, together, me), _lock_race(store, together, me)))


def _lock_and_stay(open_store: Callable[[], TokenStore], took: Queue[bool]) -> None:
    took.put(open_store().try_lock(_KEY, "the child", TokenStoreContract.shortest_lease))
    threading.Event().wait(_PATIENCE)


def _halves(number: int) -> bytes:
    return f"{number:04} ".encode() * 800  # so long that a keyring keeps it in parts


def _end(processes: Iterable[BaseProcess]) -> None:
    for process in processes:
        process.kill()
        process.join(_PATIENCE)
