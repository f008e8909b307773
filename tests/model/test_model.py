"""The small rows of the model checker's table; `make model` explores the large ones."""

import re
from pathlib import Path

import pytest

from tests.model import invariants
from tests.model.explore import Broken
from tests.model.port import CompareAndSet, Draw, Load, Now, Post, Strand, TryLock
from tests.model.scenarios import RANDOM, SMALL, Scenario, check, sample
from tests.model.world import first_record, host


@pytest.mark.parametrize("scenario", SMALL, ids=lambda s: s.name)
def test_every_interleaving_keeps_the_invariants(scenario: Scenario) -> None:
    explorer = check(scenario)
    assert explorer.states > 300


@pytest.mark.parametrize("scenario", RANDOM, ids=lambda s: s.name)
def test_random_paths_of_three_hosts_keep_the_invariants(scenario: Scenario) -> None:
    assert sample(scenario, range(300)).states > 3000


def test_a_row_whose_outcome_is_not_reached_is_broken() -> None:
    with pytest.raises(Broken, match="never reached"):
        check(Scenario("no faults", rounds=1, reaches=("expired",)))


def test_the_model_says_which_invariants_it_checks() -> None:
    named = set(re.findall(r'f?"(I\d+): ', Path(invariants.__file__).read_text()))
    assert sorted(named) == sorted(invariants.CHECKED)


def test_a_process_that_is_dropped_calls_nothing_more() -> None:
    record = first_record()
    answers = {Now: 0.0, Load: record, TryLock: True, Draw: "attempt", CompareAndSet: True}
    strand = Strand(host("host", record, rounds=1, server="grace", on_doubt="resend"))
    call = strand.go_on()
    while not isinstance(call, Post):  # under the lock, which a `finally` gives back
        call = strand.go_on(answers[type(call)])
    strand.throw()
    assert strand.dead
