"""A sample of the seeded runs; `make seeds` takes ten thousand."""

import pytest

from tests.seeded.run import Run


@pytest.mark.parametrize("first", range(0, 200, 100))
def test_seeded_runs_keep_the_invariants(first: int) -> None:
    runs = [Run(seed).go() for seed in range(first, first + 100)]
    assert [f"seed {run.seed}: {what}" for run in runs for what in run.trouble] == []
    # The sample is no empty one: calls came through, calls were cancelled, sessions ended.
    assert sum(run.outcomes["ada@example.com"] for run in runs) > 300
    assert sum(run.cancelled for run in runs) > 10


def test_a_run_is_repeated_by_its_seed() -> None:
    first, second = Run(7).go(), Run(7).go()
    assert (first.server.seen, first.outcomes, first.cancelled) == (
        second.server.seen,
        second.outcomes,
        second.cancelled,
    )
