"""docs/asvs.md is complete, and every test that it names is there."""

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "asvs.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \| (\d) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
NAMED = sorted(set(re.findall(r"`([a-z_/]+\.py::\w+)`", PAGE)))


# Level 1 and 2 of ASVS 5.0.0, and of level 3 what is named one by one.
SECTIONS: dict[str, Iterable[int]] = {
    "6.1": range(1, 4), "6.2": range(1, 13), "6.3": (1, 2, 3, 4, 8), "6.4": range(1, 5), "6.5": range(1, 6),
    "6.6": range(1, 4), "6.8": range(1, 5), "7.1": range(1, 4), "7.2": range(1, 5), "7.3": (1, 2), "7.4": range(1, 6),
    "7.5": (1, 2), "7.6": (1, 2), "9.1": range(1, 4), "9.2": range(1, 5), "10.4": range(1, 12), "15.2": (4,),
    "15.4": range(1, 5),
}  # fmt: skip


def test_every_requirement_has_its_row_and_no_other_has() -> None:
    required = [f"{section}.{number}" for section, numbers in SECTIONS.items() for number in numbers]
    assert [row[0] for row in ROWS] == required


def test_a_row_says_whether_and_why() -> None:
    for number, _, requirement, state, reason in ROWS:
        assert state in {"met", "n/a", "deviation"}, number
        assert requirement.strip(), number
        assert reason.strip(), number
        assert state != "met" or "::" in reason or "backend.md" in reason, number


def test_every_test_that_the_table_names_is_there() -> None:
    named = [name.partition("::") for name in NAMED]
    assert [test for file, _, test in named if test not in functions(TESTS / file)] == []


def test_every_heading_that_the_table_links_to_is_there() -> None:
    page = (TESTS.parent / "docs" / "backend.md").read_text(encoding="utf-8")
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}
    assert set(re.findall(r"backend\.md#([\w-]+)\)", PAGE)) <= headings


@cache
def functions(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
