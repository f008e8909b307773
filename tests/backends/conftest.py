"""Each set-up is started once in a worker; its tests run in one, in threads and in asyncio tasks."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.auth.driving import Colour, Drive
from tests.backends.setups import SETUPS, Backend, SetUp, start


@pytest.fixture(params=["threads", "asyncio"])
def colour(request: pytest.FixtureRequest) -> Colour:
    """In what a test's calls run."""
    colour: Colour = request.param
    return colour


@pytest.fixture
def anyio_backend() -> str:
    """The loop under a test; threads need one only to be waited for."""
    return "asyncio"


@pytest.fixture
def drive(colour: Colour) -> Drive:
    return Drive(colour)


def of(*setups: SetUp) -> list[object]:
    """Return parameters of `backend`, a worker for each."""
    return [pytest.param(setup, id=setup.name, marks=pytest.mark.xdist_group(setup.name)) for setup in setups]


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[SetUp], Backend]]:
    """Start a set-up, or return it: a parametrised fixture would be torn down whenever the parameter changes."""
    with ExitStack() as stack:
        yield cache(lambda setup: stack.enter_context(start(setup, tmp_path_factory.mktemp(setup.name))))


@pytest.fixture(params=of(*SETUPS))
def backend(request: pytest.FixtureRequest, started: Callable[[SetUp], Backend]) -> Backend:
    """A set-up that runs, and its package."""
    return started(request.param)
