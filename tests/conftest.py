"""What holds for every suite: in CI nothing is skipped, and nowhere does a log hold a secret."""

import os
from collections.abc import Generator, Iterator

import pytest

from tests.canaries import Canaries


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and in CI nothing is: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a module that is skipped as a whole into a failure."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped, and in CI nothing is: {report.longrepr}"
    return report


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
