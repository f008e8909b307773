"""What differs between SQLite and PostgreSQL: how a connection is set up, how a lock is taken, which failures pass."""

import os
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from signedin_backend.settings import Settings, SettingsError

# Any number of ours; advisory locks are per database.
_SCHEMA_LOCK = 0x5167_6E65_6449_6E
SCHEMA_SECONDS = 60  # that a start waits while another worker works on the schema
# SQLSTATE of what trying again may mend: connection lost, rolled back by a deadlock, out of resources, lock not granted
# in time, cancelled or shutting down.
_PASSING = ("08", "40", "53", "55P03", "57")


def engine(settings: Settings) -> Engine:
    """Return the engine; opens no connection.

    Raises:
        SettingsError: The driver of this database is not installed, or does not load.
        OSError: The SQLite file cannot be made.
    """
    if settings.sqlite_file is None:
        return _postgresql(settings)
    # The WAL and its index take the file's own mode.
    os.close(os.open(settings.sqlite_file, os.O_RDWR | os.O_CREAT, 0o600))
    return _sqlite(settings)


def reader(engine: Engine) -> Engine:
    """Return the engine for single statements that change nothing; it shares the connections."""
    # PostgreSQL needs no transaction for one statement: two messages less.
    return engine.execution_options(isolation_level="AUTOCOMMIT") if engine.name == "postgresql" else engine


def lock_schema(connection: Connection) -> None:
    """Wait until no other worker works on the schema; held to the end of the transaction."""
    if connection.dialect.name == "postgresql":  # On SQLite the writing transaction is that lock.
        connection.execute(text(f"SET LOCAL lock_timeout = '{SCHEMA_SECONDS}s'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": _SCHEMA_LOCK})


def position(connection: Connection) -> Any:
    """Return the function that tells where a text stands in another, from 1; 0 if it does not."""
    return func.strpos if connection.dialect.name == "postgresql" else func.instr


def unfit(connection: Connection) -> str | None:
    """Say why this database cannot hold every text; None if it can."""
    if connection.dialect.name != "postgresql":
        return None
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    return None if encoding == "UTF8" else f"the database has the encoding {encoding} and must have UTF8"


def now(connection: Connection) -> float | None:
    """Return the seconds since 1970 by the database server's clock; None if the database is on this host."""
    if connection.dialect.name != "postgresql":
        return None
    return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


def passes(error: SQLAlchemyError) -> bool:
    """Tell whether this failure says nothing against the statement: the same one may work a moment later."""
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or _is_unreachable(error) or str(state).startswith(_PASSING)


def is_locked(error: SQLAlchemyError) -> bool:
    """Tell whether another process has SQLite's file to itself; a change to WAL may say so without having waited."""
    name = getattr(error.orig, "sqlite_errorname", "") if isinstance(error, DBAPIError) else ""
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def reason(error: SQLAlchemyError) -> str:
    """Return the message of the database, as one line without values."""
    message = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    return message.partition("\n")[0].strip() or type(error).__name__


def why(error: Exception) -> str:
    """Return why the database could not be used; of what nobody foresaw only its name: its text may hold a value."""
    cause = error.__cause__ or error.__context__ or error
    return reason(cause) if isinstance(cause, SQLAlchemyError) else type(error).__name__


def _is_unreachable(error: DBAPIError) -> bool:
    # SQLite has no SQLSTATE; both drivers have no statement where connecting or beginning failed.
    return isinstance(error, OperationalError) and error.statement in {None, "BEGIN", "BEGIN IMMEDIATE"}


def _sqlite(settings: Settings) -> Engine:
    made = _engine(settings)
    patience = settings.database_seconds * 1000

    @event.listens_for(made, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # The driver begins nothing by itself; `begin` below does.
        # FULL: an answered pair survives a power cut too.
        for pragma in (f"busy_timeout={patience}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads first and writes then fails at once when another one wrote in between.
        writes = connection.get_execution_options().get("signedin_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return made


def _postgresql(settings: Settings) -> Engine:
    # libpq waits at least two seconds for a connection. A peer that vanished without a word is noticed by the kernel.
    patience = max(2, settings.database_seconds)
    arguments = {
        "connect_timeout": patience,
        "application_name": "signedin_backend",
        # Else a database of another encoding, or PGCLIENTENCODING, decides how texts arrive.
        "client_encoding": "utf8",
        "keepalives_idle": 30,
        "tcp_user_timeout": 2 * patience * 1000,
    }
    try:
        made = _engine(
            settings,
            # Every decision is one conditional UPDATE: it looks again at a row that it waited for. A stricter level,
            # which a server may have as its default, would fail it instead.
            isolation_level="READ COMMITTED",
            # A connection that died while it lay idle is replaced instead of being a request's failure.
            pool_pre_ping=True,
            pool_timeout=patience,
            connect_args=arguments,
        )
    except ImportError:
        raise SettingsError(
            "--database: PostgreSQL's driver is missing or does not load; pip install 'psycopg[binary]'"
        ) from None
    except ArgumentError as error:
        raise SettingsError(f"--database: {reason(error)}") from None
    lock = max(1, settings.database_seconds * 1000)
    limits = {
        "lock_timeout": f"{lock}ms",
        "statement_timeout": f"{lock + 5000}ms",
        "idle_in_transaction_session_timeout": f"{lock + 5000}ms",
        # An answered pair survives a power cut too, whatever the server's default is.
        "synchronous_commit": "on",
    }

    @event.listens_for(made, "connect")
    def connect(connection: Any, _record: Any) -> None:
        for name, value in limits.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.commit()

    return made


def _engine(settings: Settings, **more: Any) -> Engine:
    # Parameters hold fingerprints and addresses; they stay out of exceptions and logs.
    threads = settings.database_threads
    return create_engine(settings.database, pool_size=2 * threads, max_overflow=0, hide_parameters=True, **more)
