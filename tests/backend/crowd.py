"""Clients of a backend whose workers are killed, and what must hold of the database when all of them are dead."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Semaphore

import httpx
from signedin_backend import Settings
from signedin_backend.sessions import Sessions
from signedin_backend.storage import Storage
from sqlalchemy.engine import make_url

from tests.backend.dying import SEED
from tests.backend.running import PASSWORD, checked, rows
from tests.servers import KEY, Workers, backend, workers

DEEP = bool(os.environ.get("BACKEND_CHECK"))
SEEDS, WORKERS = (4, 3) if DEEP else (1, 2)
EMAIL = "ada@example.com"


class DownError(Exception):
    """The backend was killed; whether the request took effect is unknown."""


@dataclass
class Crowd:
    """What all clients share: where the backend is, how many answers came, and that its end has come."""

    base_url: str
    answers: Semaphore = field(default_factory=lambda: Semaphore(0))
    down: Event = field(default_factory=Event)

    def post(self, path: str, body: dict[str, str], **headers: str) -> httpx.Response:
        """Send until there is an answer, as a client does whose worker died."""
        while True:
            with suppress(httpx.TransportError), checked(self.base_url) as client:
                answer = client.post(path, json=body, headers=headers)
                # 503: nothing was done.
                if answer.status_code != 503:
                    assert answer.status_code < 500
                    self.answers.release()
                    return answer
            if self.down.is_set():
                raise DownError

    def wait_for(self, answers: int) -> None:
        for _ in range(answers):
            assert self.answers.acquire(timeout=60)

    def refresh(self, token: str) -> httpx.Response:
        return self.post("/auth/refreshToken", {"refreshToken": token}, **{"Idempotency-Key": token[:40]})


@contextmanager
def dying(folder: Path, database: str, seed: str) -> Iterator[tuple[Crowd, Workers]]:
    """Start workers that die at random points of their work and are replaced; the one account is there already."""
    factory = "tests.backend.dying:create"
    with workers(folder, WORKERS, database=database, factory=factory, environ={SEED: seed}) as running:
        crowd = Crowd(running.base_url)
        crowd.post("/auth/register", {"email": EMAIL, "password": PASSWORD})
        yield crowd, running
        assert_no_failure(running.log)


def kill_after(crowd: Crowd, running: Workers, work: Callable[[], object]) -> None:
    """Kill all workers at once when this work is done, and not before one of them died by itself."""
    try:
        work()
        while not running.died:
            crowd.wait_for(1)
    finally:
        crowd.down.set()
        running.kill()


@contextmanager
def restarted(folder: Path, database: str) -> Iterator[Crowd]:
    """Start a new backend on the same database, and look at all of that in the end."""
    with backend(folder, database=database, environ={"SIGNEDIN_BACKEND_JWT_KEY": KEY}, checked=False) as server:
        yield Crowd(server.base_url)
        assert_no_failure(server.log)
    assert_whole(database)


Pair = dict[str, str]


@dataclass
class Client:
    """One session, and every pair that was received in full."""

    crowd: Crowd
    pairs: list[Pair]
    left: bool = False
    tried_to_leave: bool = False

    def refresh_on(self) -> None:
        with suppress(DownError):
            while True:
                answer = self.crowd.refresh(self.pairs[-1]["refreshToken"])
                assert answer.status_code == 200
                self.pairs.append(answer.json())

    def refresh_once(self) -> None:
        with suppress(DownError):
            answer = self.crowd.refresh(self.pairs[-1]["refreshToken"])
            # The others of the storm may have used up the grace while a dead worker was waited for.
            if answer.status_code == 200:
                self.pairs.append(answer.json())

    def leave(self, after: int) -> None:
        with suppress(DownError):
            for _ in range(after):
                self.pairs.append(self.crowd.refresh(self.pairs[-1]["refreshToken"]).json())
            self.tried_to_leave = True
            answer = self.crowd.post("/auth/logout", {"refreshToken": self.pairs[-1]["refreshToken"]})
            self.left = answer.status_code == 204


def sessions(database: str, number: int) -> list[Pair]:
    """Begin sessions of the one account past the backend: a hash for each would be most of the test."""
    settings = Settings(database=database, jwt_key=KEY.encode())
    storage = Storage(settings)
    try:
        begun = Sessions(storage, settings, (KEY.encode(),), time.time)
        user = begun.password_of(EMAIL)
        assert user is not None
        made = [begun.sign_in(user[0]) for _ in range(number)]
    finally:
        storage.close()
    return [{"accessToken": pair.access, "refreshToken": pair.refresh} for pair in made]


def profile(crowd: Crowd, pair: Pair) -> int:
    with checked(crowd.base_url, headers={"Authorization": f"Bearer {pair['accessToken']}"}) as client:
        return client.get("/users/profile").status_code


def assert_lives(crowd: Crowd, pair: Pair) -> None:
    """The pair works; was its refresh token spent by a request that died, then the same child comes back."""
    assert profile(crowd, pair) == 200
    answer = crowd.refresh(pair["refreshToken"])
    assert answer.status_code == 200
    assert crowd.refresh(pair["refreshToken"]).content == answer.content
    assert crowd.refresh(answer.json()["refreshToken"]).status_code == 200


def assert_no_failure(log: Path) -> None:
    text = log.read_text()
    assert '"event": "failed"' not in text
    assert '"status": 500' not in text


def assert_whole(database: str) -> None:
    """Every account has a session, every session all its tokens from the first to its head, in one unbroken line."""
    if (file := make_url(database).database) and database.startswith("sqlite"):
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    for nothing in (
        """
        SELECT u.id FROM users u LEFT JOIN sessions s ON s.user_id = u.id WHERE s.id IS NULL
        """,
        """
        SELECT s.id FROM sessions s LEFT JOIN refresh_tokens t ON t.session_id = s.id
        GROUP BY s.id, s.counter HAVING count(t.fingerprint) <> s.counter + 1 OR max(t.counter) <> s.counter
        """,
        """
        SELECT s.id FROM sessions s LEFT JOIN refresh_tokens t ON t.fingerprint = s.head AND t.counter = s.counter
        WHERE t.fingerprint IS NULL OR coalesce(t.parent, '') <> coalesce(s.parent, '')
        """,
        """
        SELECT t.fingerprint FROM refresh_tokens t LEFT JOIN refresh_tokens p
        ON p.fingerprint = t.parent AND p.session_id = t.session_id AND p.counter = t.counter - 1
        WHERE t.counter > 0 AND p.fingerprint IS NULL
        """,
    ):
        assert rows(database, nothing) == []
