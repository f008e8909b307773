"""Sessions that must end, ended while workers are killed; and fifty who register one address meanwhile.

A grandparent, an exhausted count, a closed window, a logout in the middle of refreshes: in each run workers die at
random points of this work and are replaced until all of it is answered, then all are killed at once; then a new backend
on the same database must answer as before.
`make backend-check` has them on PostgreSQL, too, and more of them.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from threading import Barrier, Event

import httpx
import pytest
from signedin_backend.tokens import fingerprint

from tests.backend.crowd import (
    DEEP,
    SEEDS,
    Client,
    Crowd,
    Pair,
    assert_lives,
    dying,
    kill_after,
    profile,
    restarted,
    sessions,
)
from tests.backend.running import PASSWORD, at_once, rows

EACH = 4 if DEEP else 2
MANY = 50
TWIN = {"email": "twin@example.com", "password": PASSWORD}


class Ending(Client):
    """A session that its end comes for, and every pair that was received in full."""

    def refresh_times(self, times: int) -> None:
        for _ in range(times):
            answer = self.crowd.refresh(self.pairs[-1]["refreshToken"])
            assert answer.status_code == 200
            self.pairs.append(answer.json())

    def present(self, pair: Pair, times: int) -> list[int]:
        """Show one token so often at once, all with the key of its rotation."""
        answers = at_once([partial(self.crowd.refresh, pair["refreshToken"])] * times)
        assert all(answer.json() == self.pairs[-1] for answer in answers if answer.status_code == 200)
        return [answer.status_code for answer in answers]

    def grandparent(self, _: str) -> None:
        """Show a token whose child was used already, while the grandchild is used."""
        self.refresh_times(2)
        grandchild = partial(self.crowd.refresh, self.pairs[-1]["refreshToken"])
        shown, renewed = at_once([partial(self.crowd.refresh, self.pairs[0]["refreshToken"]), grandchild])
        assert shown.status_code == 401
        if renewed.status_code == 200:
            self.pairs.append(renewed.json())

    def exhausted(self, _: str) -> None:
        """Show the parent nine times at once: of the rotation and five repeats, it is one answer for each at most."""
        self.refresh_times(1)
        assert self.present(self.pairs[0], 9).count(200) <= 5

    def closed(self, database: str) -> None:
        """Show the parent a minute after its rotation."""
        self.refresh_times(1)
        newest = fingerprint(self.pairs[-1]["refreshToken"])
        session = f"SELECT session_id FROM refresh_tokens WHERE fingerprint = '{newest}'"
        rows(database, f"UPDATE sessions SET rotated_at = rotated_at - 60000 WHERE id IN ({session})")
        assert self.present(self.pairs[0], 2) == [401, 401]

    def signed_out(self, _: str) -> None:
        """Sign out in the middle of refreshes that go on until they are refused."""
        under_way = Event()

        def leave() -> None:
            assert under_way.wait(30)
            signed_out = self.crowd.post("/auth/logout", {"refreshToken": self.pairs[-1]["refreshToken"]})
            assert signed_out.status_code == 204

        def renew() -> None:
            while (answer := self.crowd.refresh(self.pairs[-1]["refreshToken"])).status_code == 200:
                self.pairs.append(answer.json())
                if len(self.pairs) > 2:
                    under_way.set()

        at_once([leave, renew])


ENDS = [Ending.grandparent, Ending.exhausted, Ending.closed, Ending.signed_out]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_ends_a_session_ends_it_whole_though_workers_are_killed(tmp_path: Path, database: str, seed: int) -> None:
    with dying(tmp_path, database, f"endings {seed}") as (crowd, running):
        made = iter(sessions(database, len(ENDS) * EACH + 3))
        lasting = [Client(crowd, [next(made)]) for _ in range(3)]
        ending = [(Ending(crowd, [pair]), ENDS[number % len(ENDS)]) for number, pair in enumerate(made)]
        twins: list[httpx.Response] = []
        done = Barrier(len(ending) + MANY + 1)

        def end_session(client: Ending, by: Callable[[Ending, str], None]) -> None:
            by(client, database)
            done.wait(60)

        def register() -> None:
            twins.append(crowd.post("/auth/register", TWIN))
            done.wait(60)

        works: list[Callable[[], None]] = [partial(end_session, client, by) for client, by in ending]
        works += [register] * MANY
        works += [client.refresh_on for client in lasting]
        Random(seed).shuffle(works)
        works.append(partial(kill_after, crowd, running, partial(done.wait, 60)))
        at_once(works)
    with restarted(tmp_path, database) as after:
        for ended, _ in ending:
            assert_over(after, ended, database)
        for client in lasting:
            assert_lives(after, client.pairs[-1])
        assert_one_account(after, twins, database)


def assert_over(crowd: Crowd, client: Client, database: str) -> None:
    """Every pair of the session is dead, the ones of the answers that got lost too."""
    tokens = ", ".join(f"'{fingerprint(pair['refreshToken'])}'" for pair in client.pairs)
    theirs = f"SELECT DISTINCT session_id FROM refresh_tokens WHERE fingerprint IN ({tokens})"
    revocations = rows(database, f"SELECT revoked_at IS NOT NULL FROM sessions WHERE id IN ({theirs})")
    assert [bool(revoked) for (revoked,) in revocations] == [True]
    for pair in client.pairs:
        assert profile(crowd, pair) == 401
        assert crowd.refresh(pair["refreshToken"]).status_code == 401


def assert_one_account(crowd: Crowd, answers: list[httpx.Response], database: str) -> None:
    """One row and its one session; nobody was answered 200 if the worker died between its commit and its answer."""
    counted = Counter(answer.status_code for answer in answers)
    assert counted[200] <= 1
    assert counted[200] + counted[400] == MANY
    assert {answer.json()["message"] for answer in answers if answer.status_code == 400} == {"Email already in use."}
    account = f"FROM users u JOIN sessions s ON s.user_id = u.id WHERE u.email = '{TWIN['email']}'"
    assert rows(database, f"SELECT count(DISTINCT u.id), count(s.id) {account}") == [(1, 1)]
    assert crowd.post("/auth/login", TWIN).status_code == 200
