"""`make model`: explore the whole table on all cores and print a row each.

`python -m tests.model --seed N` repeats one random path of each randomised row.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from tests.model import invariants
from tests.model.scenarios import LARGE, RANDOM, SMALL, Scenario, check, sample

if TYPE_CHECKING:
    from tests.model.explore import Explorer

_WALKS = 4000


def _row(job: partial[Explorer], name: str, how: str) -> tuple[str, bool]:
    begun = time.monotonic()
    try:
        explorer = job()
    except AssertionError as broken:
        return f"{name:66} BROKEN\n{broken}", False
    states, reached = explorer.states, ", ".join(sorted(explorer.reached))
    if "expired" in explorer.reached:
        reached += "  <- the new sign-in that no client can avoid here"
    return f"{name:66} {states:>9,} {how:11} {time.monotonic() - begun:6.1f} s  {reached}", True


def _explore(scenario: Scenario) -> tuple[str, bool]:
    return _row(partial(check, scenario), scenario.name, "states")


def _walk(scenario: Scenario, seeds: range) -> tuple[str, bool]:
    return _row(partial(sample, scenario, seeds), scenario.name, "random steps")


def main() -> int:
    """Print the table; return 1 if any row broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--seed", type=int, help="repeat the random paths of this seed only")
    seed = parser.parse_args().seed
    seeds = range(_WALKS) if seed is None else range(seed, seed + 1)
    with ProcessPoolExecutor() as pool:
        rows = [] if seed is not None else [pool.submit(_explore, scenario) for scenario in (*LARGE, *SMALL)]
        rows += [pool.submit(_walk, scenario, seeds) for scenario in RANDOM]
        sound = True
        for row in rows:
            text, good = row.result()
            print(text, flush=True)  # noqa: T201 -- the table is what this program is for
            sound = sound and good
    checked = ", ".join(invariants.CHECKED)
    print(f"checked on every step: {checked}; for the others see make mutants and make seeds")  # noqa: T201
    print("all invariants hold" if sound else "BROKEN")  # noqa: T201
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
