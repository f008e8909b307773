"""Hypothesis drives every store and a model of it side by side; `make machines` gives it more runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from signedin import FileStore

from tests.stores import places
from tests.stores.machine import SETTINGS, Place, machine_over

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from signedin import Stored

    from tests.servers_redis import RedisServer


def _run(new_place: Callable[[], Place], settings: settings = SETTINGS) -> None:
    run_state_machine_as_test(machine_over(new_place), settings=settings)


def test_a_memory_store_behaves_like_its_model() -> None:
    _run(places.in_memory)


def test_file_stores_behave_like_their_model(tmp_path: Path) -> None:
    _run(partial(places.in_a_file, tmp_path))


def test_keyring_stores_behave_like_their_model(tmp_path: Path) -> None:
    _run(partial(places.in_a_keyring, tmp_path))


def test_redis_stores_behave_like_their_model(redis_here: RedisServer) -> None:
    _run(partial(places.in_redis, redis_here))


def test_encrypted_stores_behave_like_their_model(tmp_path: Path) -> None:
    _run(lambda: places.encrypted(places.in_a_file(tmp_path)))


class Faulty:
    """A FileStore with a fault."""

    private = False

    def __init__(self, path: Path) -> None:
        self._store = FileStore(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Blind(Faulty):
    """Writes whatever the revision is."""

    def compare_and_set(self, key: str, _: int, data: bytes) -> bool:
        current = self._store.load(key)
        return self._store.compare_and_set(key, current.revision if current else 0, data)


class Timid(Faulty):
    """Takes a written record for a lost race."""

    def compare_and_set(self, key: str, expected: int, data: bytes) -> bool:
        return self._store.compare_and_set(key, expected, data) and not expected


class Grasping(Faulty):
    """Gives back what others hold."""

    def unlock(self, key: str, _: str) -> None:
        for held, owner in list(self._store._locks._held):
            if held == key:
                self._store.unlock(key, owner)


class Remembering(Faulty):
    """Reads each record once."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._seen: dict[str, Stored] = {}

    def load(self, key: str) -> Stored | None:
        if (stored := self._seen.get(key) or self._store.load(key)) is not None:
            self._seen[key] = stored
        return stored


class Confusing(Faulty):
    """Keeps all profiles of an origin under one key."""

    def load(self, key: str) -> Stored | None:
        return self._store.load(key.partition("#")[0])

    def compare_and_set(self, key: str, expected: int, data: bytes) -> bool:
        return self._store.compare_and_set(key.partition("#")[0], expected, data)


class Lapsing(Faulty):
    """Lets every lock end by its time."""

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        return self._store.try_lock(key, owner, seconds) or seconds < 1


# Not shrunk: that there is a fault is enough here.
_QUICK = settings(SETTINGS, max_examples=200, phases=[Phase.generate], database=None, print_blob=False)


@pytest.mark.parametrize("faulty", [Blind, Timid, Grasping, Remembering, Confusing, Lapsing])
def test_a_store_with_a_fault_is_detected(faulty: type[Faulty], tmp_path: Path) -> None:
    def new_place() -> Place:
        sound = places.in_a_file(tmp_path)
        path = sound.open().path  # type: ignore[attr-defined]
        return Place(open=partial(faulty, path), end=sound.end, delete=sound.delete)

    with pytest.raises(AssertionError):
        _run(new_place, _QUICK)
