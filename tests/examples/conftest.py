"""The reference backend with tokens of five minutes, and programs run as a user runs them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import backend

ROOT = Path(__file__).parents[2]
Program = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with backend(tmp_path_factory.mktemp("backend")) as server:
        yield server.base_url


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
