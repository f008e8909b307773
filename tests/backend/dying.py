"""The backend as a factory for uvicorn, in workers that end as by `kill -9` at a random point of their database work.

From outside a kill almost never falls between two statements; from here as often as anywhere else.
"""

import os
import signal
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

from signedin_backend import create_app, logs
from signedin_backend.settings import read
from signedin_backend.state import State
from sqlalchemy import event
from starlette.applications import Starlette

# Before and after each statement, before each commit, and after it, when the connection goes back to the pool.
POINTS = ("before_cursor_execute", "after_cursor_execute", "commit", "checkin")
SEED = "DYING_SEED"


def create() -> Starlette:
    """Return the backend as the environment configures it, but for cheap hashes; it lives for dozens of requests."""
    logs.configure()
    app = create_app(replace(read(os.environ), hash_memory=8, hash_passes=1))
    points, last = count(), Random(f"{os.environ[SEED]} {os.getpid()}").randint(60, 500)

    def pass_by(*_: Any) -> None:
        if next(points) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    engine = State.of_app(app).storage.engine
    for name in POINTS:
        event.listen(engine, name, pass_by)
    return app
