"""Every guard has a test that notices when it is gone: each mutant is run against the test that must kill it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.model import invariants
from tests.mutants.catalogue import ALL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mutants.catalogue import Mutant

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def forking() -> Iterator[subprocess.Popen[str]]:
    """What runs the killers."""
    own = {"DRIVE_PATIENCE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.mutants.forking", *sorted({mutant.killer for mutant in ALL})],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")} | own,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.communicate(timeout=20)  # closes its stdin


@pytest.mark.parametrize("mutant", ALL, ids=str)
def test_the_mutant_is_killed(mutant: Mutant, forking: subprocess.Popen[str]) -> None:
    assert forking.stdin is not None
    assert forking.stdout is not None
    forking.stdin.write(json.dumps([mutant.file, mutant.source(), mutant.killer]) + "\n")
    forking.stdin.flush()
    code, printed = json.loads(forking.stdout.readline())
    assert code == 1, f"survived, or not run:\n{printed}"
    assert mutant.says in printed, f"killed for another reason:\n{printed}"


def test_every_promised_invariant_has_a_mutant_that_breaks_it() -> None:
    promised = re.findall(r"^\| (I\d+) \|", (ROOT / "docs" / "how-refresh-works.md").read_text(), re.MULTILINE)
    assert promised == [f"I{number}" for number in range(1, 17)]
    assert {mutant.breaks for mutant in ALL} - {""} == set(promised)


def test_every_mutant_names_the_test_that_kills_it() -> None:
    assert [str(mutant) for mutant in ALL if "::test_" not in mutant.killer] == []


def test_every_check_of_the_model_is_the_one_that_kills_some_mutant() -> None:
    checks = re.findall(r'"(I\d+: [^"{]+)', Path(invariants.__file__).read_text())
    assert len(checks) > 15
    assert {check.strip() for check in checks} - {mutant.says for mutant in ALL} == set()


def test_no_two_mutants_are_one() -> None:
    assert len({str(mutant) for mutant in ALL}) == len({(m.file, m.old, m.new, m.killer) for m in ALL}) == len(ALL)
