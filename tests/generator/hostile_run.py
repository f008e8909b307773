"""`make hostile`: texts put together at random, each in every sink, generated and imported in watched children."""

import argparse
import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.generator.hostile import Case, generate_all, import_all
from tests.generator.hostile_texts import SINKS, TEXTS

_AT_ONCE = 20


def main() -> int:
    """Run so many specs, beginning with a seed; an assertion tells what got out."""
    parser = argparse.ArgumentParser(prog="make hostile", description=__doc__)
    parser.add_argument("--specs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for seed in range(options.seed, options.seed + options.specs, _AT_ONCE):
        with TemporaryDirectory(prefix="hostile-") as folder:
            outcomes = generate_all(Path(folder), [_case(seed + index) for index in range(_AT_ONCE)])
            broken = import_all(Path(folder), outcomes)
        generated = sum(each.refused is None for each in outcomes)
        slowest = max(each.seconds for each in outcomes)
        print(  # noqa: T201  (it talks to a person)
            f"seed {seed}: {generated} generated, {_AT_ONCE - generated} refused, {len(broken)} no Python, "
            f"nothing got out; slowest {slowest} s"
        )
    return 0


def _case(seed: int) -> Case:
    chance = random.Random(seed)
    sink = chance.choice(list(SINKS))
    return Case(f"seed {seed}", json.dumps(SINKS[sink](_text(chance))).encode(), templates_alone=chance.random() < 0.7)


def _text(chance: random.Random) -> str:
    parts = [
        *(text for text in TEXTS.values() if len(text) < 200),
        '"',
        "'",
        "\\",
        "{",
        "}",
        "\n",
        '"""',
        "a",
        "_",
        " ",
    ]
    return "".join(chance.choices(parts, k=chance.randint(1, 6)))


if __name__ == "__main__":
    raise SystemExit(main())
