"""What the tests of the release share: the packages that the wheel needs, fetched once."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from generator.release.sbom import closure
from tests.once import first, shared
from tests.release.indexes import Consumer, Served, index, wheel

ROOT = Path(__file__).parents[2]
_PINNED = re.compile(r"(?m)^([A-Za-z0-9._-]+)==.*(?:\n    --hash=.*)+")


@pytest.fixture(scope="session")
def our_lock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel needs, as our own lock pins it."""
    locked = (ROOT / "requirements" / "dev.txt").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = set(closure(project["dependencies"]))
    pinned = {canonicalize_name(one[1]): one[0] for one in _PINNED.finditer(locked)}
    path = tmp_path_factory.mktemp("lock") / "requirements.txt"
    path.write_text("\n".join(pinned[canonicalize_name(name)] for name in sorted(names)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory, our_lock: Path) -> Path:
    """Fetch what signedin needs, once for all workers of a run, as it is locked."""
    folder = shared(tmp_path_factory) / "wheelhouse"
    with first(folder) as is_first:
        if is_first:
            command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-q", "-d", str(folder)]
            locked = ["--only-binary=:all:", "--require-hashes", "-r", str(our_lock)]
            subprocess.run([*command, *locked], check=True, timeout=200)
    return folder


@pytest.fixture(scope="session")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    """Two index servers for all tests: ours with a password, and everybody's."""
    folder = tmp_path_factory.mktemp("indexes")
    with index(folder / "private", private=True) as private, index(folder / "public", private=False) as public:
        yield private, public


def _emptied(served: Served) -> Served:
    for path in served.folder.iterdir():
        path.unlink()
    return served


@pytest.fixture
def private(indexes: tuple[Served, Served]) -> Served:
    """Our index: empty, with a password."""
    return _emptied(indexes[0])


@pytest.fixture
def public(indexes: tuple[Served, Served]) -> Served:
    """Everybody's index: anybody may put a package there."""
    return _emptied(indexes[1])


@pytest.fixture
def published(private: Served) -> Served:
    """Our index with signedin 1.0 and what it needs on it."""
    wheel(private.folder, "needed", "1.0")
    wheel(private.folder, "signedin", "1.0", "print('ours')", ("needed",))
    return private


@pytest.fixture
def consumer(tmp_path: Path) -> Consumer:
    """A downstream team's clean environment."""
    return Consumer.made(tmp_path / "consumer")
