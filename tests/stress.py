"""`make stress`: the tests of concurrency many times in a row, and how often each of them failed."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections import Counter

from tests.concurrency import CONCURRENCY

_PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
# Their files only: to collect the whole suite would take longer than to run them.
_FILES = sorted({name.partition("::")[0] for name in CONCURRENCY})
_COMMAND = (*_PYTEST, "-q", "-n", "auto", "--dist", "worksteal", "-m", "concurrency", "--tb=short", *_FILES)


def main() -> int:
    """Print one line a run, the whole output of a failing one, and the sum; return 1 if any failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("arguments", nargs="*", help="for pytest, after --")
    chosen = parser.parse_args()
    failures: Counter[str] = Counter()
    for number in range(1, chosen.times + 1):
        begun = time.monotonic()
        ran = subprocess.run([*_COMMAND, *chosen.arguments], capture_output=True, text=True, check=False)
        lines = ran.stdout.strip().splitlines() or ["no output"]
        print(f"{number} of {chosen.times}: {lines[-1]}, {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201
        if ran.returncode != 0:
            print(ran.stdout + ran.stderr, flush=True)  # noqa: T201 -- what failed is what this is for
            failures.update(re.findall(r"^(?:FAILED|ERROR) (\S+)", ran.stdout, re.MULTILINE) or ["the run itself"])
    print(f"{chosen.times} runs, {failures.total()} failures")  # noqa: T201
    for name, count in failures.most_common():
        print(f"  {count} x {name}")  # noqa: T201
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
