"""What holds for every suite: in CI nothing is skipped, and nowhere does a log hold a secret."""

from collections.abc import Iterator

import pytest

from tests.canaries import Canaries
from tests.skipping import pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]  # hooks of this conftest


_CANARIES = Canaries()
_CANARIES.watch()


@pytest.fixture
def canaries() -> Canaries:
    """What listens to every log of the suite."""
    return _CANARIES


@pytest.fixture(autouse=True)
def no_secret_is_logged() -> Iterator[None]:
    """Hold every test to it."""
    _CANARIES.taken()
    yield
    assert _CANARIES.taken() == []
