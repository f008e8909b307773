"""A small run of `make chaos` in every run of the suite."""

from __future__ import annotations

import pytest

from tests.chaos.run import Plan, run


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("store", "hosts", "skew"), [("file:", 1, 0.0), ("redis:", 1, 0.0), ("redis:", 3, 600.0)])
def test_a_session_shared_by_processes_survives_kills_stops_and_a_broken_network(
    store: str, hosts: int, skew: float
) -> None:
    report = run(
        Plan(seed=7, store=store, hosts=hosts, skew=skew, processes=3, threads=4, hits=10, seconds=8, pause=0.3)
    )

    assert not report.breaches, f"{report}\n{report.calls}"
    assert sum(report.hits.values()) >= 10
