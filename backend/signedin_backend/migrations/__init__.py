"""The schema's history: one file in `versions` per revision, run by Alembic when the backend starts.

A revision that was released is never changed. A new one is written by hand, as `versions/v0002_what_it_does.py`; a test
compares what all of them make with the tables of `schema`, on both databases.
"""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

# A column that each of our tables had from the first, and that nobody else's is likely to have.
_OURS = {"users": "email_canonical", "sessions": "head", "refresh_tokens": "fingerprint"}


class SchemaError(Exception):
    """The database is none that this backend may work on; the text says why."""


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest revision, inside the transaction of `connection`.

    The caller holds a lock that lets one of several starting workers do it. Tables from before revisions were counted
    are adopted.

    Raises:
        SchemaError: A newer backend has been here, or somebody else's tables have our names.
    """
    script = _script()
    current, newest = _revision(connection), script.get_current_head()
    if current == newest:
        return
    revisions = {revision.revision for revision in script.walk_revisions()}
    if current is not None and current not in revisions:
        raise SchemaError(f"the database has schema {current}, which is newer than {newest} of this backend")
    if current is None:
        _check_names(connection)
    config = Config()
    config.set_main_option("script_location", script.dir)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def check(connection: Connection) -> str:
    """Return the schema's revision, which is the newest.

    Raises:
        SchemaError: It is not; nothing was changed.
    """
    revision, newest = _revision(connection), _script().get_current_head()
    if revision != newest:
        raise SchemaError(f"the database has schema {revision or 'none'}, and this backend needs {newest}")
    return revision or ""


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


@cache
def _script() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))


def _check_names(connection: Connection) -> None:
    described = inspect(connection)
    for table, column in _OURS.items():
        if described.has_table(table) and column not in {one["name"] for one in described.get_columns(table)}:
            raise SchemaError(f"the database has a table {table} that is not this backend's")
