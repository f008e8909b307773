"""Asks the printed packages what the comparison of the specs may have missed. Findings only raise the level.

griffe compares the Python API, name by name; mypy reads the programs of the last release against the new package. Only
what is an error with the new package and none with the old one counts.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import griffe

from generator.diff.change import Change, Level
from generator.document import Document
from generator.printer import print_package

# What a user's program imports. The rest of a printed package is how it works.
_PUBLIC: Final = ("models", "resources")
_BREAKS: Final = {
    *(griffe.BreakageKind.OBJECT_REMOVED, griffe.BreakageKind.OBJECT_CHANGED_KIND),
    *(griffe.BreakageKind.PARAMETER_REMOVED, griffe.BreakageKind.PARAMETER_ADDED_REQUIRED),
    *(griffe.BreakageKind.PARAMETER_CHANGED_REQUIRED, griffe.BreakageKind.PARAMETER_CHANGED_KIND),
}


def printed(document: Document, folder: Path, name: str) -> Path:
    """Print a package for reading: neither formatted nor tried."""
    folder.mkdir(parents=True)
    print_package(document, folder / name)
    return folder / name


def api_changes(old: Path, new: Path) -> Iterator[Change]:
    """Yield what griffe finds in the public modules of two packages of one name."""
    before, after = (griffe.load(each.name, search_paths=[each.parent], resolve_aliases=False) for each in (old, new))
    for each in griffe.find_breaking_changes(before, after):
        path = each.obj.path.removeprefix(f"{old.name}.")
        parts = path.split(".")
        if each.kind in _BREAKS and parts[0] in _PUBLIC and not any(_is_private(part) for part in parts):
            text = each.kind.value.lower()
            yield Change("python-api-changed", Level.BREAKING, path, f"{text}: {_name(each, parts)}")


def consumer_changes(programs: Sequence[Path], old: Path, new: Path) -> Iterator[Change]:
    """Yield what mypy --strict says of programs against the new package and not against the old one."""
    before = {_without_line(line) for line in _mypy(programs, old)}
    for line in _mypy(programs, new):
        if _without_line(line) not in before:
            where, _, message = line.partition(": error: ")
            yield Change("consumer-does-not-type-check", Level.BREAKING, Path(where).name, message)


def _mypy(programs: Sequence[Path], package: Path) -> list[str]:
    # Silent: the package's own functions are not checked, which takes most of the time.
    options = [
        "--strict",
        "--config-file=",
        "--follow-imports=silent",
        "--no-error-summary",
        "--no-warn-unused-ignores",
    ]
    cache = package.parent / ".mypy"
    search = os.pathsep.join([str(package.parent), *_others(programs)])
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--cache-dir", str(cache), *map(str, programs)],
        cwd=package.parent,
        env={**os.environ, "MYPYPATH": search},
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(cache, ignore_errors=True)
    return [line for line in done.stdout.splitlines() if ": error: " in line]


def _others(programs: Sequence[Path]) -> list[str]:
    """Return the folder of the hand-written package, which a program may import beside the printed one."""
    found = (parent / "auth_plugin" for program in programs for parent in program.resolve().parents)
    return sorted({str(each) for each in found if each.is_dir()})


def _without_line(line: str) -> str:
    return line.partition(": error: ")[2]


def _is_private(part: str) -> bool:
    return part.startswith("_")


def _name(breakage: griffe.Breakage, parts: list[str]) -> str:
    value = breakage.new_value if breakage.new_value is not None else breakage.old_value
    return str(getattr(value, "name", parts[-1]))
