"""Many at once, in threads of one backend and in two backend processes on one file."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.backend.running import PASSWORD, Serve, Served, at_once, warm
from tests.servers import Backend, backend

MANY = 50
Post = Callable[[dict[str, str]], httpx.Response]


def clients(base_urls: list[str], path: str, headers: dict[str, str]) -> list[Post]:
    """Return senders with a connection of their own each, open already."""
    return [partial(_posted, warm(base_url, headers), path) for base_url in islice(cycle(base_urls), MANY)]


def _posted(client: httpx.Client, path: str, body: dict[str, str]) -> httpx.Response:
    try:
        return client.post(path, json=body)
    finally:
        client.close()


def all_at_once(
    base_urls: list[str], path: str, body: dict[str, str], headers: dict[str, str] | None = None
) -> list[httpx.Response]:
    return at_once([partial(post, body) for post in clients(base_urls, path, headers or {})])


@pytest.mark.parametrize(
    ("grace", "headers", "answered"),
    [(True, {"Idempotency-Key": "one"}, 6), (True, {}, 3), (False, {}, 1)],
    ids=["one-key", "no-key", "strict"],
)
def test_many_refreshes_of_one_token_make_one_child(
    serve: Serve, grace: bool, headers: dict[str, str], answered: int
) -> None:
    served = serve(grace=grace)
    token = served.pair()["refreshToken"]
    answers = all_at_once([served.base_url], "/auth/refreshToken", {"refreshToken": token}, headers)
    assert Counter(answer.status_code for answer in answers) == {200: answered, 401: MANY - answered}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert served.rows("SELECT count(*) FROM refresh_tokens")[0][0] == 2
    # So many at once are no lost answer; the child is dead as well.
    assert served.refresh(next(a for a in answers if a.status_code == 200).json()["refreshToken"]).status_code == 401


def test_many_registrations_of_one_address_make_one_account(served: Served) -> None:
    answers = all_at_once([served.base_url], "/auth/register", {"email": "ada@example.com", "password": PASSWORD})
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: MANY - 1}
    assert {answer.json()["message"] for answer in answers if answer.status_code == 400} == {"Email already in use."}
    assert served.rows("SELECT count(*) FROM users")[0][0] == 1
    assert served.rows("SELECT count(*) FROM sessions")[0][0] == 1


@pytest.mark.parametrize("attempt", range(5))
def test_a_logout_wins_over_a_refresh_whichever_comes_first(served: Served, attempt: int) -> None:
    pair = served.pair(f"user{attempt}@example.com")
    refreshed, signed_out = at_once([
        partial(_posted, warm(served.base_url), "/auth/refreshToken", {"refreshToken": pair["refreshToken"]}),
        partial(_posted, warm(served.base_url), "/auth/logout", {"refreshToken": pair["refreshToken"]}),
    ])  # fmt: skip
    assert signed_out.status_code == 204
    assert refreshed.status_code in {200, 401}
    handed_out = [pair] + ([refreshed.json()] if refreshed.status_code == 200 else [])
    for given in handed_out:
        assert served.profile(given["accessToken"]).status_code == 401
        assert served.refresh(given["refreshToken"]).status_code == 401


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[list[Backend]]:
    """Two processes on one file; started together, so they race for key and schema too."""
    with backend(tmp_path) as first, backend(tmp_path) as second:
        yield [first, second]


def rows(worker: Backend, statement: str) -> int:
    engine = create_engine(f"sqlite:///{worker.database}")
    with engine.connect() as connection:
        found: int = connection.execute(text(statement)).scalar_one()
    engine.dispose()
    return found


def test_two_processes_on_one_file_are_one_backend(workers: list[Backend]) -> None:
    base_urls = [worker.base_url for worker in workers]
    registered = all_at_once(base_urls, "/auth/register", {"email": "ada@example.com", "password": PASSWORD})
    assert Counter(answer.status_code for answer in registered) == {200: 1, 400: MANY - 1}
    assert rows(workers[0], "SELECT count(*) FROM users") == 1
    token = next(answer for answer in registered if answer.status_code == 200).json()["refreshToken"]
    refreshed = all_at_once(base_urls, "/auth/refreshToken", {"refreshToken": token}, {"Idempotency-Key": "one"})
    assert Counter(answer.status_code for answer in refreshed) == {200: 6, 401: MANY - 6}
    assert len({answer.content for answer in refreshed if answer.status_code == 200}) == 1
    assert rows(workers[0], "SELECT count(*) FROM refresh_tokens") == 2


def test_no_pair_is_both_handed_out_and_unknown_after_a_kill(tmp_path: Path) -> None:
    """Kill while refreshes are under way; the newest token known to the client works, or its parent does."""
    with backend(tmp_path) as first:
        tokens = [_account(first, number) for number in range(8)]
        answers = at_once([partial(_refresh_until_death, first, token) for token in tokens] + [partial(_kill, first)])
    with backend(tmp_path) as second, httpx.Client(base_url=second.base_url, timeout=20) as client:
        for token in filter(None, answers):
            answer = client.post("/auth/refreshToken", json={"refreshToken": token}, headers={"Idempotency-Key": token})
            assert answer.status_code == 200


def _account(server: Backend, number: int) -> str:
    body = {"email": f"user{number}@example.com", "password": PASSWORD}
    answer = httpx.post(f"{server.base_url}/auth/register", json=body, timeout=20)
    token: str = answer.raise_for_status().json()["refreshToken"]
    return token


def _refresh_until_death(server: Backend, token: str) -> str:
    with httpx.Client(base_url=server.base_url, timeout=20) as client:
        while True:
            try:
                headers = {"Idempotency-Key": token}
                answer = client.post("/auth/refreshToken", json={"refreshToken": token}, headers=headers)
            except httpx.TransportError:
                return token
            token = answer.raise_for_status().json()["refreshToken"]


def _kill(server: Backend) -> str:
    # Some rotations are on the disk by now, some are under way.
    while rows(server, "SELECT max(counter) FROM sessions") < 3:
        pass  # bounded by the suite's own timeout
    server.kill()
    return ""
