"""One build and one clean environment for all tests, also when several workers run them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.packaging.building import Built, build, install, snapshot


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "packaging"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def built(shared: Path) -> Built:
    """Build from a snapshot of the repository."""
    folder = shared / "built"
    with _first(folder) as first:
        if first:
            tree = snapshot(folder)
            build(tree, folder / "sdist", "sdist")
            build(tree, folder / "wheel", "wheel")
    (sdist,), (wheel,) = folder.glob("sdist/*"), folder.glob("wheel/*")
    return Built(folder / "tree", sdist, wheel)


@pytest.fixture(scope="session")
def python(built: Built, shared: Path) -> Path:
    """Install the wheel into an environment of its own and return its interpreter."""
    folder = shared / "environment"
    with _first(folder) as first:
        if first:
            install(built.wheel, folder)
    return folder / "bin" / "python"


@contextmanager
def _first(folder: Path) -> Iterator[bool]:
    """Say whether this worker is the one that makes the folder; the others wait until it is made."""
    made = folder.with_suffix(".made")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            folder.mkdir()
            yield True
            made.touch()
        else:
            yield False
