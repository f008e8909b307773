"""Fixtures: a backend of one's own, or one shared by the tests of a file that change nothing; and on which database.

Tests marked `both_databases` run on SQLite and on a real PostgreSQL, the others on SQLite; all run on both where
`BACKEND_CHECK` is set (`make backend-check`), except those marked `sqlite`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.backend.running import Serve, Served, running
from tests.servers_postgres import PostgresServer, postgres_server

Kind = Literal["sqlite", "postgresql"]
MakeDatabase = Callable[[Path], AbstractContextManager[str]]


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks."""
    config.addinivalue_line("markers", "both_databases: what it shows depends on the database")
    config.addinivalue_line("markers", "sqlite: it is about SQLite")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each database that it is for."""
    if "database_kind" not in metafunc.fixturenames:
        return
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    both = "both_databases" in marks or os.environ.get("BACKEND_CHECK")
    kinds = ["sqlite", "postgresql"] if both and "sqlite" not in marks else ["sqlite"]
    metafunc.parametrize("database_kind", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def database_kind(request: pytest.FixtureRequest) -> Kind:
    """Which database the test runs on."""
    found: Kind = request.param
    return found


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One cluster for the whole run; never stopped by a test."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def make_database(request: pytest.FixtureRequest, database_kind: Kind) -> MakeDatabase:
    """Return what makes an empty database of this kind."""
    if database_kind == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        return lambda _: server.database()

    @contextmanager
    def file(folder: Path) -> Iterator[str]:
        yield f"sqlite:///{folder / 'backend.sqlite3'}"

    return file


@pytest.fixture
def database(make_database: MakeDatabase, tmp_path: Path) -> Iterator[str]:
    """An empty database of the test's own, as a URL."""
    with make_database(tmp_path) as url:
        yield url


@pytest.fixture
def serve(tmp_path: Path, database: str) -> Iterator[Serve]:
    """Start backends with settings of their own on one database; stopped at the end of the test."""
    with ExitStack() as stack:

        def start(**options: Any) -> Served:
            return stack.enter_context(running(tmp_path, **{"database": database, **options}))

        yield start


@pytest.fixture
def served(serve: Serve) -> Served:
    """One backend with the defaults, but cheap hashes and no rate limit."""
    return serve()


@pytest.fixture(scope="module")
def shared(make_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One backend for all tests of a file."""
    folder = tmp_path_factory.mktemp("shared")
    with make_database(folder) as database, running(folder, database=database) as served:
        yield served
