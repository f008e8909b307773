"""Workers of one backend, killed while fifty clients refresh, register and sign out: what was answered holds.

In each run worker after worker dies at a random point of its work and is replaced, then all are killed at once; then a
new backend on the same database is asked.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from threading import Event, Semaphore

import httpx
import pytest
from signedin_backend import Settings
from signedin_backend.sessions import Sessions
from signedin_backend.storage import Storage
from signedin_backend.tokens import fingerprint
from sqlalchemy.engine import make_url

from tests.backend.dying import SEED
from tests.backend.running import PASSWORD, at_once, checked, rows
from tests.servers import KEY, Workers, backend, workers

pytestmark = pytest.mark.both_databases

DEEP = bool(os.environ.get("BACKEND_CHECK"))
SEEDS, WORKERS = (4, 3) if DEEP else (1, 2)
REFRESHERS, STORM, LEAVERS, NEWCOMERS, TWINS = 26, 6, 6, 6, 6
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

    def refresh(self, token: str) -> httpx.Response:
        return self.post("/auth/refreshToken", {"refreshToken": token}, **{"Idempotency-Key": token[:40]})


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


def join(crowd: Crowd, emails: Iterator[str], kept: dict[str, Pair], refused: list[str]) -> None:
    with suppress(DownError):
        for email in emails:
            answer = crowd.post("/auth/register", {"email": email, "password": PASSWORD})
            if answer.status_code == 200:
                assert email not in kept
                kept[email] = answer.json()
            else:
                # Sent again after a worker died between its commit and its answer.
                assert answer.json()["message"] == "Email already in use."
                refused.append(email)


def end(crowd: Crowd, running: Workers, answers: int) -> None:
    """Kill all workers at once after so many answers, and not before one of them died by itself."""
    try:
        for _ in range(answers):
            assert crowd.answers.acquire(timeout=60)
        while not running.died:
            assert crowd.answers.acquire(timeout=60)
    finally:
        crowd.down.set()
        running.kill()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_was_answered_holds_after_workers_were_killed(tmp_path: Path, database: str, seed: int) -> None:
    dice = Random(seed)
    kept: dict[str, Pair] = {}
    refused: list[str] = []
    with workers(
        tmp_path, WORKERS, database=database, factory="tests.backend.dying:create", environ={SEED: str(seed)}
    ) as running:
        crowd = Crowd(running.base_url)
        crowd.post("/auth/register", {"email": EMAIL, "password": PASSWORD})
        made = sessions(database, REFRESHERS + LEAVERS + 1)
        refreshers = [Client(crowd, [pair]) for pair in made[:REFRESHERS]]
        leavers = [Client(crowd, [pair]) for pair in made[REFRESHERS:-1]]
        storm = [Client(crowd, [made[-1]]) for _ in range(STORM)]
        works: list[Callable[[], None]] = [client.refresh_on for client in refreshers]
        works += [client.refresh_once for client in storm]
        works += [partial(client.leave, dice.randint(0, 5)) for client in leavers]
        for number in range(NEWCOMERS):
            emails = map(f"new{number}.{{}}@example.com".format, count())
            works.append(partial(join, crowd, emails, kept, refused))
        works += [partial(join, crowd, iter(["twin@example.com"]), kept, refused) for _ in range(TWINS)]
        assert len(works) == 50
        works.append(partial(end, crowd, running, dice.randint(60, 200)))
        at_once(works)
        assert_no_failure(running.log)
    with backend(tmp_path, database=database, environ={"SIGNEDIN_BACKEND_JWT_KEY": KEY}, checked=False) as restarted:
        after = Crowd(restarted.base_url)
        known = {found for (found,) in rows(database, "SELECT fingerprint FROM refresh_tokens")}
        for client in (*refreshers, *leavers, *storm):
            assert {fingerprint(pair["refreshToken"]) for pair in client.pairs} <= known
        for client in refreshers:
            assert_lives(after, client.pairs[-1])
        for client in leavers:
            assert_as_it_left(after, client)
        children = [client.pairs[-1] for client in storm if len(client.pairs) > 1]
        assert all(child == children[0] for child in children)
        for pair in kept.values():
            assert_lives(after, pair)
        for email in {*dice.sample(sorted(kept), min(3, len(kept))), *dice.sample(refused, min(2, len(refused)))}:
            assert after.post("/auth/login", {"email": email, "password": PASSWORD}).status_code == 200
        assert_no_failure(restarted.log)
    assert rows(database, "SELECT count(*) FROM users WHERE email = 'twin@example.com'")[0][0] <= 1
    assert_whole(database)


def sessions(database: str, number: int) -> list[Pair]:
    """Begin sessions of the one account past the backend: a hash for each would be most of the test."""
    settings = Settings(database=database, jwt_key=KEY.encode())
    storage = Storage(settings)
    try:
        begun = Sessions(storage, settings, KEY.encode(), time.time)
        found = begun.password_of(EMAIL)
        assert found is not None
        made = [begun.sign_in(found[0]) for _ in range(number)]
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


def assert_as_it_left(crowd: Crowd, client: Client) -> None:
    """Signed out is signed out; without an answer to it both or none of its tokens work."""
    works = profile(crowd, client.pairs[-1]) == 200
    assert works == (crowd.refresh(client.pairs[-1]["refreshToken"]).status_code == 200)
    if client.left:
        assert not works
    elif not client.tried_to_leave:
        assert works


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
