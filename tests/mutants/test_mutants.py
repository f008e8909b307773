"""Every guard has a test that notices when it is gone: each mutant is run against the test that must kill it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.catalogue import FLIGHT, SESSION, STORES, Mutant

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "auth_plugin" / "signedin"


@pytest.mark.parametrize("mutant", [*FLIGHT, *SESSION, *STORES], ids=lambda mutant: mutant.name)
def test_the_mutant_is_killed(mutant: Mutant, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "signedin", ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path / "signedin" / mutant.file
    source = target.read_text()
    assert source.count(mutant.old) == 1, "the mutant's line has changed: adapt the catalogue"
    target.write_text(source.replace(mutant.old, mutant.new))

    run = _run(mutant.killer, tmp_path)

    assert run.returncode == 1, f"survived:\n{run.stdout}\n{run.stderr}"
    assert "1 failed" in run.stdout or "Timeout" in run.stdout, run.stdout
    assert mutant.says in run.stdout, f"killed for another reason:\n{run.stdout}"


def _run(test: str, folder: Path) -> subprocess.CompletedProcess[str]:
    options = ["-q", "-x", "-n0", "-p", "no:cacheprovider", "--timeout=30", "--no-header"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, test],
        cwd=ROOT,
        # Before the installed package on the path.
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
