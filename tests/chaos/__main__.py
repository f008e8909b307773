"""`make chaos`: processes that share one session, killed and stopped, behind a proxy that breaks connections.

`python -m tests.chaos --seed N` repeats the choices of a run. `--store redis:` shares the session by a Redis of the
run's own, `--store redis://...` by one that runs.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys

from tests.chaos.run import Plan, run


def main() -> int:
    """Print one line of figures; return 1 on any breach."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--hits", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=100.0)
    parser.add_argument("--pause", type=float, default=0.3, help="mean seconds between two calls of a thread")
    parser.add_argument(
        "--store", default="file:", help="the URL of the shared store; file: and redis: bring their own"
    )
    # Ended from outside, it still ends its workers, stopped ones too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    report = run(Plan(**vars(parser.parse_args())))
    print(report)  # noqa: T201 -- the line is what this program is for
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(report.calls.items())))  # noqa: T201
    for breach in report.breaches:
        print(f"  BREACH: {breach}")  # noqa: T201
    return 1 if report.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
