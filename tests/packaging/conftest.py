"""One build and one clean environment for all tests, also when several workers run them."""

from pathlib import Path

import pytest

from tests.once import first, shared
from tests.packaging.building import Built, build, install, snapshot


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build from a snapshot of the repository."""
    folder = shared(tmp_path_factory) / "built"
    with first(folder) as is_first:
        if is_first:
            tree = snapshot(folder)
            build(tree, folder / "sdist", "sdist")
            build(tree, folder / "wheel", "wheel")
    (sdist,), (wheel,) = folder.glob("sdist/*"), folder.glob("wheel/*")
    return Built(folder / "tree", sdist, wheel)


@pytest.fixture(scope="session")
def python(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own and return its interpreter."""
    folder = shared(tmp_path_factory) / "environment"
    with first(folder) as is_first:
        if is_first:
            install(built.wheel, folder)
    return folder / "bin" / "python"
