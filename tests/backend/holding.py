"""Somebody else's lock on every session, and how to know that the backend has come to wait for it."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Event
from typing import Any

import psycopg
from signedin_backend.storage import Storage
from sqlalchemy import event

from tests.backend.running import Served

Holding = Callable[[], None]


@contextmanager
def held(served: Served) -> Iterator[Holding]:
    """Keep the backend from writing to any session until the block ends; yields what returns once a request waits."""
    if (file := served.settings.sqlite_file) is not None:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield _begun(served.app.state.signedin.storage)
            other.execute("ROLLBACK")
        return
    with psycopg.connect(served.settings.database.replace("+psycopg", "")) as other:
        other.execute("SELECT * FROM sessions FOR UPDATE")
        yield lambda: _until_somebody_waits(served)


def _begun(storage: Storage) -> Holding:
    requested = Event()

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement == "BEGIN IMMEDIATE":
            requested.set()

    event.listen(storage.engine, "before_cursor_execute", note)

    def wait() -> None:
        assert requested.wait(30)

    return wait


def _until_somebody_waits(served: Served) -> None:
    end = time.monotonic() + 30
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while served.rows(waiting) == [(0,)]:
        assert time.monotonic() < end
        time.sleep(0.01)
