"""Every guard has a test that notices when it is gone: each mutant is run against the test that must kill it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.model import invariants
from tests.mutants.of_the_calls import CALLS
from tests.mutants.of_the_command import COMMAND
from tests.mutants.of_the_connections import CONNECTIONS
from tests.mutants.of_the_flight import FLIGHT
from tests.mutants.of_the_requests import REQUESTS
from tests.mutants.of_the_session import SESSION
from tests.mutants.of_the_stores import STORES
from tests.mutants.of_the_waiters import WAITERS
from tests.mutants.of_the_wire import WIRE

if TYPE_CHECKING:
    from tests.mutants.catalogue import Mutant

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "auth_plugin" / "signedin"
ALL = (*FLIGHT, *SESSION, *WAITERS, *REQUESTS, *WIRE, *STORES, *CONNECTIONS, *COMMAND, *CALLS)


@pytest.mark.parametrize("mutant", ALL, ids=str)
def test_the_mutant_is_killed(mutant: Mutant, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "signedin", ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path / "signedin" / mutant.file
    source = target.read_text()
    assert source.count(mutant.old) == 1, "the mutant's line has changed: adapt the catalogue"
    target.write_text(source.replace(mutant.old, mutant.new))

    run = _run(mutant.killer, tmp_path)

    assert run.returncode == 1, f"survived:\n{run.stdout}\n{run.stderr}"
    assert "1 failed" in run.stdout or "Timeout" in run.stdout + run.stderr, run.stdout
    assert mutant.says in run.stdout, f"killed for another reason:\n{run.stdout}"


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


def _run(test: str, folder: Path) -> subprocess.CompletedProcess[str]:
    # Without the plugins that no killer needs: loading them takes longer than most killers.
    plugins = ["-p", "anyio.pytest_plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider"]
    options = ["-q", "-x", *plugins, "--timeout=10", "--timeout-method=thread", "--no-header"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, test],
        cwd=ROOT,
        # Before the installed package on the path.
        env={
            **os.environ,
            "PYTHONPATH": str(folder),
            "DRIVE_PATIENCE": "5",
            "PYTHONDONTWRITEBYTECODE": "",  # the killers' own, which all mutants need, is written once
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
