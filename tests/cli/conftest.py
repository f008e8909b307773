"""Fixtures: a real backend for all tests of a worker, and shells with a home of their own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import EMAIL, PASSWORD, Shell
from tests.servers import Backend, backend


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A backend that counts, with one account."""
    folder = tmp_path_factory.mktemp("backend")
    with backend(folder, "--ledger") as server:
        made = Shell(folder, {"SIGNEDIN_BASE_URL": server.base_url}).run("register", EMAIL, typed=PASSWORD)
        assert made.code == 0, made.err
        yield server


@pytest.fixture
def alone(tmp_path: Path) -> Shell:
    """A shell with an API that no command of its tests asks."""
    return Shell(tmp_path, {"SIGNEDIN_BASE_URL": "http://127.0.0.1:9/api/v1"})


@pytest.fixture
def shell(api: Backend, tmp_path: Path) -> Shell:
    """A shell that knows where the API is; nobody is signed in."""
    return Shell(tmp_path, {"SIGNEDIN_BASE_URL": api.base_url})


@pytest.fixture
def signed_in(shell: Shell) -> Shell:
    """The same after `signedin login`."""
    assert shell.run("login", EMAIL, typed=PASSWORD).code == 0
    return shell
