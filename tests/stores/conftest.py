"""Fixtures: one Redis for all tests of a worker, empty for each of them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.servers_redis import RedisServer, redis_server


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    # Not pytest's folder: its names are longer than the path of a Unix socket may be.
    with TemporaryDirectory(prefix="redis-") as folder, redis_server(Path(folder)) as server:
        yield server


@pytest.fixture
def redis_here(shared_redis: RedisServer) -> RedisServer:
    """An empty Redis."""
    with closing(shared_redis.client()) as client:
        client.flushall()
    return shared_redis


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis that the test may stop and configure."""
    with TemporaryDirectory(prefix="redis-") as folder, redis_server(Path(folder)) as server:
        yield server


@pytest.fixture
def first_revisions_are_one(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests of a module name revisions; not the contract, a class, which holds that they are random."""
    if request.cls is None:
        for store in ("file", "keyring", "redis"):
            monkeypatch.setattr(f"signedin.stores.{store}.first_revision", lambda: 1)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the developer's own sessions and keyring out of the tests."""
    for name in ("SIGNEDIN_BASE_URL", "SIGNEDIN_STORE", "SIGNEDIN_STORE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
