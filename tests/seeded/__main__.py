"""`make seeds`: ten thousand seeded runs of the real async layer on all cores; `--seed N` repeats one."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.seeded.run import Run

_SEEDS = 10_000
_CHUNK = 100


def _chunk(first: int, count: int) -> tuple[Counter[str], int, list[str]]:
    outcomes: Counter[str] = Counter()
    cancelled, trouble = 0, []
    for seed in range(first, first + count):
        run = Run(seed).go()
        outcomes += run.outcomes
        cancelled += run.cancelled
        trouble += [f"seed {seed}: {what}" for what in run.trouble]
    return outcomes, cancelled, trouble


def main() -> int:
    """Run the seeds, print what happened in all, return 1 if anything broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.seeded", description=__doc__)
    parser.add_argument("--seed", type=int, help="repeat this run only")
    parser.add_argument("--seeds", type=int, default=_SEEDS, help="how many runs (%(default)s)")
    options = parser.parse_args()
    firsts = [(options.seed, 1)] if options.seed is not None else [(n, _CHUNK) for n in range(0, options.seeds, _CHUNK)]
    with ProcessPoolExecutor() as pool:
        results = list(pool.map(_chunk, *zip(*firsts, strict=True)))
    outcomes = sum((result[0] for result in results), Counter[str]())
    trouble = [line for result in results for line in result[2]]
    print(f"{sum(count for _, count in firsts):,} seeds, {sum(r[1] for r in results):,} cancelled calls")  # noqa: T201
    for name, count in outcomes.most_common():
        print(f"  {count:>9,} {name}")  # noqa: T201
    print("\n".join(trouble[:50]) or "all invariants hold")  # noqa: T201
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
