"""docs/faults.md, as the catalogue has it."""

# ruff: noqa: E501 -- the lines of a page

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.catalogue import ALL, AREAS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.catalogue import Row

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"


def text() -> str:
    """Return the page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# What can go wrong, and what do I see of it?"
    yield ""
    yield f"{len(ALL)} faults, each with a test; `make faults` runs them. Those of the first table are offered to your own tests"
    yield 'by name: `FakeAuthServer.fail("refreshToken", "lost read timeout")` (`signedin.testing`). The second table has some'
    yield "of them again, as they come about on a real connection."
    yield ""
    yield "Written by `python -m tests.faults --write`; do not edit."
    for area, rows in AREAS.items():
        yield ""
        yield f"## {area}"
        yield ""
        yield "| what happens | outcome | test |"
        yield "|---|---|---|"
        yield from map(_line, rows)


def _line(row: Row) -> str:
    file, _, test = row.test.partition("::")
    shown = row.fault.replace("|", "\\|")
    return f"| {shown} | {row.outcome} | [{test.removeprefix('test_')}](../{file}) |"
