"""A state machine over any token store, against a model of two dictionaries: shrunk when they differ.

Two handles stand for two processes. They write, read and lock at random, end and begin again; records are deleted
behind their backs and leases run out, where the store allows that.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, ClassVar

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin import Stored, TokenStore

SETTINGS = settings(
    max_examples=int(os.environ.get("MACHINE_RUNS", "12")),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
_KEYS = ("https://a.test:443#default", "https://a.test:443#second profile", "http://b.test:80#ünï/../x")
KEYS = st.sampled_from(_KEYS)
HANDLES, OWNERS = st.sampled_from([0, 1]), st.sampled_from(["one", "two"])
# Up to lengths that a keyring has to cut in pieces.
DATA = st.binary(max_size=4000)
_RUNS, _LIVES = count(), count()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the records of one run are, and what may happen to them.

    `end` does what the system does when a process ends; None where there is but one process. `delete` takes records
    away behind the stores' backs and returns whose. `run_out` lets the time of a lease pass; None where locks have no
    end but their holder's.
    """

    open: Callable[[], TokenStore]
    end: Callable[[TokenStore], None] | None = None
    delete: Callable[[str], list[str]] | None = None
    run_out: Callable[[str], None] | None = None


class StoreMachine(RuleBasedStateMachine):
    """Two handles on the records of one place; `found` says where."""

    new_place: ClassVar[Callable[[], Place]]

    @initialize()
    def open(self) -> None:
        self.place = type(self).new_place()
        self.stores = [self.place.open(), self.place.open()]
        self.lives = [next(_LIVES), next(_LIVES)]
        # Keys that no earlier run has used, so that one backing store may serve them all.
        self.run = f"-{next(_RUNS)}"
        self.records: dict[str, Stored] = {}
        self.holders: dict[str, str] = {}

    @rule(handle=HANDLES, key=KEYS, data=DATA, stale=st.integers(0, 3))
    def write(self, handle: int, key: str, data: bytes, stale: int) -> None:
        current = self.records.get(key)
        revision = current.revision if current else 0
        expected = max(0, revision - stale)

        won = self.stores[handle].compare_and_set(self._name(key), expected, data)

        assert won == (expected == revision)
        if won:
            written = self.stores[handle].load(self._name(key))
            assert written is not None
            assert written.data == data
            assert written.revision == revision + 1 or (revision == 0 and written.revision > 0)
            self.records[key] = written

    @rule(handle=HANDLES, key=KEYS, data=DATA)
    def write_too_early(self, handle: int, key: str, data: bytes) -> None:
        current = self.records.get(key)
        revision = current.revision if current else 0
        assert not self.stores[handle].compare_and_set(self._name(key), revision + 1, data)

    @rule(handle=HANDLES, key=KEYS, owner=OWNERS, seconds=st.sampled_from([0.001, 60.0]))
    def lock(self, handle: int, key: str, owner: str, seconds: float) -> None:
        me = self._owner(handle, owner)
        if self.holders.get(key) == me:
            return  # one owner is one flight, which asks once
        lease = 60.0 if self.place.run_out else seconds  # a lock without a lease outlasts the time it was taken for
        assert self.stores[handle].try_lock(self._name(key), me, lease) == (key not in self.holders)
        self.holders.setdefault(key, me)

    @rule(handle=HANDLES, key=KEYS, owner=OWNERS)
    def unlock(self, handle: int, key: str, owner: str) -> None:
        """Whoever is not the holder takes nothing away."""
        me = self._owner(handle, owner)
        self.stores[handle].unlock(self._name(key), me)
        if self.holders.get(key) == me:
            del self.holders[key]

    @precondition(lambda self: self.place.end)
    @rule(handle=HANDLES)
    def end_and_begin_again(self, handle: int) -> None:
        assert self.place.end is not None
        self.place.end(self.stores[handle])
        if self.place.run_out is None:  # the system saw the holder end; a lease waits for its time
            mine = [key for key, owner in self.holders.items() if owner.endswith(f" of {self.lives[handle]}")]
            for key in mine:
                del self.holders[key]
        self.stores[handle], self.lives[handle] = self.place.open(), next(_LIVES)

    @precondition(lambda self: self.place.run_out and self.holders)
    @rule(data=st.data())
    def let_a_lease_run_out(self, data: st.DataObject) -> None:
        assert self.place.run_out is not None
        key = data.draw(st.sampled_from(sorted(self.holders)))
        self.place.run_out(self._name(key))
        del self.holders[key]

    @precondition(lambda self: self.place.delete and self.records)
    @rule(data=st.data())
    def delete_behind_their_backs(self, data: st.DataObject) -> None:
        assert self.place.delete is not None
        key = data.draw(st.sampled_from(sorted(self.records)))
        gone = self.place.delete(self._name(key))
        self.records = {key: record for key, record in self.records.items() if self._name(key) not in gone}

    @invariant()
    def both_see_what_was_written_last(self) -> None:
        for store in self.stores:
            for key in _KEYS:
                assert store.load(self._name(key)) == self.records.get(key)

    def teardown(self) -> None:
        for key, owner in self.holders.items():
            for store in self.stores:
                store.unlock(self._name(key), owner)
        if self.place.end is not None:
            for store in self.stores:
                self.place.end(store)

    def _name(self, key: str) -> str:
        return f"{key}{self.run}"

    def _owner(self, handle: int, owner: str) -> str:
        return f"{owner} of {self.lives[handle]}"


def machine_over(new_place: Callable[[], Place]) -> type[StoreMachine]:
    """Return the machine for the stores of a place; `new_place` is called once for each run."""
    return type("Machine", (StoreMachine,), {"new_place": staticmethod(new_place)})
