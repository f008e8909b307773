"""Fixtures: a backend of one's own, or one shared by the tests of a file that change nothing."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.backend.running import Serve, Served, running


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start backends with settings of their own; stopped at the end of the test."""
    with ExitStack() as stack:

        def start(**options: Any) -> Served:
            return stack.enter_context(running(tmp_path, **options))

        yield start


@pytest.fixture
def served(serve: Serve) -> Served:
    """One backend with the defaults, but cheap hashes and no rate limit."""
    return serve()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One backend for all tests of a file."""
    with running(tmp_path_factory.mktemp("shared")) as served:
        yield served
