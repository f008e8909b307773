"""`make faults`: run every test of the fault list; `--write` writes docs/faults.md instead."""

from __future__ import annotations

import sys

import pytest

from tests.faults import page
from tests.faults.catalogue import ALL


def main(arguments: list[str]) -> int:
    """Return pytest's exit code."""
    if arguments == ["--write"]:
        page.PAGE.write_text(page.text())
        return 0
    tests = sorted({row.test for row in ALL})
    print(f"{len(ALL)} faults in {len(tests)} tests")  # noqa: T201 -- the figure is asked for
    return pytest.main(["-n", "auto", "-q", *arguments, *tests])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
