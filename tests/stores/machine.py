"""A state machine over any token store, against a model of two dictionaries: shrunk when they differ."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, ClassVar

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from signedin._tokens import Intent, Record, Status, TokenPair, claims_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin.typing import TokenStore

SETTINGS = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
KEYS = st.sampled_from(["https://a.test:443#default", "https://a.test:443#second profile", "http://b.test:80#ünï/../x"])
OWNERS = st.sampled_from(["one", "two"])
# Printable ASCII, as sessions demand of tokens, up to lengths that a keyring has to cut in pieces.
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=4000)
TIMES = st.floats(min_value=0, max_value=4e9, allow_nan=False)
_RUNS = count()
INTENTS = st.none() | st.builds(Intent, st.just("attempt"), st.integers(1, 9), st.just("owner"), TIMES)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Return a record of any status; its revision is set where it is written."""
    status = draw(st.sampled_from(Status))
    pair = TokenPair(draw(TOKENS), draw(TOKENS)) if status is Status.ACTIVE else None
    record = Record(
        generation=draw(st.integers(1, 2**40)),
        revision=0,
        status=status,
        pair=pair,
        obtained_at=draw(TIMES),
        clock_offset=draw(st.floats(-1e6, 1e6, allow_nan=False)),
        family="family",
        intent=draw(INTENTS),
    )
    return record if pair is None else replace(record, claims=claims_of(pair.access_token))


class StoreMachine(RuleBasedStateMachine):
    """Writes, reads and locks at random; `opened` gives the store."""

    opened: ClassVar[Callable[[], TokenStore]]

    @initialize()
    def open(self) -> None:
        self.store = type(self).opened()
        # Keys that no earlier run has used, so that one backing store serves them all.
        self.run = f"-{next(_RUNS)}"
        self.records: dict[str, Record] = {}
        self.holders: dict[str, str] = {}

    @rule(key=KEYS, record=records(), stale=st.integers(0, 3))
    def write(self, key: str, record: Record, stale: int) -> None:
        current = self.records.get(key)
        revision = current.revision if current else 0
        expected = max(0, revision - stale)
        new = record.at_revision(revision)

        won = self.store.compare_and_set(self._name(key), expected, new)

        assert won == (expected == revision)
        if won:
            self.records[key] = new

    @rule(key=KEYS, owner=OWNERS)
    def lock(self, key: str, owner: str) -> None:
        if self.holders.get(key) == owner:
            return  # one owner is one flight, which asks once
        assert self.store.try_lock(self._name(key), owner, 60.0) == (key not in self.holders)
        self.holders.setdefault(key, owner)

    @rule(key=KEYS, owner=OWNERS)
    def unlock(self, key: str, owner: str) -> None:
        self.store.unlock(self._name(key), owner)
        if self.holders.get(key) == owner:
            del self.holders[key]

    @invariant()
    def every_key_holds_what_was_written_last(self) -> None:
        for key in ("https://a.test:443#default", "https://a.test:443#second profile"):
            assert self.store.load(self._name(key)) == self.records.get(key)

    def teardown(self) -> None:
        for key, owner in self.holders.items():
            self.store.unlock(self._name(key), owner)

    def _name(self, key: str) -> str:
        return f"{key}{self.run}"


def machine_over(opened: Callable[[], TokenStore]) -> type[StoreMachine]:
    """Return the machine for the store that `opened` returns; one backing store may serve all runs."""
    return type("Machine", (StoreMachine,), {"opened": staticmethod(opened)})
