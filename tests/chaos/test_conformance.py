"""docs/conformance.md says what is still true of signedin; the other columns are `make conformance`'s alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from benchmarks.conformance.more_scenarios import ROWS
from benchmarks.conformance.page import MARKS, titles_on
from benchmarks.conformance.peers import OURS
from benchmarks.conformance.stage import Stage, Verdict

if TYPE_CHECKING:
    from benchmarks.conformance.peers.peer import Peer

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
# What needs real seconds, processes or the root logger is left to `make conformance`.
LONG: Final = (
    "in a row",
    "is down for",
    "never comes",
    "process",
    "repr",
    "slow call",
    "half",
    "`null`",
    "1 MB",
    "page",
)
QUICK = [title for title in ROWS if not any(word in title for word in LONG)]


def test_the_page_has_every_scenario_and_no_other() -> None:
    assert list(titles_on(PAGE.read_text())) == list(ROWS)


def test_the_page_says_of_each_cell_whether_it_passed() -> None:
    cells = [cell for row in titles_on(PAGE.read_text()).values() for cell in row]

    assert {cell[0] for cell in cells} <= set(MARKS.values())


@pytest.mark.parametrize("title", QUICK)
@pytest.mark.parametrize(("column", "peer"), list(enumerate(OURS)), ids=[peer.name for peer in OURS])
def test_our_own_cell_still_holds(title: str, column: int, peer: type[Peer]) -> None:
    verdict = asyncio.run(_verdict(title, peer))

    assert titles_on(PAGE.read_text())[title][column][0] == MARKS[verdict.passed], verdict.figure


async def _verdict(title: str, peer: type[Peer]) -> Verdict:
    return await ROWS[title](Stage(peer))
