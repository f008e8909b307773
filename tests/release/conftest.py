"""What the tests of the release share: the packages that the wheel needs, fetched once."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from generator.release.index import Index
from generator.release.sbom import closure
from generator.release.uploading import upload
from tests.once import first, shared
from tests.release.indexes import SECRET, USER, Consumer, Served, index, wheel
from tests.types_cache import types_cache

__all__ = ["types_cache"]

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
def published(private: Served, tmp_path: Path) -> Served:
    """Our index with signedin 1.0 and what it needs on it."""
    files = [wheel(tmp_path, "needed", "1.0"), wheel(tmp_path, "signedin", "1.0", "print('ours')", ("needed",))]
    upload(Index(private.simple, f"{private.root}/", USER, SECRET), "signedin", files)
    return private


@pytest.fixture
def consumer(tmp_path: Path) -> Consumer:
    """A downstream team's clean environment."""
    return Consumer.made(tmp_path / "consumer")
