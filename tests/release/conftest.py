"""What the tests of the release share: the packages that the wheel needs, fetched once."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.release.indexes import Consumer, Served, index


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fetch what signedin needs, once for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "wheelhouse"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            needs = ["httpx>=0.28.1,<0.29", "attrs>=23.2", "python-dateutil>=2.9"]
            command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-q", "-d", str(folder)]
            subprocess.run([*command, "--only-binary=:all:", *needs], check=True, timeout=200)
    return folder


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Served]:
    """Our index: empty, with a password."""
    with index(tmp_path / "private", private=True) as served:
        yield served


@pytest.fixture
def public(tmp_path: Path) -> Iterator[Served]:
    """Everybody's index: anybody may put a package there."""
    with index(tmp_path / "public", private=False) as served:
        yield served


@pytest.fixture
def consumer(tmp_path: Path) -> Consumer:
    """A downstream team's clean environment."""
    return Consumer.made(tmp_path / "consumer")
