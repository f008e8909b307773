"""Rate limits in a real Redis: shared by workers, and each worker's own while it does not answer."""

import logging
from collections.abc import Iterator

import pytest
import redis
from signedin_backend import Settings

from tests.backend.running import Serve, Served
from tests.servers_redis import RedisServer, redis_server

pytestmark = pytest.mark.both_databases


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(autouse=True)
def _empty(store: RedisServer) -> None:
    with redis.Redis.from_url(store.url) as client:
        client.flushall()


def limited(serve: Serve, url: str) -> Served:
    rates = {"account_rate": (3, 3600), "account_network_rate": (100, 3600), "address_rate": (100, 3600)}
    return serve(rate_limit=True, rate_store=url, **rates)


def test_workers_share_their_limits_in_redis(serve: Serve, store: RedisServer) -> None:
    one, two = limited(serve, store.url), limited(serve, store.url)
    one.register()
    statuses = [worker.login(password="wrong password").status_code for worker in (one, two, one, two, one)]
    assert statuses == [403, 403, 403, 429, 429]
    refused = two.login()
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert two.login("bob@example.com").status_code == 403
    with redis.Redis.from_url(store.url) as client:
        names = b" ".join(client.keys())
    assert names.count(b"signedin") >= 3
    assert b"example.com" not in names
    assert b"127.0.0.1" not in names


def test_without_its_redis_a_worker_counts_by_itself_and_says_so(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = limited(serve, "redis://127.0.0.1:1/0")
    assert [served.login(password="wrong password").status_code for _ in range(5)] == [403] * 3 + [429] * 2
    lines = [record for record in caplog.records if record.message.startswith("the rate limits are not shared")]
    assert lines
    assert {record.levelno for record in lines} == {logging.WARNING}
    assert "secret" not in repr(Settings(rate_store="redis://:secret@127.0.0.1:1/0"))
