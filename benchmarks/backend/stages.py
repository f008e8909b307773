"""What is measured, one function each; every one is bounded in count and in time."""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from benchmarks.backend import bad_input, watch
from benchmarks.backend.wire import PATIENCE, Answer, Wire, wires

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from signedin_backend.sessions import Pair

EMAIL: Final = "ada@example.com"
PASSWORD: Final = "correct horse battery staple"  # noqa: S105  # of an account that lives for minutes
WRONG: Final = "incorrect horse battery staple"


@dataclass(frozen=True, slots=True)
class Server:
    """The backend under load, and an account on it."""

    base_url: str
    pid: int
    database: str
    access: str
    log: Path


async def profiles(server: Server, *, seconds: float, pause: float = 0.01) -> list[float]:
    """Read the profile again and again over one connection; return the durations."""
    durations, end = [], time.monotonic() + seconds
    async with wires(server.base_url, 1) as (wire,):
        while time.monotonic() < end:
            durations.append(_right(await wire.profile(server.access)).seconds)
            await asyncio.sleep(pause)
    return durations


@dataclass(frozen=True, slots=True)
class Flood:
    """Profile p99 idle and under logins, and how many logins were answered meanwhile."""

    idle: float
    flooded: float
    logins: int

    @property
    def ratio(self) -> float:
        """How many times slower."""
        return self.flooded / self.idle


async def flood(server: Server, *, seconds: float, clients: int = 32) -> Flood:
    """Measure the profile alone, under a flood of logins, and alone again: the machine's mood counts on both sides."""
    before = await profiles(server, seconds=seconds / 2)
    answered = 0
    stop = asyncio.Event()

    async def sign_in(wire: Wire, password: str) -> None:
        nonlocal answered
        while not stop.is_set():
            if (answer := await wire.login(EMAIL, password)).status not in {200, 403, 503}:
                raise AssertionError(f"a login was answered with {answer.status}")
            answered += answer.status != 503

    async with wires(server.base_url, clients) as opened, asyncio.TaskGroup() as tasks:
        for number, wire in enumerate(opened):
            tasks.create_task(sign_in(wire, WRONG if number % 2 else PASSWORD))
        await asyncio.sleep(0.5)
        during = await profiles(server, seconds=seconds)
        stop.set()
    after = await profiles(server, seconds=seconds / 2)
    return Flood(watch.quantile(before + after, 0.99), watch.quantile(during, 0.99), answered)


async def steady(server: Server, *, clients: int, requests: int) -> tuple[float, float]:
    """Return requests a second with one client and with many, over the same number of requests."""

    async def rate(count: int) -> float:
        async def many(wire: Wire) -> None:
            for _ in range(requests // count):
                _right(await wire.profile(server.access))

        async with wires(server.base_url, count) as opened:
            begun = time.perf_counter()
            await asyncio.gather(*map(many, opened))
            return requests / (time.perf_counter() - begun)

    return await rate(1), await rate(clients)


@dataclass(frozen=True, slots=True)
class Storm:
    """A thousand sessions whose access tokens end together."""

    sessions: int
    succeeded: int
    per_refresh: float
    slowest: float


async def storm(server: Server, pairs: Sequence[Pair]) -> Storm:
    """Let every session be refused as expired, refresh and ask again, all at once, each on its own connection."""
    slowest: list[float] = []

    async def one(wire: Wire, pair: Pair, go: asyncio.Event) -> bool:
        await go.wait()
        refused = await wire.profile(pair.access)
        if (refused.status, refused.body["message"]) != (401, "TokenExpiredError"):
            return False
        fresh = await wire.refresh(pair.refresh)
        slowest.append(fresh.seconds)
        return fresh.status == 200 and (await wire.profile(fresh.body["accessToken"])).status == 200

    async with wires(server.base_url, len(pairs)) as opened:
        go = asyncio.Event()
        tasks = [asyncio.create_task(one(wire, pair, go)) for wire, pair in zip(opened, pairs, strict=True)]
        begun = time.perf_counter()
        go.set()
        succeeded = sum(await asyncio.gather(*tasks))
        seconds = time.perf_counter() - begun
    return Storm(len(pairs), succeeded, seconds / len(pairs), max(slowest, default=0))


async def refreshes(server: Server, pairs: Sequence[Pair], each: int) -> float:
    """Refresh every session so many times in a row; return the seconds of one refresh by the clock on the wall."""

    async def chain(wire: Wire, token: str) -> None:
        for _ in range(each):
            token = _right(await wire.refresh(token)).body["refreshToken"]

    async with wires(server.base_url, len(pairs)) as opened:
        begun = time.perf_counter()
        await asyncio.gather(*(chain(wire, pair.refresh) for wire, pair in zip(opened, pairs, strict=True)))
        return (time.perf_counter() - begun) / (each * len(pairs))


@dataclass(frozen=True, slots=True)
class Oracle:
    """A wrong password ÷ an unknown user, medians: by the clock on the wall, and by the server's processor time."""

    wall: float
    processor: float


async def oracle(server: Server, tries: int) -> Oracle:
    """Try both in turns that swap who comes first; other programs disturb the wall clock, not the processor time."""
    seen: dict[str, list[tuple[float, float]]] = {EMAIL: [], "nobody@example.com": []}
    async with wires(server.base_url, 1) as (wire,):
        for turn in range(tries):
            for email in list(seen)[:: 1 if turn % 2 else -1]:
                used = watch.processor_seconds(server.pid)
                answer = await wire.login(email, WRONG)
                if answer.status != 403:
                    raise AssertionError(f"a wrong login was answered with {answer.status}")
                seen[email].append((answer.seconds, watch.processor_seconds(server.pid) - used))
    (wall, processor), (other_wall, other_processor) = (
        map(statistics.median, zip(*ones, strict=True)) for ones in seen.values()
    )
    return Oracle(wall / other_wall, processor / other_processor)


@dataclass(frozen=True, slots=True)
class Refused:
    """What the refusals of one class took, in milliseconds: of the event loop's processor time, and by its clock."""

    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


async def refusals(server: Server, times: int) -> dict[str, Refused]:
    """Send each class of bad input so often, in turns."""
    url, run = urlsplit(server.base_url), secrets.token_hex(8)
    measured = {name: Refused() for name in bad_input.CLASSES}
    for turn in range(times):
        for number, (name, bad) in enumerate(bad_input.CLASSES.items()):
            used = watch.loop_seconds(server.pid)
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            writer.write(bad.raw(f"{run}.{number}.{turn}"))
            async with asyncio.timeout(PATIENCE):
                status_line = (await reader.readline()).decode()
            writer.close()
            # The kernel counts a thread's time when it comes to rest: let it write its line of log.
            await asyncio.sleep(0.005)
            measured[name].processor.append((watch.loop_seconds(server.pid) - used) * 1000)
            if not status_line.startswith(f"HTTP/1.1 {bad.status} "):
                raise AssertionError(f"bad input was answered with {status_line!r}")
    # A request is logged after its answer went out, and before the next one is answered.
    async with wires(server.base_url, 1) as (wire,):
        await wire.profile(server.access)
    for line in map(json.loads, server.log.read_text().rpartition("\n")[0].splitlines()):
        of, _, rest = str(line.get("request_id")).rpartition(".")[0].partition(".")
        if of == run:
            measured[list(measured)[int(rest)]].wall.append(line["ms"])
    return measured


def _right(answer: Answer) -> Answer:
    if answer.status != 200:
        raise AssertionError(f"answered with {answer.status}: {answer.body.get('message')}")
    return answer
