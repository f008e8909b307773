"""docs/conformance.md has every scenario. Its cells are `make conformance`'s alone: they are runs in real time."""

from pathlib import Path

from benchmarks.conformance.more_scenarios import ROWS
from benchmarks.conformance.page import MARKS, titles_on
from benchmarks.conformance.peers import OURS

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"


def test_the_page_has_every_scenario_and_no_other() -> None:
    assert list(titles_on(PAGE.read_text())) == list(ROWS)


def test_the_page_says_of_each_cell_whether_it_passed() -> None:
    cells = [cell for row in titles_on(PAGE.read_text()).values() for cell in row]

    assert {cell[0] for cell in cells} <= set(MARKS.values())


def test_the_page_has_no_row_that_we_fail() -> None:
    ours = [cell for row in titles_on(PAGE.read_text()).values() for cell in row[: len(OURS)]]

    assert MARKS[False] not in {cell[0] for cell in ours}
