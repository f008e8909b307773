"""docs/conformance.md has every scenario. Its cells are runs in real time; `make conformance-check` repeats our own."""

from pathlib import Path

import pytest

from benchmarks.conformance import __main__ as program
from benchmarks.conformance.more_scenarios import ROWS
from benchmarks.conformance.page import MARKS, Table, differences, page, titles_on
from benchmarks.conformance.peers import OURS
from benchmarks.conformance.stage import Verdict

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
ROW = "50 calls at once with an expired token: one refresh"
PASSED: Table = {ROW: {"signedin": Verdict(passed=True, figure="50 of 50 ok")}}


def test_the_page_has_every_scenario_and_no_other() -> None:
    assert list(titles_on(PAGE.read_text())) == list(ROWS)


def test_the_page_says_of_each_cell_whether_it_passed() -> None:
    cells = [cell for row in titles_on(PAGE.read_text()).values() for cell in row]
    assert {cell[0] for cell in cells} <= set(MARKS.values())


def test_the_page_has_no_row_that_we_fail() -> None:
    ours = [cell for row in titles_on(PAGE.read_text()).values() for cell in row[: len(OURS)]]
    assert MARKS[False] not in {cell[0] for cell in ours}


def test_a_cell_that_fails_now_is_reported() -> None:
    assert len(differences({ROW: {"signedin": Verdict(passed=False, figure="hung 1")}}, PAGE.read_text())) == 1


def test_a_cell_that_differs_from_the_page_is_reported() -> None:
    text = page({ROW: {"signedin": Verdict(passed=False, figure="hung 1")}}, OURS[:1])
    assert len(differences(PASSED, text)) == 1


def test_a_cell_that_is_not_on_the_page_is_reported() -> None:
    assert len(differences({"Another row": PASSED[ROW]}, PAGE.read_text())) == 1
    assert len(differences({ROW: {"another": PASSED[ROW]["signedin"]}}, PAGE.read_text())) == 1


def test_a_cell_that_passes_as_on_the_page_is_not_reported() -> None:
    assert differences(PASSED, PAGE.read_text()) == []


def test_the_page_is_written_by_a_whole_run_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(program, "PAGE", tmp_path / "conformance.md")
    monkeypatch.setattr(program, "everybody", lambda: OURS)
    monkeypatch.setattr(program, "run", lambda *_: Verdict(passed=True, figure="ok"))
    assert program.main(["--row", ROW]) == program.main(["--peer", OURS[0].name]) == 0
    assert not program.PAGE.exists()
    assert program.main([]) == 0
    assert list(titles_on(program.PAGE.read_text())) == list(ROWS)
