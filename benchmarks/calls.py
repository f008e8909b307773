"""`make bench`: what a typed call costs beside a bare `httpx.Client.get(...).json()`, for docs/performance.md.

All run in turns in this process against one server in another, a bare asyncio protocol that answers without parsing:
it is never the bottleneck. `python -m benchmarks.calls [rounds]`; fails where a figure is missed.
"""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import socket
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx
from signedin import AsyncClient, Client, TokenPair

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from multiprocessing.connection import Connection

PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
_HEAD: Final = """\
# What does a call cost?

Written by `make bench` (`python -m benchmarks.calls {rounds}`) on {date}; do not edit. Python {python}, httpx {httpx},
{system}, {processors} processors, load {load:.0f}. A typed, authenticated call (`client.users.get_profile()`) against
a bare `httpx.Client.get(...).json()` with the same header, in turns in one process: medians of {rounds} rounds, with
the quartiles. A server in a process of its own answers without parsing. A ratio below 1 means that the typed call is
cheaper: each of its connections is a transport of its own, where httpx's pool looks at all of them for every request,
and it passes by what `httpx.Client.send` does for redirects, mounts and cookies.

| what | measured | quartiles | goal |
|---|--:|--:|--:|
"""
_BODY: Final = (
    b'{"id":"5f0c9e0e-8f0e-4a51-9a3c-0d6f0f4b3a11","email":"ada@example.com",'
    b'"createdAt":"2026-01-02T03:04:05Z","updatedAt":"2026-01-02T03:04:05Z"}'
)
_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nserver: canned\r\ndate: Mon, 30 Nov 2026 12:00:00 GMT\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)
_TOKEN: Final = "a" * 180
_PATH: Final = "/users/profile"


class Goal(NamedTuple):
    """One figure: how it is measured in a round, and what it must be."""

    what: str
    measure: Callable[[str], float]
    bound: float
    at_least: bool = False

    def reached(self, figure: float) -> bool:
        return figure >= self.bound if self.at_least else figure <= self.bound


class Cost(NamedTuple):
    processor: float
    wall: float


class _Canned(asyncio.Protocol):
    """Answers each request, by the blank line that ends it, with the same bytes."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(_ANSWER * data.count(b"\r\n\r\n"))


def _serve(ready: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Canned, "127.0.0.1", 0, backlog=4096)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def canned_server() -> Iterator[str]:
    """Serve in a process of its own; its address."""
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        port = ours.recv()
        socket.create_connection(("127.0.0.1", port)).close()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.join()


def _bare(url: str, kind: Any) -> Any:
    return kind(base_url=url, headers={"authorization": f"Bearer {_TOKEN}"}, timeout=httpx.Timeout(60))


def _ours(url: str, kind: Any) -> Any:
    client = kind(url)
    client.session.sign_in(TokenPair(_TOKEN, "r"))
    return client


def _in_turns(bare: Callable[[], object], ours: Callable[[], object], turns: int) -> tuple[Cost, Cost]:
    """Return what each costs; in turns, so that a busy machine is busy for both, after one that opens connections."""
    spent = {bare: Cost(0.0, 0.0), ours: Cost(0.0, 0.0)}
    for turn in range(turns + 1):
        for work in (bare, ours) if turn % 2 else (ours, bare):
            gc.collect()
            processor, wall = time.process_time(), time.perf_counter()
            work()
            if turn:
                cost = spent[work]
                spent[work] = Cost(
                    cost.processor + time.process_time() - processor, cost.wall + time.perf_counter() - wall
                )
    return spent[bare], spent[ours]


def blocking(url: str, *, calls: int = 100) -> float:
    """CPU of one thread."""
    with _bare(url, httpx.Client) as bare, _ours(url, Client) as client:

        def of_bare() -> None:
            for _ in range(calls):
                bare.get(_PATH).json()

        def of_ours() -> None:
            for _ in range(calls):
                client.users.get_profile()

        theirs, ours = _in_turns(of_bare, of_ours, turns=10)
        return ours.processor / theirs.processor


def threads(url: str, *, workers: int = 16, calls: int = 30) -> float:
    """Calls per second of so many threads on one client."""
    with _bare(url, httpx.Client) as bare, _ours(url, Client) as client, ThreadPoolExecutor(workers) as pool:

        def crowd(call: Callable[[], object]) -> None:
            list(pool.map(lambda _: [call() for _ in range(calls)], range(workers)))

        theirs, ours = _in_turns(
            lambda: crowd(lambda: bare.get(_PATH).json()), lambda: crowd(client.users.get_profile), turns=3
        )
        return theirs.wall / ours.wall


def tasks(url: str, *, workers: int, calls: int) -> float:
    """CPU of so many tasks on one client."""
    with asyncio.Runner() as runner:

        async def crowd(call: Callable[[], Awaitable[object]]) -> None:
            async def work() -> None:
                for _ in range(calls):
                    await call()

            await asyncio.gather(*(work() for _ in range(workers)))

        async def of_bare() -> object:
            return (await bare.get(_PATH)).json()

        bare, client = _bare(url, httpx.AsyncClient), _ours(url, AsyncClient)
        theirs, ours = _in_turns(
            lambda: runner.run(crowd(of_bare)), lambda: runner.run(crowd(client.users.get_profile)), turns=2
        )
        for each in (bare, client):
            runner.run(each.aclose())
        return ours.processor / theirs.processor


def cold(url: str, *, calls: int = 1000) -> float:
    """Wall of so many calls at once on a client that has no connection yet."""

    async def wall(client: Any, call: Callable[[], Awaitable[object]]) -> float:
        async with client:
            begun = time.perf_counter()
            # httpx may end in PoolTimeout.
            await asyncio.gather(*(call() for _ in range(calls)), return_exceptions=True)
            return time.perf_counter() - begun

    bare, client = _bare(url, httpx.AsyncClient), _ours(url, AsyncClient)
    ours = asyncio.run(wall(client, client.users.get_profile))
    return ours / asyncio.run(wall(bare, lambda: bare.get(_PATH)))


def views(url: str, *, calls: int = 2000) -> float:
    """CPU of `with_options`, in microseconds."""
    with _ours(url, Client) as client:
        spent = time.process_time()
        for _ in range(calls):
            client.with_options(timeout=2)
        return (time.process_time() - spent) / calls * 1e6


GOALS: Final = (
    Goal("sync, 1 thread: CPU ÷ CPU", blocking, 0.75),
    Goal("async, 1 task: CPU ÷ CPU", partial(tasks, workers=1, calls=400), 0.80),
    Goal("async, 50 tasks on one client: CPU ÷ CPU", partial(tasks, workers=50, calls=12), 0.38),
    Goal("async, 200 tasks on one client: CPU ÷ CPU", partial(tasks, workers=200, calls=4), 0.30),
    Goal("sync, 16 threads on one client: calls per second ÷ calls per second", threads, 1.3, at_least=True),
    Goal("`with_options(timeout=2)`: µs of CPU", views, 5.0),
    Goal("1,000 calls at once on a cold client: wall ÷ wall", cold, 0.32),  # four times aiohttp's
)


def main(rounds: int = 9) -> int:
    """Measure, print, write the page after each figure; return 1 if a figure was missed."""
    figures: dict[Goal, list[float]] = {goal: [] for goal in GOALS}
    with canned_server() as url:
        for number in range(1, rounds + 1):
            for goal in GOALS:
                if goal.measure is cold and number % 3 and number < rounds:
                    continue  # takes httpx minutes where the machine is busy
                figures[goal].append(goal.measure(url))
                print(f"{number}/{rounds} {goal.what}: {figures[goal][-1]:.3f}", flush=True)
                PAGE.write_text(_page({goal: measured for goal, measured in figures.items() if measured}, number))
    return 1 if any(not goal.reached(statistics.median(measured)) for goal, measured in figures.items()) else 0


def _page(figures: dict[Goal, list[float]], rounds: int) -> str:
    page = _HEAD.format(
        rounds=rounds,
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        python=platform.python_version(),
        httpx=version("httpx"),
        system=platform.system(),
        processors=os.cpu_count(),
        load=os.getloadavg()[1],
    )
    for goal, measured in figures.items():
        quartiles = statistics.quantiles(measured, n=4, method="inclusive") if len(measured) > 1 else measured * 3
        low, median, high = quartiles
        sign, note = "≥" if goal.at_least else "≤", "" if goal.reached(median) else ", missed"
        page += f"| {goal.what} | {median:.2f}{note} | {low:.2f} to {high:.2f} | {sign} {goal.bound:g} |\n"
    return page


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
