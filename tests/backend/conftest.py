"""Fixtures: a backend of one's own, or one for all tests of a file, emptied or as it is; and on which database.

Tests marked `both_databases` run on SQLite and on a real PostgreSQL, the others on SQLite; all run on both where
`BACKEND_CHECK` is set (`make backend-check`), except those marked `sqlite`.
"""

import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from signedin_backend import Settings, logs
from signedin_backend.__main__ import main
from signedin_backend.schema import METADATA
from signedin_backend.storage import Storage

from tests.backend.running import Clock, Serve, Served, running
from tests.servers_postgres import PostgresServer, postgres_server

Kind = Literal["sqlite", "postgresql"]
MakeDatabase = Callable[[Path], AbstractContextManager[str]]
Ended = Callable[..., tuple[int, str]]  # the status, and what stood on stderr


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
    kind: Kind = request.param
    return kind


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


@pytest.fixture(scope="session")
def make_prepared(
    request: pytest.FixtureRequest, make_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeDatabase]:
    """Return what makes a database with empty tables, by copying one: migrating is the subject of its own tests."""
    folder = tmp_path_factory.mktemp("prepared")
    with make_database(folder) as prepared:
        settings = Settings(database=prepared)
        storage = Storage(settings)
        storage.prepare()
        storage.close()
        if (file := settings.sqlite_file) is None:
            server: PostgresServer = request.getfixturevalue("postgres")
            yield lambda _: server.database(template=prepared.rpartition("/")[2])
            return

        @contextmanager
        def copied(folder: Path) -> Iterator[str]:
            yield f"sqlite:///{shutil.copy(file, folder)}"

        yield copied


@pytest.fixture
def database(make_database: MakeDatabase, tmp_path: Path) -> Iterator[str]:
    """An empty database of the test's own, as a URL."""
    with make_database(tmp_path) as url:
        yield url


@pytest.fixture
def serve(tmp_path: Path, make_prepared: MakeDatabase) -> Iterator[Serve]:
    """Start backends with settings of their own on one database; stopped at the end of the test."""
    with make_prepared(tmp_path) as database, ExitStack() as stack:

        def start(**options: Any) -> Served:
            return stack.enter_context(running(tmp_path, **{"database": database, **options}))

        yield start


@pytest.fixture
def served(shared: Served) -> Served:
    """The backend of the file, with the defaults but cheap hashes and no rate limit: empty, and with the right time."""
    with shared.app.state.signedin.storage.writing() as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(table.delete())
    shared.clock.now = Clock().now
    return shared


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Ended]:
    """Run the program to the end of a start that fails; in this process, for one of its own costs a second."""
    monkeypatch.setattr(logs, "configure", lambda: None)
    # What is frozen has no referrers any more, and Hypothesis, which asks for them, fails at the end of the run.
    monkeypatch.setattr("signedin_backend.__main__.settle", lambda: None)

    def run(*options: str, **environ: str) -> tuple[int, str]:
        for name, text in environ.items():
            monkeypatch.setenv(name, text)
        with logged():
            status = main(options)
        return status, capsys.readouterr().err

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@contextmanager
def logged() -> Iterator[None]:
    """Write logs to stderr as `logs.configure` does, beside the handlers that this process has."""
    lines, root = logging.StreamHandler(), logging.getLogger()
    lines.setFormatter(logs.JsonLines())
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.removeHandler(lines)
        root.setLevel(level)


@pytest.fixture(scope="module")
def shared(make_prepared: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One backend for all tests of a file."""
    folder = tmp_path_factory.mktemp("shared")
    with make_prepared(folder) as database, running(folder, database=database) as served:
        yield served
