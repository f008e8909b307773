"""Many at once, in threads of one backend and in three backend processes on one database."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from itertools import cycle, islice, product

import httpx
import pytest

from tests.backend.conftest import MakeDatabase
from tests.backend.running import PASSWORD, Serve, Served, at_once, rows, warm
from tests.servers import Backend, backend

pytestmark = pytest.mark.both_databases

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
    ("grace", "answered"), [(True, 3), (False, 1)], ids=["no-key", "strict"]
)  # with a key: processes do below
def test_many_refreshes_of_one_token_make_one_child(serve: Serve, grace: bool, answered: int) -> None:
    served = serve(grace=grace)
    token = served.pair()["refreshToken"]
    answers = all_at_once([served.base_url], "/auth/refreshToken", {"refreshToken": token})
    assert Counter(answer.status_code for answer in answers) == {200: answered, 401: MANY - answered}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert served.rows("SELECT count(*) FROM refresh_tokens")[0][0] == 2
    # So many at once are no lost answer; the child is dead as well.
    assert served.refresh(next(a for a in answers if a.status_code == 200).json()["refreshToken"]).status_code == 401


def test_an_older_token_ends_the_session_whoever_renews_it_at_that_moment(served: Served) -> None:
    pairs = [served.pair()]
    for _ in range(2):
        pairs.append(served.refresh(pairs[-1]["refreshToken"]).json())
    posts = clients([served.base_url], "/auth/refreshToken", {})
    tokens = [pairs[0]["refreshToken"], pairs[2]["refreshToken"]] * (MANY // 2)
    answers = at_once([partial(post, {"refreshToken": token}) for post, token in zip(posts, tokens, strict=True)])
    assert {answer.status_code for answer in answers[::2]} == {401}
    pairs += [answer.json() for answer in answers[1::2] if answer.status_code == 200]
    assert all(pair == pairs[3] for pair in pairs[3:])
    for pair in pairs:
        assert served.profile(pair["accessToken"]).status_code == 401
        assert served.refresh(pair["refreshToken"]).status_code == 401
    assert served.rows("SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == [(0,)]


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
    for issued in handed_out:
        assert served.profile(issued["accessToken"]).status_code == 401
        assert served.refresh(issued["refreshToken"]).status_code == 401


@pytest.fixture(scope="module")
def workers(make_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Backend]]:
    """Three processes on one database; they start at the same time, so they race for the schema (and the key) too."""
    folder = tmp_path_factory.mktemp("workers")
    with make_database(folder) as database, ExitStack() as stack:
        starts = [partial(stack.enter_context, backend(folder, database=database, checked=False)) for _ in range(3)]
        yield at_once(starts)


def test_processes_that_start_at_once_migrate_once(workers: list[Backend]) -> None:
    assert rows(workers[0].database_url, "SELECT count(*) FROM alembic_version") == [(1,)]
    for worker in workers:
        logged = [json.loads(line) for line in worker.log.read_text().splitlines()]
        assert {line["level"] for line in logged if line["event"] != "request"} == {"info"}


def test_processes_on_one_database_are_one_backend(workers: list[Backend]) -> None:
    base_urls, database = [worker.base_url for worker in workers], workers[0].database_url
    registered = all_at_once(base_urls, "/auth/register", {"email": "ada@example.com", "password": PASSWORD})
    assert Counter(answer.status_code for answer in registered) == {200: 1, 400: MANY - 1}
    assert {answer.json()["message"] for answer in registered if answer.is_error} == {"Email already in use."}
    ada = "FROM users u JOIN sessions s ON s.user_id = u.id WHERE u.email = 'ada@example.com'"
    assert rows(database, f"SELECT count(DISTINCT u.id), count(s.id) {ada}") == [(1, 1)]
    token = next(answer for answer in registered if answer.status_code == 200).json()["refreshToken"]
    refreshed = all_at_once(base_urls, "/auth/refreshToken", {"refreshToken": token}, {"Idempotency-Key": "one"})
    assert Counter(answer.status_code for answer in refreshed) == {200: 6, 401: MANY - 6}
    assert len({answer.content for answer in refreshed if answer.status_code == 200}) == 1
    assert rows(database, f"SELECT count(*) FROM refresh_tokens WHERE session_id = (SELECT s.id {ada})") == [(2,)]
    assert rows(database, f"SELECT count(*) {ada} AND s.revoked_at IS NULL") == [(0,)]


@pytest.mark.parametrize("grandparent", [False, True], ids=["parent", "grandparent"])
def test_one_family_is_revoked_for_every_process_at_once(workers: list[Backend], grandparent: bool) -> None:
    """One process rotates, the other one answers the repeat, and whichever sees the reuse ends it for both."""
    with ExitStack() as stack:
        first, second = (stack.enter_context(closing(warm(worker.base_url))) for worker in workers[:2])
        credentials = {"email": f"bob{grandparent}@example.com", "password": PASSWORD}
        pairs = [first.post("/auth/register", json=credentials).json()]
        for client in (first, second):
            pairs.append(_refreshed(client, pairs[-1]["refreshToken"]).json())
        reused = pairs[0] if grandparent else pairs[1]
        repeats = [_refreshed(first, reused["refreshToken"]) for _ in range(3)]
        answered = [] if grandparent else [200, 200]
        assert [answer.status_code for answer in repeats] == [*answered, *[401] * (3 - len(answered))]
        assert all(answer.json() == pairs[2] for answer in repeats if answer.status_code == 200)
        for client, pair in product((first, second), pairs):
            assert _refreshed(client, pair["refreshToken"]).status_code == 401
            bearer = {"Authorization": f"Bearer {pair['accessToken']}"}
            assert client.get("/users/profile", headers=bearer).status_code == 401


def _refreshed(client: httpx.Client, token: str) -> httpx.Response:
    return client.post("/auth/refreshToken", json={"refreshToken": token})
