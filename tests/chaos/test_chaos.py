"""A small run of `make chaos` in every run of the suite."""

from __future__ import annotations

import pytest

from tests.chaos.run import Plan, run


@pytest.mark.timeout(90)
def test_a_session_shared_by_processes_survives_kills_stops_and_a_broken_network() -> None:
    report = run(Plan(seed=7, processes=3, threads=4, hits=10, seconds=8))

    assert not report.breaches, f"{report}\n{report.calls}"
    assert sum(report.hits.values()) >= 5
