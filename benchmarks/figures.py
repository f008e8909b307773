"""`make bench`: measure the figures and write docs/figures.md, each with what it was made from; fail if one is missed.

Counts come from `measures`; the one duration is a ratio of processes that took turns on the same machine.
"""

from __future__ import annotations

import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks import measures
from benchmarks.children import with_bytecode
from tests.chaos.proxy import Chances
from tests.chaos.run import Plan, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE: Final = Path(__file__).parents[1] / "docs" / "figures.md"
_HEAD: Final = """\
# How many refreshes are there, and what do they leave behind?

Written by `make bench` on {date}; do not edit. Python {python}, httpx {httpx}, {system}. Counts hold on any machine and
are asserted in the suite at a smaller size (`tests/chaos/test_figures.py`). The time that a call takes is measured by
[another page](performance.md).

| figure | measured | to reach | made from |
|---|---|---|---|
"""
_ACCOUNT: Final = {"email": "ada@example.com", "password": "correct horse battery staple"}


class Row(NamedTuple):
    """One figure. `reached` is None where no bound is set."""

    figure: str
    measured: str
    to_reach: str
    made_from: str
    reached: bool | None

    def __str__(self) -> str:
        missed = ", missed" if self.reached is False else ""
        return f"{self.figure} | {self.measured}{missed} | {self.to_reach} | {self.made_from}"


def main() -> int:
    """Measure everything, print it, write the page; return 1 if a figure was missed."""
    rows: list[Row] = []
    for measured in (_per_expiry, _other_counts, _growth, _command):
        for row in measured():
            rows.append(row)
            print(row, flush=True)
    head = _HEAD.format(
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        python=platform.python_version(),
        httpx=version("httpx"),
        system=platform.system(),
    )
    PAGE.write_text(head + "".join(f"| {row} |\n" for row in rows))
    return 1 if any(row.reached is False for row in rows) else 0


def _per_expiry() -> Iterator[Row]:
    for tasks, expiries in ((1, 100), (10, 100), (1_000, 10), (10_000, 3)):
        ratio = measures.refreshes_per_expiry_of_tasks(tasks, expiries)
        yield _refreshes(f"{tasks:,} tasks", ratio, f"{expiries} expiries, asyncio")
    ratio = measures.refreshes_per_expiry_of_threads(64, 50)
    yield _refreshes("64 threads", ratio, "50 expiries, let go by a barrier")
    yield _of_processes("8 processes of 8 threads on a file", Plan(seed=1))
    yield _of_processes(
        "3 hosts of 3 processes of 8 threads on a Redis", Plan(seed=1, store="redis:", hosts=3, processes=9)
    )


def _of_processes(who: str, plan: Plan) -> Row:
    report = run(replace(plan, hits=0, seconds=20, pause=0.3, chances=Chances(refresh=0, call=0)))
    made = (
        f"{report.ledger['refreshes']} refreshes by the backend's ledger, lifetimes of 2 s, "
        f"{report.calls['ok']} calls, {report.calls.total() - report.calls['ok']} failed"
    )
    row = _refreshes(who, report.ratio, made)
    return row._replace(reached=row.reached and not report.breaches)


def _refreshes(who: str, ratio: float, made_from: str) -> Row:
    return Row(f"refreshes ÷ expiries, {who}", f"{ratio:.3f}", "1.000", made_from, reached=ratio == 1.0)


def _other_counts() -> Iterator[Row]:
    accesses = measures.store_accesses_while_fresh(10_000)
    yield Row("store I/O while fresh", str(accesses), "0", "10,000 calls", reached=accesses == 0)
    one, many = (measures.attempts_in_an_outage(callers, 60) for callers in (1, 1000))
    yield Row(
        "refresh attempts in an outage, 1,000 callers ÷ 1 caller",
        f"{many / one:.2f}",
        "≤ 1.2",
        f"{many} and {one} attempts in 60 s by the virtual clock",
        reached=many <= 1.2 * one,
    )


def _growth() -> Iterator[Row]:
    for name, measure in (("blocking", measures.growth), ("async", measures.growth_async)):
        grown = _in_a_process(measure, 10_000, 2_000)
        left_behind = (grown.threads, grown.tasks, grown.descriptors)
        yield Row(
            f"10,000 refreshes grow, {name}",
            f"{grown.kibibytes} KiB RSS, threads {grown.threads}, tasks {grown.tasks}, descriptors {grown.descriptors}",
            "≤ 1 MiB, 0, 0, 0",
            "after 2,000 to warm up, in a process of its own",
            reached=grown.kibibytes <= 1024 and max(left_behind) <= 0,
        )


def _in_a_process(measure: Callable[..., measures.Resources], *arguments: int) -> measures.Resources:
    with get_context("spawn").Pool(1) as pool:
        return pool.apply_async(measure, arguments).get(timeout=300)


def _command() -> Iterator[Row]:
    # Whole processes, the interpreter's start included; without click, for whose sake httpx imports a command line.
    with tempfile.TemporaryDirectory() as home:
        environ = with_bytecode(HOME=home, SIGNEDIN_BASE_URL="http://localhost:5000/api/v1", SIGNEDIN_STORE="file:")

        def seconds(program: str) -> float:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            code = f"import sys; sys.modules['click'] = None; {program}"
            subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environ)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

        status, bare = "from signedin.cli import main; main(['status'])", "import httpx"
        seconds(status)
        ratio = statistics.median(seconds(status) / seconds(bare) for _ in range(31))
    made_from = "processor time, median of 31 pairs of fresh processes"
    yield Row(
        '`signedin status` ÷ `python -c "import httpx"`', f"{ratio:.2f}", "≤ 1.5", made_from, reached=ratio <= 1.5
    )


if __name__ == "__main__":
    sys.exit(main())
