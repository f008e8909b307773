"""`make bench-generator`: measure what the generator costs, and write docs/figures-generator.md.

Ratios compare the processor time of child processes that took turns, so that the machine's other work counts little.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.children import with_bytecode
from benchmarks.generator.documents import DOCUMENTS, table
from benchmarks.generator.large import large
from benchmarks.generator.loop import released
from generator.package.pins import PINS

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "figures-generator.md"
_HEAD: Final = """\
# How fast is the generator?

Written by `make bench-generator` on {date}; do not edit. Python {python}, openapi-python-client {bare}, {system}.
Ratios of processor time, medians of {rounds} rounds in which the two took turns.

| figure | measured | to reach | made from |
|---|---|---|---|
"""
_IMPORTED: Final = """
import sys, time
sys.path[:0] = sys.argv[1].split(":")
started = time.process_time()
for name in sys.argv[2].split(","):
    __import__(name)
print(time.process_time() - started)
"""


def main() -> int:
    """Measure everything, print it, write the page."""
    parser = argparse.ArgumentParser(prog="make bench-generator", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--documents", type=Path, help="measure the documents of this folder, and nothing else")
    parser.add_argument("--trials", type=int, default=10**9, help="bytes of the largest document that gets a trial")
    options = parser.parse_args()
    page = PAGE.read_text("utf-8").partition(DOCUMENTS) if PAGE.exists() else ("", "", "")
    if options.documents:
        PAGE.write_text(page[0] + table(options.documents, options.trials), encoding="utf-8")
        return 0
    with TemporaryDirectory(prefix="bench-") as folder:
        rows = list(_rows(Path(folder), options.rounds))
    head = _HEAD.format(
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        python=platform.python_version(),
        bare=PINS["openapi-python-client"],
        system=platform.system(),
        rounds=options.rounds,
    )
    rest = page[1] + page[2]
    PAGE.write_text(head + "".join(f"| {' | '.join(row)} |\n" for row in rows) + rest, encoding="utf-8")
    return 0


def _rows(folder: Path, rounds: int) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []

    def row(*texts: str) -> None:
        rows.append(texts)
        print(" | ".join(texts), flush=True)

    ours = ROOT / "openapi.yaml"
    few, many = (_written(folder, count) for count in (10, 1_000))
    verified = _cpu([sys.executable, "-m", "generator", "generate", *_options(ours, folder / "verified_sdk")])
    row("`generate` of our spec, verified", f"{verified:.1f} s", "10 s", "processor time of one run, mypy and all")
    remark = "time on the clock: diff, types, two builds, upload, install, the README's example; not the suite"
    row("edit → release installed from an index", f"{released(folder):.1f} s", "60 s", remark)
    for name, spec, limit in (("our spec", ours, "1.3"), ("1,000 operations", many, "1.2")):
        ratio = _ratio(partial(_cpu, _unverified(spec, folder)), partial(_cpu, _bare(spec, folder)), rounds)
        row(f"`generate` ÷ the bare generator, {name}", f"{ratio:.2f}", limit, "without verification, linting included")
    _cpu(_unverified(few, folder))
    path = str(folder / "out")
    parts = ["{0}", "{0}.models", "{0}.resources", "{0}.contract"]
    of_many, of_few = (",".join(part.format(name) for part in parts) for name in ("many1000_sdk", "many10_sdk"))
    _imported(path, of_many), _imported(path, of_few)  # to have both compiled
    ratio = _ratio(lambda: _imported(path, of_many), lambda: _imported(path, of_few), 3 * rounds)
    row("import, 1,000 operations ÷ 10", f"{ratio:.2f}", "1.20", "models, resources and contract; without httpx")
    return rows


def _written(folder: Path, count: int) -> Path:
    spec = folder / f"many{count}.json"
    spec.write_text(json.dumps(large(count), indent=1))
    return spec


def _options(spec: Path, output: Path) -> list[str]:
    return ["--spec", str(spec), "--output", str(output)]


def _unverified(spec: Path, folder: Path) -> list[str]:
    output = folder / "out" / f"{spec.stem}_sdk"
    return [sys.executable, "-m", "generator", "generate", "--no-trial", *_options(spec, output)]


def _bare(spec: Path, folder: Path) -> list[str]:
    program = str(Path(sys.executable).with_name("openapi-python-client"))
    return [
        program,
        "generate",
        "--path",
        str(spec),
        "--meta=none",
        "--output-path",
        str(folder / "bare"),
        "--overwrite",
    ]


def _ratio(one: Callable[[], float], other: Callable[[], float], rounds: int) -> float:
    turns = [(one(), other()) for _ in range(rounds)]
    return median(first for first, _ in turns) / median(second for _, second in turns)


def _cpu(command: list[str]) -> float:
    """Return the processor time of a command and of what it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = with_bytecode(PATH=path, PYTHONPATH=str(ROOT))
    subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _imported(path: str, names: str) -> float:
    command = [sys.executable, "-c", _IMPORTED, path, names]
    return float(subprocess.run(command, env=with_bytecode(), capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    sys.exit(main())
