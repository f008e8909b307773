"""`make faults`: run every test of the fault list."""

from __future__ import annotations

import sys

import pytest

from tests.faults import ALL

if __name__ == "__main__":
    tests = sorted({row.test for row in ALL})
    print(f"{len(ALL)} faults in {len(tests)} tests")  # noqa: T201 -- the figure is wanted
    sys.exit(pytest.main(["-n", "auto", "-q", *sys.argv[1:], *tests]))
