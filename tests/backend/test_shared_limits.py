"""Rate limits in a real Redis: shared by worker processes, and each worker's own while it does not answer."""

import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis
from signedin_backend import Settings

from tests.backend.running import PASSWORD, Serve, checked
from tests.servers import Backend, backend
from tests.servers_redis import RedisServer, redis_server

ADA = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


def login_from(server: Backend, network: int, password: str = PASSWORD) -> httpx.Response:
    with checked(server.base_url, transport=httpx.HTTPTransport(local_address=f"127.0.0.{network}")) as client:
        return client.post("/auth/login", json={**ADA, "password": password})


def test_two_processes_share_their_limits_and_an_accounts_networks_in_redis(tmp_path: Path, store: RedisServer) -> None:
    options = (
        "--rate-limit",
        "--rate-store",
        store.url,
        "--account-rate",
        "3/3600",
        "--account-network-rate",
        "2/3600",
    )
    with backend(tmp_path, *options, checked=False) as one, backend(tmp_path, *options, checked=False) as two:
        with checked(one.base_url) as client:
            assert client.post("/auth/register", json=ADA).status_code == 200
        assert [login_from(server, 2, "wrong").status_code for server in (one, two, one, two)] == [403, 403, 429, 429]
        assert [login_from(server, 3, "wrong").status_code for server in (two, one)] == [403, 429]
        refused = login_from(two, 4)
        assert (refused.status_code, 0 < int(refused.headers["Retry-After"]) <= 3600) == (429, True)
        # The owner registered at the one, and is trusted at the other.
        assert login_from(two, 1).status_code == 200
    with redis.Redis.from_url(store.url) as client:
        names = b" ".join(client.keys())
    assert names.count(b"signedin") >= 3
    assert not any(text in names for text in (b"example.com", b"127.0.0."))


def test_without_its_redis_a_worker_counts_alone_and_logs_it(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    serve().register()
    rates = {"account_rate": (3, 3600), "account_network_rate": (100, 3600), "address_rate": (100, 3600)}
    served = serve(rate_limit=True, rate_store="redis://127.0.0.1:1/0", **rates)
    assert [served.login(password="wrong password").status_code for _ in range(5)] == [403] * 3 + [429] * 2
    assert served.register("bob@example.com").status_code == 200
    lines = [record for record in caplog.records if record.message.startswith("the rate limits are not shared")]
    assert {record.levelno for record in lines} == {logging.WARNING}
    assert "secret" not in repr(Settings(rate_store="redis://:secret@127.0.0.1:1/0"))
