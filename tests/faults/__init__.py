"""The fault list, docs/faults.md: what can go wrong, what a user sees of it, and the test that shows it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text("utf-8")


class Row(NamedTuple):
    """One fault. `case` is its place in the test's parameters, where it shares the test with others."""

    fault: str
    outcome: str
    test: str
    case: str


def _row(line: str) -> Row:
    matched = re.fullmatch(r"\| (.+) \| (.+) \| \[(\w+)\]\(\.\./(tests/\S+)\)(?:, (.+))? \|", line)
    assert matched, line
    fault, outcome, test, file, case = matched.groups(default="")
    return Row(fault, outcome, f"{file}::test_{test}", case)


AREAS = [
    [_row(line) for line in section.splitlines() if line.startswith("| ") and "](" in line]
    for section in PAGE.split("\n## ")[1:]
]
ALL = [row for rows in AREAS for row in rows]
