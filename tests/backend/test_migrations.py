"""The schema's history: made, adopted, changed, raced for and refused, on both databases."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from signedin_backend import Settings, migrations
from signedin_backend.schema import METADATA
from signedin_backend.settings import StartError
from signedin_backend.storage import Storage
from sqlalchemy import create_engine

from tests.backend.conftest import Ended
from tests.backend.running import PASSWORD, Serve, rows

pytestmark = pytest.mark.both_databases

REVISIONS = [one.revision for one in ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()]
NEWEST = REVISIONS[0]


def prepare(database: str) -> None:
    storage = Storage(Settings(database=database))
    try:
        storage.prepare()
    finally:
        storage.close()


def differences(database: str) -> list[Any]:
    """Return in what the tables differ from those that the statements are written for."""
    engine = create_engine(database)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differing: list[Any] = compare_metadata(context, METADATA)
    engine.dispose()
    return differing


def test_tables_from_before_revisions_were_counted_are_adopted_with_what_they_hold(serve: Serve) -> None:
    first = serve()
    pair = first.pair()
    first.rows("DROP TABLE alembic_version")
    first.rows("DROP TABLE issuances")  # of a later revision
    adopted = serve()
    assert adopted.refresh(pair["refreshToken"]).status_code == 200
    assert adopted.login(password=PASSWORD).status_code == 200
    assert adopted.rows("SELECT version_num FROM alembic_version") == [(NEWEST,)]


def test_a_database_newer_than_the_code_is_refused(database: str) -> None:
    prepare(database)
    rows(database, "UPDATE alembic_version SET version_num = '9999'")
    message = f"the database has schema 9999, which is newer than {NEWEST} of this backend"
    with pytest.raises(StartError, match=f"^{message}$"):
        prepare(database)


def test_somebody_elses_tables_are_refused_and_left_alone(database: str) -> None:
    rows(database, "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    with pytest.raises(StartError, match=r"^the database has a table users that is not this backend's$"):
        prepare(database)
    # One transaction: nothing of the revision stays.
    names = "sqlite_master" if database.startswith("sqlite") else "pg_tables"
    column = "name" if database.startswith("sqlite") else "tablename"
    assert rows(database, f"SELECT {column} FROM {names} WHERE {column} IN ('sessions', 'alembic_version')") == []


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the backend have one more revision than it has, of these statements."""

    def add(statements: str) -> None:
        folder = tmp_path / "later"
        shutil.copytree(Path(migrations.__file__).parent, folder)
        (folder / "versions" / "v9999_later.py").write_text(
            f"from alembic import op\n\nrevision, down_revision = '9999', '{NEWEST}'\n\n\n"
            f"def upgrade():\n    for one in {statements.split(';')!r}:\n        op.execute(one)\n"
        )
        monkeypatch.setattr(migrations, "_script", lambda: ScriptDirectory(str(folder)))

    return add


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_database_of_any_earlier_revision_is_brought_up(database: str, revision: str) -> None:
    engine = create_engine(database)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    prepare(database)
    assert rows(database, "SELECT version_num FROM alembic_version") == [(NEWEST,)]
    assert differences(database) == []


def test_a_later_revision_keeps_what_the_database_holds(serve: Serve, later: Callable[[str], None]) -> None:
    pair = serve().pair()
    later("ALTER TABLE users ADD COLUMN nickname VARCHAR(20); UPDATE users SET nickname = 'Countess'")
    migrated = serve()
    assert migrated.rows("SELECT email, nickname FROM users") == [("ada@example.com", "Countess")]
    assert migrated.refresh(pair["refreshToken"]).status_code == 200
    assert migrated.rows("SELECT version_num FROM alembic_version") == [("9999",)]


def test_a_revision_that_fails_leaves_the_database_as_it_was(serve: Serve, later: Callable[[str], None]) -> None:
    served = serve()
    pair = served.pair()
    later("DELETE FROM refresh_tokens; ALTER TABLE users ADD COLUMN nickname VARCHAR(20); DROP TABLE nowhere")
    with pytest.raises(StartError, match=r"^the database cannot be used: .*nowhere"):
        prepare(served.settings.database)
    assert differences(served.settings.database) == []
    assert served.rows("SELECT version_num FROM alembic_version") == [(NEWEST,)]
    assert served.refresh(pair["refreshToken"]).status_code == 200


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "spoilt", ["UPDATE alembic_version SET version_num = '9999'", "PRAGMA user_version"], ids=["newer", "nothing"]
)
def test_a_start_that_fails_is_one_line(ended: Ended, tmp_path: Path, spoilt: str) -> None:
    file = tmp_path / "x.db"
    prepare(f"sqlite:///{file}")
    connection = sqlite3.connect(file)
    connection.execute(spoilt)
    connection.commit()
    connection.close()
    if spoilt.startswith("PRAGMA"):
        file.write_bytes(b"This is no database. " * 200)
    status, message = ended("--port", "0", "--database", str(file))
    assert (status, message.count("\n")) == (3, 1)
    assert message.startswith("signedin_backend: the database ")
