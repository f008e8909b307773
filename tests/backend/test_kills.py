"""Workers of one backend, killed while fifty clients refresh, register and sign out: what was answered holds.

In each run worker after worker dies at a random point of its work and is replaced, then all are killed at once; then a
new backend on the same database must answer as before.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

import pytest
from signedin_backend.tokens import fingerprint

from tests.backend.crowd import (
    DEEP,
    SEEDS,
    Client,
    Crowd,
    DownError,
    Pair,
    assert_lives,
    dying,
    kill_after,
    profile,
    restarted,
    sessions,
)
from tests.backend.running import PASSWORD, at_once, rows

pytestmark = pytest.mark.both_databases

ANSWERS = (60, 200) if DEEP else (20, 60)
REFRESHERS, STORM, LEAVERS, NEWCOMERS, TWINS = 26, 6, 6, 6, 6


def join(crowd: Crowd, emails: Iterator[str], registered: dict[str, Pair], refused: list[str]) -> None:
    with suppress(DownError):
        for email in emails:
            answer = crowd.post("/auth/register", {"email": email, "password": PASSWORD})
            if answer.status_code == 200:
                assert email not in registered
                registered[email] = answer.json()
            else:
                # Sent again after a worker died between its commit and its answer.
                assert answer.json()["message"] == "Email already in use."
                refused.append(email)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_was_answered_holds_after_workers_were_killed(tmp_path: Path, database: str, seed: int) -> None:
    dice = Random(seed)
    registered: dict[str, Pair] = {}
    refused: list[str] = []
    with dying(tmp_path, database, str(seed)) as (crowd, running):
        made = sessions(database, REFRESHERS + LEAVERS + 1)
        refreshers = [Client(crowd, [pair]) for pair in made[:REFRESHERS]]
        leavers = [Client(crowd, [pair]) for pair in made[REFRESHERS:-1]]
        storm = [Client(crowd, [made[-1]]) for _ in range(STORM)]
        works: list[Callable[[], None]] = [client.refresh_on for client in refreshers]
        works += [client.refresh_once for client in storm]
        works += [partial(client.leave, dice.randint(0, 5)) for client in leavers]
        for number in range(NEWCOMERS):
            emails = map(f"new{number}.{{}}@example.com".format, count())
            works.append(partial(join, crowd, emails, registered, refused))
        works += [partial(join, crowd, iter(["twin@example.com"]), registered, refused) for _ in range(TWINS)]
        assert len(works) == 50
        works.append(partial(kill_after, crowd, running, partial(crowd.wait_for, dice.randint(*ANSWERS))))
        at_once(works)
    with restarted(tmp_path, database) as after:
        stored = {each for (each,) in rows(database, "SELECT fingerprint FROM refresh_tokens")}
        for client in (*refreshers, *leavers, *storm):
            assert {fingerprint(pair["refreshToken"]) for pair in client.pairs} <= stored
        for client in refreshers:
            assert_lives(after, client.pairs[-1])
        for client in leavers:
            assert_as_it_left(after, client)
        children = [client.pairs[-1] for client in storm if len(client.pairs) > 1]
        assert all(child == children[0] for child in children)
        for pair in registered.values():
            assert_lives(after, pair)
        for email in {
            *dice.sample(sorted(registered), min(3, len(registered))),
            *dice.sample(refused, min(2, len(refused))),
        }:
            assert after.post("/auth/login", {"email": email, "password": PASSWORD}).status_code == 200
    assert rows(database, "SELECT count(*) FROM users WHERE email = 'twin@example.com'")[0][0] <= 1


def assert_as_it_left(crowd: Crowd, client: Client) -> None:
    """Signed out is signed out; without an answer to it both or none of its tokens work."""
    works = profile(crowd, client.pairs[-1]) == 200
    assert works == (crowd.refresh(client.pairs[-1]["refreshToken"]).status_code == 200)
    if client.left:
        assert not works
    elif not client.tried_to_leave:
        assert works
