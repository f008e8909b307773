"""`make bench-generator ARGS="--documents FOLDER"`: measure the generator on the documents of others.

Each document is generated with its trial, by default and, where that refuses it, with --leave-out. Time and memory are
those of the generator without a trial and of the bare openapi-python-client. A table grows while it is measured.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.children import with_bytecode
from generator.spec.document import load
from generator.spec.operations import operations

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = "\n## Documents of others\n"
HEAD: Final = (
    DOCUMENTS
    + """
{accepted} of {documents} documents are accepted without `--leave-out`; {generated} of {operations} operations are
generated, with `--leave-out` where it is needed; {crashed} tracebacks. The bare tool: {bare}, not type-checked.
Every generated package passes mypy --strict, which the trial asks for. Processor time and memory without the trial ÷
those of the bare tool: {time:.2f} and {memory:.2f}, medians of the documents of which both generate the most.

| document | version | operations | by default | generated | bare | time ÷ bare | memory ÷ bare |
|---|---|--:|---|--:|--:|--:|--:|
"""
)


@dataclass(frozen=True, slots=True)
class Run:
    """What one command came to: its exit status, processor seconds, KiB and the operations that it generated."""

    status: int
    seconds: float
    memory: int
    generated: int
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """The measurements of one document; `trial` is with --leave-out where `default` refused it."""

    name: str
    version: str
    operations: int
    default: Run
    trial: Run
    plain: Run
    bare: Run

    @property
    def is_comparable(self) -> bool:
        """Say whether both tools generated most of the document."""
        return min(self.plain.generated, self.bare.generated) * 2 > self.operations

    def line(self) -> str:
        """Return the line of the table."""
        ratios = ["", ""]
        if self.is_comparable:
            times, memories = self.plain.seconds / self.bare.seconds, self.plain.memory / self.bare.memory
            ratios = [f"{times:.2f}", f"{memories:.2f}"]
        accepted = "accepted" if not self.default.status else "refused"
        cells = [self.name, self.version, self.operations, accepted, self.trial.generated, self.bare.generated, *ratios]
        return f"| {' | '.join(map(str, cells))} |\n"


def table(folder: Path) -> str:
    """Measure the documents, the smallest first; print each line as it comes, return the section of the page."""
    rows = []
    with suppress(KeyboardInterrupt):  # which ends the table with the document before
        for path in sorted(folder.iterdir(), key=lambda each: each.stat().st_size):
            rows.append(_measured(path))
            print(rows[-1].line(), end="", flush=True)
    comparable = [row for row in rows if row.is_comparable]
    bare = f"{sum(not row.bare.status for row in rows)} accepted, {sum(row.bare.generated for row in rows)} operations"
    head = HEAD.format(
        accepted=sum(not row.default.status for row in rows),
        documents=len(rows),
        generated=sum(row.trial.generated for row in rows),
        operations=sum(row.operations for row in rows),
        crashed=sum("Traceback" in run.text for row in rows for run in (row.default, row.trial)),
        bare=bare,
        time=median(row.plain.seconds / row.bare.seconds for row in comparable),
        memory=median(row.plain.memory / row.bare.memory for row in comparable),
    )
    return head + "".join(row.line() for row in rows)


def _measured(path: Path) -> Row:
    document = load(path)
    generator = [sys.executable, "-m", "generator", "generate", "--seconds=1500", "--memory=8192", "--spec", str(path)]
    bare = str(Path(sys.executable).with_name("openapi-python-client"))
    with TemporaryDirectory(prefix="bench-") as folder:
        runs = _runs(Path(folder), generator, [bare, "generate", "--meta=none", "--path", str(path)])
        default, trial, plain, upstream = runs
    version = str((document.data.get("info") or {}).get("version", ""))[:20]
    return Row(path.stem, version, sum(1 for _ in operations(document)), default, trial, plain, upstream)


def _runs(folder: Path, generator: list[str], bare: list[str]) -> Iterator[Run]:
    default = _run([*generator, "--output"], folder / "default_sdk")
    yield default
    yield default if not default.status else _run([*generator, "--leave-out", "--output"], folder / "trial_sdk")
    yield _run([*generator, "--leave-out", "--no-trial", "--output"], folder / "plain_sdk")
    yield _run([*bare, "--output-path"], folder / "bare")


def _run(command: list[str], output: Path) -> Run:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = with_bytecode(PATH=path, PYTHONPATH=str(ROOT))
    log = output.with_suffix(".log")
    with log.open("wb") as file:
        child = subprocess.Popen([*command, str(output)], cwd=ROOT, env=environment, stdout=file, stderr=file)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    modules = [each for each in output.glob("api/*/*.py") if each.stem != "__init__"]
    seconds = usage.ru_utime + usage.ru_stime
    return Run(child.returncode, seconds, usage.ru_maxrss, len(modules), log.read_text("utf-8", "replace"))
