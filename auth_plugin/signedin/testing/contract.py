"""The contract of token stores, as a class to inherit from: `signedin.protocols.TokenStore` says it, this holds it.

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

from signedin._tokens import Intent, Record, Status, TokenPair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from multiprocessing.process import BaseProcess
    from multiprocessing.queues import Queue
    from multiprocessing.synchronize import Barrier

    from signedin.protocols import TokenStore

_KEY = "https://auth.test:443#default"
_PATIENCE = 20  # seconds
_RACERS = 8
_PROCESSES = 3
_ROUNDS = 10


def record_of(generation: int = 1, revision: int = 1, *, family: str = "family", tokens: str = "t") -> Record:
    """Return an active record; the tokens of generation 3 are "t-access-3" and "t-refresh-3"."""
    return Record.of_pair(
        TokenPair(f"{tokens}-access-{generation}", f"{tokens}-refresh-{generation}"),
        generation=generation,
        revision=revision,
        obtained_at=1_800_000_000.25,
        clock_offset=-1.5,
        family=family,
    )


class TokenStoreContract:
    """What every token store must do; give a `store` fixture."""

    shortest_lease = 1.0  # seconds; asked for by a process that then dies

    @pytest.fixture
    def store(self) -> TokenStore:
        """Return an empty store."""
        raise NotImplementedError("give a `store` fixture")

    def elsewhere(self, store: TokenStore) -> Callable[[], TokenStore]:
        """Return what opens the same records in another process, picklable; not asked of a private store."""
        raise NotImplementedError("give an `elsewhere` method, such as functools.partial(MyStore, store.path)")

    # ------------------------------------------------------------------------------------------------ one caller

    def test_an_empty_store_has_no_record(self, store: TokenStore) -> None:
        assert store.load(_KEY) is None

    def test_what_was_written_is_read_back_whole(self, store: TokenStore) -> None:
        first = record_of()
        noted = first.with_intent(Intent("attempt", 1, "owner", 1_800_000_008.5))
        for expected, record in ((0, first), (1, noted), (2, noted.ended(Status.SIGNED_OUT))):
            assert store.compare_and_set(_KEY, expected, record) is True
            assert store.load(_KEY) == record

    def test_a_jwt_read_back_still_says_when_it_expires(self, store: TokenStore) -> None:
        token = "eyJhbGciOiJub25lIn0.eyJpYXQiOjE4MDAwMDAwMDAsImV4cCI6MTgwMDAwMDMwMH0.c2ln"  # noqa: S105 -- no secret
        record = record_of()._replace(pair=TokenPair(token, "r"))
        assert store.compare_and_set(_KEY, 0, record)
        loaded = store.load(_KEY)
        assert loaded is not None
        assert loaded.pair == record.pair

    def test_a_write_needs_the_revision_that_is_there(self, store: TokenStore) -> None:
        assert store.compare_and_set(_KEY, 1, record_of()) is False
        assert store.load(_KEY) is None
        assert store.compare_and_set(_KEY, 0, record_of()) is True
        for wrong in (0, 2, 3):
            assert store.compare_and_set(_KEY, wrong, record_of(2, 2)) is False
        assert store.load(_KEY) == record_of()

    def test_the_revision_counts_and_not_the_generation(self, store: TokenStore) -> None:
        assert store.compare_and_set(_KEY, 0, record_of(generation=7, revision=1))
        assert store.compare_and_set(_KEY, 7, record_of(8, 8)) is False
        assert store.compare_and_set(_KEY, 1, record_of(8, 2)) is True

    def test_keys_are_kept_apart(self, store: TokenStore) -> None:
        keys = [_KEY, "https://auth.test:443#other", "https://auth.test:8443#default", "ключ/../ \N{SNOWMAN}"]
        for number, key in enumerate(keys, 1):
            assert store.compare_and_set(key, 0, record_of(number))
        loaded = [store.load(key) for key in keys]
        assert [record.generation if record else None for record in loaded] == [1, 2, 3, 4]

    def test_long_tokens_are_kept(self, store: TokenStore) -> None:
        record = record_of()._replace(pair=TokenPair("a" * 16_000, "r" * 16_000))
        assert store.compare_and_set(_KEY, 0, record)
        assert store.load(_KEY) == record

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
        assert store.compare_and_set(_KEY, 0, record_of())
        assert store.load(_KEY) == record_of()
        store.unlock(_KEY, "one")

    def test_its_repr_shows_no_token(self, store: TokenStore) -> None:
        assert store.compare_and_set(_KEY, 0, record_of())
        store.load(_KEY)
        assert "t-access" not in repr(store)
        assert "t-refresh" not in repr(store)

    # ----------------------------------------------------------------------------------------------- many callers

    def test_of_many_threads_one_wins_each_revision(self, store: TokenStore) -> None:
        barrier = threading.Barrier(_RACERS)

        def race(me: int) -> int:
            return _write_race(store, barrier.wait, me)

        with ThreadPoolExecutor(_RACERS) as pool:
            won = list(pool.map(race, range(_RACERS), timeout=_PATIENCE))
        assert sum(won) == _ROUNDS
        last = store.load(_KEY)
        assert last is not None
        assert last.revision == _ROUNDS

    def test_of_many_threads_one_gets_the_lock(self, store: TokenStore) -> None:
        barrier = threading.Barrier(_RACERS)

        def race(me: int) -> int:
            return _lock_race(store, barrier.wait, me)

        with ThreadPoolExecutor(_RACERS) as pool:
            won = list(pool.map(race, range(_RACERS), timeout=_PATIENCE))
        assert sum(won) == _ROUNDS

    def test_no_reader_sees_half_a_write(self, store: TokenStore) -> None:
        assert store.compare_and_set(_KEY, 0, record_of())
        done = threading.Event()

        def read() -> int:
            seen = 0
            while not done.is_set():
                seen = max(seen, _whole(store))
            return seen

        with ThreadPoolExecutor(2) as pool:
            readers = [pool.submit(read) for _ in range(2)]
            for revision in range(2, 40):
                assert store.compare_and_set(_KEY, revision - 1, record_of(revision, revision))
            done.set()
            assert all(reader.result(_PATIENCE) <= 39 for reader in readers)

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
        last = store.load(_KEY)
        assert last is not None
        assert last.revision == _ROUNDS

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
    for revision in range(_ROUNDS):
        together()
        won += store.compare_and_set(_KEY, revision, record_of(revision + 1, revision + 1, tokens=f"racer-{me}"))
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


def _whole(store: TokenStore) -> int:
    """Return the generation read, whose two tokens must be of that generation."""
    record = store.load(_KEY)
    if record is None or record.pair is None:
        raise AssertionError("the record is gone")
    assert record.pair == TokenPair(f"t-access-{record.generation}", f"t-refresh-{record.generation}")
    return record.generation


def _end(processes: Iterable[BaseProcess]) -> None:
    for process in processes:
        process.kill()
        process.join(_PATIENCE)
