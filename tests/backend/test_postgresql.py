"""What only a database server can do to a backend: be away, hang on a lock, go in the middle, refuse."""

import socket
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from signedin_backend import Settings, SettingsError, create_app
from signedin_backend.engines import reason
from signedin_backend.settings import read
from signedin_backend.state import State
from signedin_backend.storage import Storage, UnavailableError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from tests.backend.conftest import Ended
from tests.backend.running import KEY, Served, at_once, lines, running
from tests.servers import KEY as TEXT_KEY
from tests.servers_postgres import PostgresServer, postgres_server

URL = "postgresql://ada:s3cret-in-url@db.example:5432/app"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A cluster that these tests may stop."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def served(server: PostgresServer, tmp_path: Path) -> Iterator[Served]:
    with server.database() as url, running(tmp_path, database=url, database_seconds=1) as served:
        yield served


def ready(served: Served) -> int:
    return served.beside("/readyz").status_code


@pytest.mark.parametrize("url", [URL, URL.replace("postgresql", "postgres"), URL.replace("sql:", "sql+psycopg:")])
def test_every_usual_spelling_of_the_url_means_the_one_driver(url: str) -> None:
    assert read({"DATABASE_URL": url}).database == URL.replace("postgresql", "postgresql+psycopg")


def test_a_url_that_cannot_be_meant_is_refused_without_being_quoted() -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL must ") as refused:
        read({"DATABASE_URL": "postgresql://h:port/x"})
    assert "h:port" not in str(refused.value)


def test_the_password_of_the_database_is_not_shown() -> None:
    assert "s3cret-in-url" not in repr(read({"DATABASE_URL": URL}))


def test_a_missing_driver_is_an_error_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match=r"^--database: PostgreSQL's driver is missing .*pip install"):
        create_app(Settings(database=URL, jwt_key=KEY))


@pytest.fixture
def nobody() -> Iterator[str]:
    """A URL where nobody listens: the port is taken and not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"postgresql://ada:s3cret-in-url@127.0.0.1:{taken.getsockname()[1]}/x"


@pytest.fixture
def started(ended: Ended) -> Ended:
    """What comes of a start with this URL."""
    return lambda url: ended("--port", "0", DATABASE_URL=url, SIGNEDIN_BACKEND_JWT_KEY=TEXT_KEY)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (("only-on-loopback", "s3cret-in-url"), "password authentication failed"),
        (("/test_", "/no_"), "does not exist"),
        (None, "refused"),
    ],
    ids=["password", "name", "nobody listens"],
)
def test_a_server_that_refuses_us_or_is_not_there_ends_the_start_with_one_line(
    started: Ended, server: PostgresServer, nobody: str, wrong: tuple[str, str] | None, why: str
) -> None:
    with server.database() as url:
        status, line = started(url.replace(*wrong) if wrong else nobody)
    assert (status, line.count("\n")) == (3, 1)
    assert line.startswith("signedin_backend: the database cannot be used: ")
    assert why in line
    assert "s3cret-in-url" not in line


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_of_another_encoding_ends_the_start(started: Ended, server: PostgresServer, encoding: str) -> None:
    with server.database(f"ENCODING '{encoding}' LOCALE 'C'") as url:
        status, stderr = started(url)
        tables = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=Path(url).name)
        assert tables == []
    assert status == 3
    assert stderr == f"signedin_backend: the database has the encoding {encoding} and must have UTF8\n"


def test_the_environments_encoding_is_ignored(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with server.database() as url, running(tmp_path, database=url) as served:
        token = served.pair("用户@例え.jp")["accessToken"]
        assert served.profile(token).json()["email"] == "用户@例え.jp"


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_database_that_goes_and_comes_is_a_503_in_between(server: PostgresServer, served: Served, how: str) -> None:
    pair = served.pair()
    assert ready(served) == 200
    getattr(server, how)()
    try:
        assert ready(served) == 503
        assert served.beside("/healthz").status_code == 200
        for answer in (served.refresh(pair["refreshToken"]), served.profile(pair["accessToken"]), served.login()):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    finally:
        server.start()
    assert ready(served) == 200
    assert served.profile(pair["accessToken"]).status_code == 200
    assert served.refresh(pair["refreshToken"]).status_code == 200


def test_connections_that_died_while_idle_are_no_failure(server: PostgresServer, served: Served) -> None:
    pair = served.pair()
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'signedin_backend'")
    assert served.refresh(pair["refreshToken"]).status_code == 200


def test_a_statement_waits_so_long_for_a_lock_and_no_longer(served: Served) -> None:
    pair = served.pair()
    with psycopg.connect(served.settings.database) as other:
        other.execute("SELECT * FROM sessions FOR UPDATE")
        answer = served.refresh(pair["refreshToken"])
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert served.refresh(pair["refreshToken"]).status_code == 200


@pytest.mark.parametrize("work", ["SELECT * FROM sessions FOR UPDATE", "DELETE FROM refresh_tokens"])
def test_a_sign_in_does_not_wait_for_what_another_one_or_an_administrator_is_removing(
    server: PostgresServer, tmp_path: Path, work: LiteralString
) -> None:
    with server.database() as url, running(tmp_path, database=url, database_seconds=1, refresh_ttl=10) as served:
        served.pair()
        served.clock.advance(11)
        with psycopg.connect(url) as other:
            other.execute(work)
            assert served.login().status_code == 200
        assert served.rows("SELECT count(*) FROM sessions") == [(2,)]


def die(server: PostgresServer, storage: Storage, *, before_commit: bool) -> None:
    """Have the server end the connection of a transaction that wrote something."""
    with storage.writing() as connection:
        (pid,) = connection.execute(text("SELECT pg_backend_pid()")).one()
        connection.execute(text("DELETE FROM refresh_tokens"))
        server.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
        if not before_commit:
            connection.execute(text("DELETE FROM sessions"))


def test_a_connection_that_dies_between_statements_leaves_nothing(server: PostgresServer, served: Served) -> None:
    served.pair()
    with pytest.raises(UnavailableError):
        die(server, served.app.state.signedin.storage, before_commit=False)
    assert served.rows("SELECT count(*) FROM refresh_tokens") == [(1,)]


def test_a_commit_whose_answer_is_lost_is_not_reported_as_undone(server: PostgresServer, served: Served) -> None:
    with pytest.raises(DBAPIError):
        die(server, served.app.state.signedin.storage, before_commit=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("transaction_isolation", "read committed"), ("lock_timeout", "1s"), ("statement_timeout", "6s"),
     ("idle_in_transaction_session_timeout", "6s"), ("synchronous_commit", "on")],
)  # fmt: skip
def test_a_transaction_ignores_the_servers_defaults(
    server: PostgresServer, tmp_path: Path, name: str, value: str
) -> None:
    with server.database() as url:
        base = url.rpartition("/")[2]
        for default in ("default_transaction_isolation = 'serializable'", "synchronous_commit = off"):
            server.execute(f"ALTER DATABASE {base} SET {default}")
        with running(tmp_path, database=url, database_seconds=1) as served:
            storage: Storage = served.app.state.signedin.storage
            with storage.writing() as connection:
                assert connection.execute(text(f"SHOW {name}")).scalar_one() == value


@pytest.mark.parametrize(("ahead", "warned"), [(0, False), (1, False), (-1, False), (3, True), (-3, True)], ids=str)
def test_a_clock_that_is_not_the_database_servers_is_a_warning_at_the_start(
    server: PostgresServer, caplog: pytest.LogCaptureFixture, ahead: int, *, warned: bool
) -> None:
    with server.database() as url:
        state = State.build(Settings(database=url), (KEY,), lambda: time.time() + ahead)
        state.prepare()
        state.storage.close()
    warnings = [line for line in lines(caplog) if "clock" in line["event"]]
    assert [record["level"] for record in warnings] == ["warning"] * warned
    assert [round(record["seconds_ahead_of_the_database"]) for record in warnings] == [ahead] * warned


def test_connections_are_no_more_than_configured(server: PostgresServer, tmp_path: Path) -> None:
    with server.database() as url, running(tmp_path, database=url, database_threads=2) as served:
        pair = served.pair()
        answers = at_once([partial(served.profile, pair["accessToken"]) for _ in range(20)])
        assert {answer.status_code for answer in answers} == {200}
        (count,) = server.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'signedin_backend'"
            f" AND datname = '{url.rpartition('/')[2]}'"
        )
        assert count[0] <= 4


def test_a_long_message_of_the_database_is_cut_to_its_first_line() -> None:
    assert reason(OperationalError(None, None, Exception("first line\n\tsecond"))) == "first line"
