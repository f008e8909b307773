"""Programs run as a user runs them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Program = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a program finds its user's files; nothing of the real user is read or written."""
    return tmp_path


@pytest.fixture
def program(home: Path) -> Program:
    def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        env = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home), "PYTHONPATH": str(ROOT), **environ}
        command = [sys.executable, "-W", "error", *arguments]
        return subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, timeout=90, check=False)

    return run
