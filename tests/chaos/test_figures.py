"""The counts of docs/figures.md at a small size; durations are measured by `make bench` and asserted nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import figures, measures

if TYPE_CHECKING:
    from pathlib import Path


def judged(monkeypatch: pytest.MonkeyPatch, page: Path, row: figures.Row) -> int:
    """Return what `make bench` ends with where this is the only figure."""
    for name in ("_per_expiry", "_other_counts", "_growth", "_command"):
        monkeypatch.setattr(figures, name, lambda: iter([row]))
    monkeypatch.setattr(figures, "PAGE", page)
    return figures.main()


def test_a_figure_that_is_missed_is_an_error_and_stands_on_the_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "figures.md"
    one = figures._refreshes("10 tasks", 1.0, "a test")
    more = figures._refreshes("10 tasks", 1.001, "a test")

    assert judged(monkeypatch, page, one) == 0
    assert "missed" not in page.read_text()
    assert judged(monkeypatch, page, more) == 1
    assert "| 1.001, missed | 1.000 |" in page.read_text()


def test_tasks_that_meet_an_expiry_together_share_one_refresh() -> None:
    assert measures.refreshes_per_expiry_of_tasks(1_000, expiries=2) == 1.0


def test_threads_that_meet_an_expiry_together_share_one_refresh() -> None:
    assert measures.refreshes_per_expiry_of_threads(64, expiries=10) == 1.0


def test_a_fresh_token_asks_the_store_nothing() -> None:
    assert measures.store_accesses_while_fresh(200) == 0


def test_an_outage_sees_no_more_refreshes_for_many_callers() -> None:
    alone = measures.attempts_in_an_outage(1, seconds=60)

    assert measures.attempts_in_an_outage(200, seconds=60) <= 1.2 * alone


@pytest.mark.parametrize("measure", [measures.growth, measures.growth_async])
def test_refreshes_leave_no_thread_task_or_descriptor_behind(measure: object) -> None:
    grown = measure(60, warm_up=20)  # type: ignore[operator]

    assert (grown.threads, grown.tasks, grown.descriptors) == (0, 0, 0)
