"""`make chaos`: processes that share one session, killed and stopped, behind a proxy that breaks connections.

Three runs side by side, 200 hits each: a file, a Redis, and three hosts with wrong clocks on a Redis. `--seed N`
repeats the choices of a run. `--store redis:` makes one run alone, on a Redis of its own; `redis://...` takes one that
runs.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import subprocess
import sys
from typing import Final

from tests.chaos.run import Plan, run

_HOSTS: Final = ("--store=redis:", "--hosts=3", "--processes=9", "--skew=600", "--access-ttl=4")
_SIDE_BY_SIDE: Final = (("--store=file:",), ("--store=redis:",), _HOSTS)


def main() -> int:
    """Print one line of figures for each run; return 1 on any breach."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--hits", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=1.0, help="mean seconds between two calls of a thread")
    parser.add_argument("--store", help="the URL of the shared store; file: and redis: bring their own")
    parser.add_argument("--access-ttl", type=int, default=2, help="seconds")
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--skew", type=float, default=0.0, help="seconds that the hosts' wall clocks are off")
    # Ended from outside, it still ends its workers, stopped ones too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = parser.parse_args()
    return _one(Plan(**vars(chosen))) if chosen.store else _side_by_side(chosen.seed)


def _one(plan: Plan) -> int:
    report = run(plan)
    print(report)  # noqa: T201 -- the line is what this program is for
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(report.calls.items())))  # noqa: T201
    for breach in report.breaches:
        print(f"  BREACH: {breach}")  # noqa: T201
    return 1 if report.breaches else 0


def _side_by_side(seed: int) -> int:
    begin = [sys.executable, "-m", "tests.chaos", *sys.argv[1:], f"--seed={seed}"]
    runs = [subprocess.Popen([*begin, *options]) for options in _SIDE_BY_SIDE]
    try:
        return max(abs(one.wait()) for one in runs)
    finally:
        for one in runs:
            one.terminate()


if __name__ == "__main__":
    sys.exit(main())
