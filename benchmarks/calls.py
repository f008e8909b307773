"""`make bench`: what a typed call costs beside a bare `httpx.Client.get(...).json()` and other clients.

All run in turns in this process against one server in another (canned.py). `python -m benchmarks.calls [rounds]` writes
docs/performance.md and its chart, and fails where a figure is missed.
"""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from benchmarks import alone
from benchmarks.canned import canned_server
from benchmarks.chart import bars
from benchmarks.peers import AIOHTTP, ASYNC, BARE, BLOCKING, FAST, OURS, PACKAGES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_NONE: Final = "\u2013"
Figures = dict[str, list[float]]  # of each round
PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
CHART: Final = PAGE.with_suffix(".svg")
_HEAD: Final = """\
# What does a call cost?

Written by `make bench` (`python -m benchmarks.calls {rounds}`) on {date}; do not edit. Python {python}, {system},
{processors} processors, load {load:.0f}; {packages}. Medians of {rounds} rounds, in each of which all clients took
turns in one process; a server in a process of its own answers without parsing.

A call is `client.users.get_profile()`: authenticated, checked, typed. What it costs is a ratio to
`httpx.Client.get(...).json()` with the same header: below 1, the typed call is cheaper. Each connection of signedin is
a transport of its own, where httpx's pool looks at all of them for every request, and a call passes by what
`httpx.Client.send` does for redirects, mounts and cookies. With [`fast=True`](fast.md) a client in Rust has the
connections.

![Processor time of a call, as a ratio to httpx](performance.svg)

| what | measured | quartiles | goal | with `fast=True` | goal |
|---|--:|--:|--:|--:|--:|
"""
_PEERS: Final = """
## Beside other clients

Each as its documentation shows it, with its own connections and the same token; their answers are read as JSON, and as
models where the client does so. Ratios to bare httpx of the same column; the last column is in milliseconds. httpx
itself is not in it: its thousand calls at once end in `PoolTimeout`.

"""
_AIOHTTP: Final = """
## Rust or aiohttp

`fast=True` could have been httpx on aiohttp (`httpx-aiohttp`). It has no blocking client, where most of the difference
is, and works on asyncio only. [Halve the cost of a call](fast.md) has the whole comparison.
"""


class Column(NamedTuple):
    """One kind of work, done by all peers in turns, and what signedin must reach in it."""

    name: str
    what: str
    measure: Callable[[str], dict[str, float]]  # what a call of each costs
    goal: float
    fast: float | None = None
    against: str = BARE
    is_rate: bool = False  # calls per second: the more, the better


class Alone(NamedTuple):
    """One figure of signedin's own."""

    what: str
    measure: Callable[[str], float]
    goal: float
    at_least: bool = False


# -------------------------------------------------------------------------------------------------------------- columns


def _spent(works: Mapping[str, Callable[[], object]], clock: Callable[[], float], turns: int) -> dict[str, float]:
    """Return what each costs; in turns, so that a busy machine is busy for all, after one that opens connections."""
    spent = dict.fromkeys(works, 0.0)
    for turn in range(turns + 1):
        for name in works if turn % 2 else reversed([*works]):
            gc.collect()
            begun = clock()
            works[name]()
            spent[name] += clock() - begun if turn else 0.0
    return spent


def _repeated(call: Callable[[], object], times: int) -> Callable[[], None]:
    def work() -> None:
        for _ in range(times):
            call()

    return work


def blocking(url: str, *, calls: int = 50, turns: int = 4) -> dict[str, float]:
    """CPU of one thread."""
    with ExitStack() as stack:
        opened = {name: stack.enter_context(opens(url)) for name, opens in BLOCKING.items()}
        return _spent({name: _repeated(call, calls) for name, call in opened.items()}, time.process_time, turns)


def threads(url: str, *, workers: int = 16, calls: int = 30) -> dict[str, float]:
    """Wall of so many threads on one client; a raw socket has no room for them."""
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        works: dict[str, Callable[[], object]] = {}
        for name, opens in BLOCKING.items():
            if name != "a raw socket":
                work = _repeated(stack.enter_context(opens(url)), calls)
                works[name] = partial(
                    lambda work: [job.result() for job in [pool.submit(work) for _ in range(workers)]], work
                )
        return _spent(works, time.perf_counter, turns=2)


async def _crowd(call: Callable[[], Awaitable[object]], workers: int, calls: int) -> None:
    async def work() -> None:
        for _ in range(calls):
            await call()

    await asyncio.gather(*(work() for _ in range(workers)))


def tasks(url: str, *, workers: int, calls: int) -> dict[str, float]:
    """CPU of so many tasks on one client."""

    async def opened(stack: AsyncExitStack) -> dict[str, Any]:
        return {name: await stack.enter_async_context(opens(url)) for name, opens in ASYNC.items()}

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        calling = runner.run(opened(stack))
        works = {
            name: partial(lambda call: runner.run(_crowd(call, workers, calls)), call) for name, call in calling.items()
        }
        try:
            return _spent(works, time.process_time, turns=2)
        finally:
            runner.run(stack.aclose())


def cold(url: str, *, calls: int = 1000) -> dict[str, float]:
    """Wall of so many calls at once on a client that has no connection yet."""

    async def wall(opens: Any) -> float:
        async with opens(url) as call:
            begun = time.perf_counter()
            await _crowd(call, calls, 1)
            return time.perf_counter() - begun

    return {name: asyncio.run(wall(ASYNC[name])) for name in (OURS, FAST, AIOHTTP, "httpx on aiohttp", "pyreqwest")}


COLUMNS: Final = (
    Column("sync", "sync, 1 thread: CPU", blocking, 0.75, 0.50),
    Column("1 task", "async, 1 task: CPU", partial(tasks, workers=1, calls=200), 0.80, 0.50),
    Column("50 tasks", "async, 50 tasks on one client: CPU", partial(tasks, workers=50, calls=8), 0.38, 0.16),
    Column("200 tasks", "async, 200 tasks on one client: CPU", partial(tasks, workers=200, calls=3), 0.30, 0.12),
    Column("16 threads", "sync, 16 threads on one client: calls per second", threads, 1.3, is_rate=True),
    Column("1,000 cold", "1,000 calls at once on a cold client: wall ÷ aiohttp", cold, 4.0, 2.0, against=AIOHTTP),
)


def alones(folder: str) -> tuple[Alone, ...]:
    """Return the figures of signedin's own; `folder` has generated packages."""
    refused, foreseen = (partial(alone.expiry, by_exp=by_exp) for by_exp in (False, True))
    return (
        Alone("50 calls that meet a 401 for an expired token: wall ÷ (refresh + two batches)", refused, 1.25),
        Alone("50 calls whose token has expired by `exp`: wall ÷ (refresh + one batch)", foreseen, 1.10),
        Alone("logging and OpenTelemetry off, retries unused: CPU ÷ CPU without them", alone.switched_off, 1.02),
        Alone("`import signedin` ÷ `import httpx`: CPU", alone.importing, 1.25),
        Alone("a program up to its first typed answer ÷ the same with httpx: CPU", alone.first_answer, 1.20),
        Alone("import of one operation of 1,000 ÷ of 10: CPU", partial(alone.one_of_many, folder=folder), 1.20),
        Alone("lines of an operation's module", alone.module_lines, 80),
        Alone("lines of resources for an operation, sync and async", alone.resource_lines, 50),
        Alone("requests ÷ calls in a total outage", alone.outage, 1.1),
        Alone("`with_options(timeout=2)`: µs of CPU", alone.view_microseconds, 5.0),
        Alone("`with_options(timeout=2)`: bytes", alone.view_bytes, 1024),
        Alone(
            "answered of 10,000 tasks on one client, less the connections that are left",
            alone.ten_thousand,
            10_000,
            at_least=True,
        ),
    )


# ----------------------------------------------------------------------------------------------------------------- page


class Row(NamedTuple):
    """A figure beside its goal; `fast` is the one with `fast=True`."""

    what: str
    measured: list[float]
    goal: float
    at_least: bool
    fast: list[float] | None = None
    fast_goal: float | None = None

    def reached(self) -> bool:
        return _reaches(self.measured, self.goal, at_least=self.at_least) and (
            self.fast is None or self.fast_goal is None or _reaches(self.fast, self.fast_goal, at_least=self.at_least)
        )

    def __str__(self) -> str:
        low, _, high = _quartiles(self.measured)
        cells = [self.what, _cell(self.measured, self.goal, at_least=self.at_least), f"{_shown(low)} to {_shown(high)}"]
        sign = "≥" if self.at_least else "≤"
        cells += [f"{sign} {self.goal:,g}"]
        cells += [_NONE if self.fast is None else _cell(self.fast, self.fast_goal, at_least=self.at_least)]
        cells += [_NONE if self.fast_goal is None else f"{sign} {self.fast_goal:g}"]
        return f"| {' | '.join(cells)} |\n"


def _quartiles(measured: list[float]) -> list[float]:
    return statistics.quantiles(measured, n=4, method="inclusive") if len(measured) > 1 else measured * 3


def _reaches(measured: list[float], goal: float, *, at_least: bool) -> bool:
    median = statistics.median(measured)
    return median >= goal if at_least else median <= goal


def _cell(measured: list[float], goal: float | None, *, at_least: bool) -> str:
    missed = goal is not None and not _reaches(measured, goal, at_least=at_least)
    return f"{_shown(statistics.median(measured))}{', missed' if missed else ''}"


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 1000 else f"{figure:.4g}"


def _ratios(column: Column, figures: Figures, peer: str) -> list[float]:
    pairs = zip(figures[peer], figures[column.against], strict=True)
    return [theirs / cost if column.is_rate else cost / theirs for cost, theirs in pairs]


def _row(column: Column, figures: Figures) -> Row:
    ours, fast = (_ratios(column, figures, peer) for peer in (OURS, FAST))
    return Row(column.what, ours, column.goal, column.is_rate, fast, column.fast)


def _peers(columns: dict[Column, Figures]) -> str:
    heads = [column.name for column in columns]
    table = f"| client | {' | '.join(heads)} |\n|---|{'--:|' * len(heads)}\n"
    for peer in dict.fromkeys([*BLOCKING, *ASYNC]):
        cells = []
        for column, figures in columns.items():
            if peer not in figures:
                cells.append(_NONE)
            elif column.against == BARE:
                cells.append(f"{statistics.median(_ratios(column, figures, peer)):.2f}")
            else:
                cells.append(f"{statistics.median(figures[peer]) * 1000:.0f}")
        table += f"| {peer} | {' | '.join(cells)} |\n"
    return table


def _written(columns: dict[Column, Figures], rows: list[Row], rounds: int) -> None:
    head = _HEAD.format(
        rounds=rounds,
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        python=platform.python_version(),
        packages=", ".join(f"{package} {version(package)}" for package in PACKAGES),
        system=platform.system(),
        processors=os.cpu_count(),
        load=os.getloadavg()[1],
    )
    PAGE.write_text(f"{head}{''.join(map(str, rows))}{_PEERS}{_peers(columns)}{_AIOHTTP}")
    charted = [column for column in columns if column.name in {"sync", "50 tasks"}]
    series = {
        column.what: {peer: statistics.median(_ratios(column, columns[column], peer)) for peer in columns[column]}
        for column in charted
    }
    CHART.write_text(bars(series))


def main(rounds: int = 9) -> int:
    """Measure, print, write the page after each round; return 1 if a figure was missed."""
    columns: dict[Column, Figures] = {column: {} for column in COLUMNS}
    with tempfile.TemporaryDirectory() as folder, canned_server() as url:
        alone.packages(folder)
        sys.path.insert(0, folder)
        own: dict[Alone, list[float]] = {figure: [] for figure in alones(folder)}
        for number in range(1, rounds + 1):
            for column in COLUMNS:
                for peer, cost in column.measure(url).items():
                    columns[column].setdefault(peer, []).append(cost)
                print(f"{number}/{rounds}", str(_row(column, columns[column])).strip(), flush=True)
            for figure, measured in own.items():
                measured.append(figure.measure(url))
                print(f"{number}/{rounds} {figure.what}: {measured[-1]:.4g}", flush=True)
            rows = [_row(column, figures) for column, figures in columns.items()]
            rows += [Row(figure.what, measured, figure.goal, figure.at_least) for figure, measured in own.items()]
            _written(columns, rows, number)
    return 0 if all(row.reached() for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
