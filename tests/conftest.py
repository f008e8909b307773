"""What holds for every suite: in CI nothing is skipped, and nowhere is a secret shown."""

import logging
import os
import signal
from collections.abc import Iterator

import pytest
from signedin.testing import FakeAuthServer

from tests.canaries import Canaries
from tests.concurrency import CONCURRENCY
from tests.servers import backend
from tests.skipping import pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]  # hooks of this conftest


# What takes its time and depends on no Python version: `-m "not proof"` leaves it out. The generator is a developer's
# tool, and real backends serve other suites (cli, examples, packaging, stores) on every version.
_PROOFS = (
    "tests/auth/test_faults.py",
    "tests/backend/",
    "tests/cassettes/test_check.py",
    "tests/cassettes/test_secrets.py",
    "tests/chaos/",
    "tests/examples/test_demo.py",
    "tests/examples/test_web_in_chromium.py",
    "tests/examples/test_web_pages.py",
    "tests/faults/",
    "tests/generator/",
    "tests/generator_diff/",
    "tests/model/",
    "tests/mutants/",
    "tests/packaging/test_contents.py",
    "tests/release/",
    "tests/stores/test_hosts.py",
    "tests/stores/test_state_machines.py",
    "tests/test_import_directions.py",
    "tests/test_nothing_is_skipped.py",
    "tests/testing/test_page.py",
    "tests/typing/",
)
# But for what runs in the generated package, which is shipped, and for the main way of the backend and of the demo.
_NO_PROOFS = (
    "tests/backend/test_sessions.py",
    "tests/examples/test_demo.py::test_the_demo_keeps_its_promises",
    "tests/generator/test_calls.py",
    "tests/generator/test_client.py",
    "tests/generator/test_models.py",
)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell lets what it runs in the background ignore Ctrl+C, and the programs that the tests interrupt with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # programs that tests start would compile every module anew
_CANARIES = Canaries()
_CANARIES.watch()


@pytest.hookimpl(optionalhook=True)  # where xdist is not loaded
def pytest_xdist_auto_num_workers() -> int:
    """One more than processors: many tests wait."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the proofs, and the tests of concurrency."""
    for item in items:
        if item.nodeid.startswith(CONCURRENCY):
            item.add_marker(pytest.mark.concurrency)
        if item.nodeid.startswith(_PROOFS) and not item.nodeid.startswith(_NO_PROOFS):
            item.add_marker(pytest.mark.proof)


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A reference backend with tokens of five minutes; one for all suites of a worker, so accounts have to differ."""
    with backend(tmp_path_factory.mktemp("backend")) as running:
        yield running.base_url


@pytest.fixture
def server() -> FakeAuthServer:
    """A fake auth server with one user, on a virtual clock."""
    server = FakeAuthServer()
    server.add_user()
    return server


@pytest.fixture
def canaries() -> Canaries:
    """What listens to the whole suite."""
    return _CANARIES


@pytest.fixture(autouse=True)
def no_log_handler_is_left_behind() -> Iterator[None]:
    """Take off what a program that ran inside the test put onto the root logger: its stream is closed with the test."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(autouse=True)
def no_secret_is_shown() -> Iterator[None]:
    """Hold every test to it."""
    _CANARIES.taken()
    yield
    _CANARIES.look_at_sessions()
    assert _CANARIES.taken() == []
