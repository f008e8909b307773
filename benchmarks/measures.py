"""Counts that must hold whatever the machine: refreshes per expiry, store I/O, attempts in an outage, growth.

`figures` writes them down at full size; the suite asserts them at a small one. Nothing here is a duration.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import itertools
import json
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
from signedin import AsyncClient, Client, MemoryStore, SignedInError, TokenPair
from signedin.testing import FakeAuthServer, VirtualClock

if TYPE_CHECKING:
    from signedin import Stored, TokenStore

_LIFETIME: Final = 300


# ------------------------------------------------------------------------------------------- refreshes per expiry


def refreshes_per_expiry_of_tasks(tasks: int, expiries: int) -> float:
    """Let so many tasks meet every expiry at once."""

    async def measure() -> float:
        server = FakeAuthServer(access_ttl=_LIFETIME)
        async with AsyncClient(server.base_url, transport=server.transport, clock=server.clock) as client:
            await client.session.asign_in(server.issue())
            for _ in range(expiries):
                server.clock.advance(_LIFETIME + 1)
                await asyncio.gather(*(client.users.get_profile() for _ in range(tasks)))
        return server.ledger["refreshToken"] / expiries

    return asyncio.run(measure())


def refreshes_per_expiry_of_threads(threads: int, expiries: int) -> float:
    """Let so many threads meet every expiry at once."""
    server = FakeAuthServer(access_ttl=_LIFETIME)
    together = threading.Barrier(threads, timeout=60)
    with (
        Client(server.base_url, transport=server.transport, clock=server.clock) as client,
        ThreadPoolExecutor(threads) as pool,
    ):
        client.session.sign_in(server.issue())

        def call(_: int) -> None:
            together.wait()
            client.users.get_profile()

        for _ in range(expiries):
            server.clock.advance(_LIFETIME + 1)
            list(pool.map(call, range(threads)))
    return server.ledger["refreshToken"] / expiries


# -------------------------------------------------------------------------------------------------------- store I/O


@dataclass(slots=True)
class CountingStore:
    """A store that counts its operations."""

    inner: TokenStore = field(default_factory=MemoryStore)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def private(self) -> bool:
        return self.inner.private

    def load(self, key: str) -> Stored | None:
        self.counts["load"] += 1
        return self.inner.load(key)

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        self.counts["compare_and_set"] += 1
        return self.inner.compare_and_set(key, expected_revision, data)

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        self.counts["try_lock"] += 1
        return self.inner.try_lock(key, owner, seconds)

    def unlock(self, key: str, owner: str) -> None:
        self.counts["unlock"] += 1
        self.inner.unlock(key, owner)


def store_accesses_while_fresh(calls: int) -> int:
    """Return how often the store is accessed during so many calls with a fresh token."""
    server, store = FakeAuthServer(access_ttl=_LIFETIME), CountingStore()
    with Client(server.base_url, transport=server.transport, clock=server.clock, store=store) as client:
        client.session.sign_in(server.issue())
        client.users.get_profile()
        store.counts.clear()
        for _ in range(calls):
            client.users.get_profile()
        return store.counts.total()


# ----------------------------------------------------------------------------------------------------------- outage


def attempts_in_an_outage(callers: int, seconds: float) -> int:
    """Return how many refreshes are sent while the endpoint answers 500 for so many virtual seconds."""

    async def measure() -> int:
        server = FakeAuthServer(access_ttl=_LIFETIME)
        server.fail("refreshToken", *["500"] * 10_000)
        async with AsyncClient(server.base_url, transport=server.transport, clock=server.clock) as client:
            await client.session.asign_in(server.issue())
            server.clock.advance(_LIFETIME + 1)
            end = server.clock.monotonic() + seconds

            async def caller() -> None:
                while server.clock.monotonic() < end:
                    try:
                        await client.users.get_profile()
                    except SignedInError:
                        await asyncio.sleep(0)

            await asyncio.gather(*(caller() for _ in range(callers)))
        return server.ledger["refreshToken"]

    return asyncio.run(measure())


# ----------------------------------------------------------------------------------------------------------- growth


@dataclass(frozen=True, slots=True)
class Resources:
    """What a process holds."""

    kibibytes: int
    threads: int
    descriptors: int
    tasks: int = 0

    @classmethod
    def now(cls, tasks: int = 0) -> Resources:
        """Look, after the garbage is gone."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        return cls(pages * os.sysconf("SC_PAGE_SIZE") // 1024, threading.active_count(), descriptors, tasks)

    def since(self, before: Resources) -> Resources:
        return Resources(
            self.kibibytes - before.kibibytes,
            self.threads - before.threads,
            self.descriptors - before.descriptors,
            self.tasks - before.tasks,
        )


class Mint:
    """A server that remembers nothing, so that whatever grows is ours."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock, self._serial = clock, itertools.count()
        self.refreshes = 0
        self.transport = httpx.MockTransport(self._serve)

    def pair(self) -> dict[str, str]:
        iat = int(self._clock.wall())
        claims = {"iat": iat, "exp": iat + _LIFETIME, "sub": "ada", "jti": next(self._serial)}
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
        return {"accessToken": f"e30.{payload}.c2ln", "refreshToken": f"r{next(self._serial)}"}

    def _serve(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/refreshToken"):
            self.refreshes += 1
            return httpx.Response(200, json=self.pair())
        return httpx.Response(200, json={})


def growth(refreshes: int, warm_up: int) -> Resources:
    """Return what a process holds more after so many refreshes through a blocking client."""
    clock = VirtualClock()
    mint = Mint(clock)
    with Client("https://auth.test/api/v1", transport=mint.transport, clock=clock) as client:
        client.session.sign_in(_token_pair(mint.pair()))
        before = Resources.now()
        for number in range(warm_up + refreshes):
            if number == warm_up:
                before = _settled()
            clock.advance(_LIFETIME + 1)
            client.http.get("/users/profile").raise_for_status()
        after = _settled()
    _demand(mint.refreshes, warm_up + refreshes)
    return after.since(before)


def growth_async(refreshes: int, warm_up: int) -> Resources:
    """Return what a process holds more after so many refreshes through an async client."""

    async def measure() -> Resources:
        clock = VirtualClock()
        mint = Mint(clock)
        async with AsyncClient("https://auth.test/api/v1", transport=mint.transport, clock=clock) as client:
            client.session.sign_in(_token_pair(mint.pair()))
            before = Resources.now()
            for number in range(warm_up + refreshes):
                if number == warm_up:
                    before = _settled(len(asyncio.all_tasks()))
                clock.advance(_LIFETIME + 1)
                (await client.http.get("/users/profile")).raise_for_status()
            after = _settled(len(asyncio.all_tasks()))
        _demand(mint.refreshes, warm_up + refreshes)
        return after.since(before)

    return asyncio.run(measure())


def _settled(tasks: int = 0) -> Resources:
    # The last flight's thread may still be on its way out after its waiters have gone on.
    for thread in threading.enumerate():
        if thread.name == "signedin-session" or isinstance(thread, threading.Timer):
            thread.join(5)
    return Resources.now(tasks)


def _token_pair(body: dict[str, str]) -> TokenPair:
    return TokenPair(access_token=body["accessToken"], refresh_token=body["refreshToken"])


def _demand(refreshes: int, expected: int) -> None:
    if refreshes != expected:
        raise AssertionError(f"{refreshes} refreshes for {expected} expiries")
