"""The fault list is true: each fault is another, each test exists and has the case, and no case is left out."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict

import pytest
from signedin.testing import FAULTS

from tests.faults import ALL, AREAS, PAGE, ROOT, Row

_REMAINS = "then `RefreshUnavailableError`; the pair remains"
OUTCOMES = {
    "refused": "`SessionExpiredError`; the pair is cleared, and never tried again",
    "not sent": f"sent again, {_REMAINS}",
    "busy": f"waited for, {_REMAINS}",
    "unknown": f"may be spent: presented again under the same attempt id, {_REMAINS}",
    "renewed": "none: the new pair is taken",
}


def test_the_list_has_as_many_as_it_says_and_no_two_are_one() -> None:
    assert f"\n{len(ALL)} faults, each with a test" in PAGE
    for rows in AREAS:
        assert len({row.fault for row in rows}) == len(rows)
    assert len({(row.test, row.case) for row in ALL}) == len(ALL) > 100


def test_every_fault_that_the_fake_server_offers_is_listed_first() -> None:
    offered = [(name, f"`{name}`: {fault.what}", OUTCOMES[fault.refresh]) for name, fault in FAULTS.items()]
    assert [(row.case, row.fault.replace("\\|", "|"), row.outcome) for row in AREAS[0]] == offered
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


def test_every_fault_has_its_test_and_every_case_of_a_table_is_listed(cases: dict[str, set[str]]) -> None:
    def covers(row: Row, case: str) -> bool:
        return row.case in case

    assert [row for row in ALL if not any(covers(row, case) for case in cases.get(row.test, ()))] == []
    listed = defaultdict(list)
    for row in ALL:
        listed[row.test].append(row)
    tables = [(test, rows) for test, rows in listed.items() if len(rows) > 2]
    left_out = [
        (test, case) for test, rows in tables for case in cases[test] if not any(covers(row, case) for row in rows)
    ]
    assert left_out == []
