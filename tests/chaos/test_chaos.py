"""A small run of `make chaos` in every run of the suite."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.run import Plan, run


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("store", "access_ttl", "seconds", "hosts", "skew"),
    # Over Redis the lease of whoever was killed has to run out first.
    [("file:", 2, 8, 1, 0.0), ("redis:", 4, 16, 3, 600.0)],
)
def test_a_session_shared_by_processes_survives_kills_stops_and_a_broken_network(
    store: str, access_ttl: int, seconds: float, hosts: int, skew: float
) -> None:
    small = Plan(seed=7, processes=3, threads=4, hits=10, pause=0.3, seconds=seconds)
    report = run(replace(small, store=store, access_ttl=access_ttl, hosts=hosts, skew=skew))
    assert not report.breaches, f"{report}\n{report.calls}"
    assert sum(report.hits.values()) >= 10
