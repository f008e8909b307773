"""Three processes, as three hosts would be, on one store and the real backend: one refresh for each expiry."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from signedin import Client, RedisStore
from signedin.stores import open_store

from tests.servers import backend
from tests.servers_redis import RedisServer

ROOT = Path(__file__).parents[2]
HOSTS, THREADS = 3, 8
PATIENCE = 60  # seconds


class Host:
    """A child process that takes orders."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or "{}")
        return answer

    def order(self, **order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()


@contextmanager
def hosts(base_url: str, store: str, count: int) -> Iterator[list[Host]]:
    command = [sys.executable, "-m", "tests.stores.host", base_url]
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    with ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, env={**os.environ, "SIGNEDIN_STORE": store}, **options))
            for _ in range(count)
        ]
        for process in started:
            stack.callback(process.kill)
        fleet = [Host(process) for process in started]
        assert answers(fleet) == [{"ready": True}] * count
        yield fleet


def answers(fleet: list[Host]) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(len(fleet)) as pool:
        return list(pool.map(Host.answer, fleet, timeout=PATIENCE))


def all_at_once(fleet: list[Host], *, grown_old: bool) -> list[dict[str, Any]]:
    """All threads of all hosts ask at once, if wanted with a pair in hand that has reached its end."""
    for host in fleet:
        host.order(grown_old=grown_old, threads=THREADS)
    return answers(fleet)


def ledger(base_url: str) -> dict[str, Any]:
    counts: dict[str, Any] = httpx.get(f"{base_url}/__ledger__").raise_for_status().json()
    return counts


def sign_in(base_url: str, store: str) -> None:
    with Client(base_url, store=store) as client:
        client.auth.register(email=f"{uuid4()}@example.com", password="correct horse battery staple")


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with backend(tmp_path_factory.mktemp("backend"), "--access-ttl", "300", "--ledger") as server:
        yield server.base_url


@pytest.mark.parametrize("kind", ["redis", "file"])
def test_hosts_refresh_once_for_each_expiry(kind: str, redis_here: RedisServer, tmp_path: Path, base_url: str) -> None:
    store, count = (f"file://{tmp_path}/tokens.json", 2) if kind == "file" else (redis_here.url, HOSTS)
    sign_in(base_url, store)
    before = ledger(base_url)["refreshes"]
    with hosts(base_url, store, count) as fleet:
        assert all_at_once(fleet, grown_old=False) == [{"served": THREADS}] * count
        assert ledger(base_url)["refreshes"] == before
        for expiry in (1, 2, 3):
            assert all_at_once(fleet, grown_old=True) == [{"served": THREADS}] * count
            counts = ledger(base_url)
            assert counts["refreshes"] == before + expiry
            assert counts["reused_tokens"] == counts["refused_refreshes"] == counts["families_revoked"] == 0


def test_a_host_that_dies_under_the_lease_is_followed_when_it_runs_out(redis_here: RedisServer, base_url: str) -> None:
    sign_in(base_url, redis_here.url)
    before, key, store = ledger(base_url)["refreshes"], f"{base_url}#default", open_store(redis_here.url)
    assert isinstance(store, RedisStore)
    with hosts(base_url, redis_here.url, count=1) as fleet, closing(store):
        all_at_once(fleet, grown_old=False)
        assert store.try_lock(key, "the dead", 2)
        assert all_at_once(fleet, grown_old=True) == [{"served": THREADS}]
        assert store.lock_holder(key) is None
    assert ledger(base_url)["refreshes"] == before + 1
