"""The fault list is true: each fault is another, each test exists and has the case, and the page says the same."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from signedin.testing import FAULTS

from tests.faults import page
from tests.faults.catalogue import ALL, AREAS, EXCHANGES

ROOT = Path(__file__).parents[2]


def test_the_page_says_what_the_catalogue_says() -> None:
    assert page.PAGE.read_text() == page.text(), "run: python -m tests.faults --write"


def test_there_are_more_than_a_hundred_and_no_two_are_one() -> None:
    for rows in AREAS.values():
        assert len({row.fault for row in rows}) == len(rows)
    assert len({(row.test, row.case) for row in ALL}) == len(ALL) > 100


def test_every_fault_that_the_fake_server_offers_is_listed() -> None:
    assert [row.case for row in EXCHANGES] == list(FAULTS)
    assert len({fault.what for fault in FAULTS.values()}) == len(FAULTS)


@pytest.fixture(scope="module")
def cases() -> dict[str, set[str]]:
    """The cases of each test of the list, as pytest collects them."""
    files = sorted({row.test.partition("::")[0] for row in ALL})
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "--collect-only", *files],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    collected = defaultdict(set)
    for line in run.stdout.splitlines():
        test, _, case = line.partition("[")
        collected[test].add(case.removesuffix("]"))
    return collected


def test_every_fault_has_its_test(cases: dict[str, set[str]]) -> None:
    missing = [row for row in ALL if not any(row.case in case for case in cases.get(row.test, ()))]
    assert missing == []
