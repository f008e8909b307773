"""Kills whole runs of `generate` at one point after another: `python -m tests.generator.killed FOLDER`.

Every run is a fork of this process, which has imported the generator once. Writes a line of JSON for each: the point,
whether the run was killed, what stands there then (the marks of the spec), what stands there after the next run, and
which names are left beside it.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final, Never
from unittest.mock import patch

from generator import pipeline
from generator.package import swap
from generator.package.provenance import NAME, files, read_provenance
from generator.package.upstream import digest
from generator.pipeline import Request, generate
from tests.generator.specs import as_json, minimal

MARKS: Final = ("first", "second")
_REMOVE: Final = shutil.rmtree
Killing = tuple[object, str, Callable[..., object]]


def _die(*_: Any, **__: Any) -> Never:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("alive")


def _after(done: Callable[..., object], times: int = 1) -> Callable[..., object]:
    """Die once something was done so many times."""
    left = [times]

    def do(*arguments: Any, **options: Any) -> object:
        contents = done(*arguments, **options)
        left[0] -= 1
        return _die() if left[0] == 0 else contents

    return do


def _half(package: Path, target: Path) -> Never:
    """Copy a part of a package, as a move to another file system does; then die."""
    target.mkdir()
    for path in sorted(package.glob("*.py")):
        shutil.copy(path, target)
    _die()


def _one_file(folder: Path, *arguments: Any, **options: Any) -> None:
    """Remove a folder; of the package that was replaced only one file, then die."""
    if not str(folder).endswith(".incoming"):
        _REMOVE(folder, *arguments, **options)
        return
    (folder / NAME).unlink()
    _die()


# What is replaced to die: where, its name, by what.
POINTS: Final[dict[str, Killing]] = {
    "before generating": (pipeline, "generate_package", _die),
    "while generating": (Path, "write_text", _after(Path.write_text, 9)),
    "before formatting": (pipeline, "format_package", _die),
    "before the provenance": (pipeline, "write_provenance", _die),
    "before replacing": (pipeline, "replace", _die),
    "while copying": (shutil, "move", _half),
    "after copying": (swap, "_write_through", _die),
    "before the exchange": (swap, "_exchange", _die),
    "after the exchange": (swap, "_exchange", _after(swap._exchange)),
    "while cleaning": (shutil, "rmtree", _one_file),
}


def run(folder: Path) -> Iterator[dict[str, object]]:
    """Kill one run at each point, each with the other spec than the one generated before."""
    request = Request(folder / "openapi.json", folder / "sdk" / "killed_sdk")
    _forked(partial(_generate, request, MARKS[0]))
    for point, killing in POINTS.items():
        other = MARKS[_mark(request.output) == MARKS[0]]
        status = _forked(partial(_generate, request, other, killing))
        contents = _mark(request.output)
        _forked(partial(_generate, request, other))
        yield {
            "point": point,
            "killed": os.WIFSIGNALED(status),
            "whole": contents in MARKS,
            "then": _mark(request.output) == other,
            "beside": sorted(path.name for path in request.output.parent.iterdir()),
        }


def _forked(body: Callable[[], object]) -> int:
    if child := os.fork():
        return os.waitpid(child, 0)[1]
    try:
        body()
    finally:
        os._exit(0)


def _generate(request: Request, mark: str, killing: Killing | None = None) -> None:
    spec = minimal()
    spec["paths"]["/things"]["get"]["operationId"] = mark
    request.spec.write_text(as_json(spec), encoding="utf-8")
    with patch.object(*killing) if killing else nullcontext():
        generate(request, lambda _: None, tried=False)


def _mark(package: Path) -> str:
    """Return the mark of a package that is whole; of another, what is wrong with it."""
    recorded = read_provenance(package).get("files") or {}
    contents = {name: digest(path.read_bytes()) for name, path in files(package) if name in recorded}
    if not recorded or contents != recorded:
        return "a part of a package"
    return next(mark for mark in MARKS if (package / "api" / "things" / f"{mark}.py").is_file())


if __name__ == "__main__":
    for line in run(Path(sys.argv[1])):
        sys.stdout.write(f"{json.dumps(line)}\n")
        sys.stdout.flush()  # or the next fork has it, too
