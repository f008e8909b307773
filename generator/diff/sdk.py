"""Asks the generated packages what the comparison of the specs may have missed. Findings only raise the level.

griffe compares the Python API, name by name; mypy reads the programs of the last release against the new package. Only
what is an error with the new package and none with the old one counts.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import griffe
from attrs import define

from generator.diff.change import Change, Level
from generator.diff.source import committed, extracted, revision_of
from generator.errors import GeneratorError, SpecError
from generator.package.generation import generate_package
from generator.spec.document import Document

_HAND_WRITTEN: Final = Path("auth_plugin")
_PACKAGE: Final = Path("sdk/signedin_sdk")
_SPEC: Final = "openapi.yaml"
# What a user's program imports. The rest of a generated package is how it works.
_PUBLIC: Final = ("models", "resources")
_ENUMS: Final = ("StrEnum", "IntEnum")
_BREAKS: Final = {
    *(griffe.BreakageKind.OBJECT_REMOVED, griffe.BreakageKind.OBJECT_CHANGED_KIND),
    *(griffe.BreakageKind.PARAMETER_REMOVED, griffe.BreakageKind.PARAMETER_ADDED_REQUIRED),
    *(griffe.BreakageKind.PARAMETER_CHANGED_REQUIRED, griffe.BreakageKind.PARAMETER_CHANGED_KIND),
}


@define(frozen=True)
class Consumers:
    """The programs, and the hand-written package beside the generated one, as it was then and as it is now.

    `released` is the package as it was generated then, None where there is none: what the old spec yields today would
    hide what the templates write otherwise by now.
    """

    programs: list[Path]
    before: Path
    after: Path
    released: Path | None = None


@contextmanager
def consumers(old: str, names: Sequence[str], *, root: Path) -> Iterator[Consumers]:
    """Hold the programs ready; of an old spec in a revision, those of that revision.

    An absolute name is a file as it stands, whatever the revision.

    Raises:
        SpecError: The revision has no such program.
    """
    now, revision = root / _HAND_WRITTEN, revision_of(old)
    with TemporaryDirectory(prefix="signedin-consumers-") as name:
        folder = Path(name)
        programs = [_program(each, revision, folder / str(at), root) for at, each in enumerate(names)]
        if revision is None or not names:
            yield Consumers(programs, now, now)
            return
        is_ours = old.removeprefix("git:").partition(":")[2] in {"", _SPEC}
        released = _folder(revision, _PACKAGE, folder, root) if is_ours else None
        yield Consumers(programs, _folder(revision, _HAND_WRITTEN, folder, root) or now, now, released)


def _program(name: str, revision: str | None, folder: Path, root: Path) -> Path:
    if revision is None or Path(name).is_absolute():
        return (root / name).resolve()
    folder.mkdir()
    path = folder / Path(name).name
    path.write_bytes(committed(revision, name, root))
    return path


def _folder(revision: str, name: Path, folder: Path, root: Path) -> Path | None:
    with suppress(SpecError):  # there was none yet
        return extracted(revision, name, folder, root)
    return None


def unformatted(document: Document, folder: Path, name: str) -> Path:
    """Generate a package for reading: neither formatted nor tried."""
    folder.mkdir(parents=True)
    generate_package(document, folder / name)
    return folder / name


def api_changes(old: Path, new: Path) -> Iterator[Change]:
    """Yield what griffe finds in the public modules of two packages of one name."""
    logging.getLogger("griffe").setLevel(logging.CRITICAL)  # annotations that it cannot resolve, which are not compared
    before, after = (griffe.load(each.name, search_paths=[each.parent], resolve_aliases=False) for each in (old, new))
    for each in griffe.find_breaking_changes(before, after):
        path = each.obj.path.removeprefix(f"{old.name}.")
        parts = path.split(".")
        if each.kind in _BREAKS and parts[0] in _PUBLIC and not any(part.startswith("_") for part in parts):
            value = each.old_value if each.new_value is None else each.new_value
            text = f"{each.kind.value.lower()}: {getattr(value, 'name', parts[-1])}"
            yield Change("python-api-changed", Level.BREAKING, path, text)
    was, now = _members(before), _members(after)
    for path in was.keys() & now.keys():
        if was[path] != now[path]:
            text = f"{was[path]} became {now[path]}, the value of: {path.rpartition('.')[2]}"
            yield Change("python-api-changed", Level.BREAKING, path.removeprefix(f"{old.name}."), text)


def _members(package: griffe.Object | griffe.Alias) -> dict[str, str]:
    """Return the values of the members of all generated enums, which griffe does not compare."""
    models = package.members.get("models")
    modules = [each for each in models.members.values() if isinstance(each, griffe.Module)] if models else []
    classes = [each for module in modules for each in module.members.values() if isinstance(each, griffe.Class)]
    enums = [each for each in classes if any(str(base) in _ENUMS for base in each.bases)]
    members = [each for enum in enums for each in enum.attributes.values() if not each.name.startswith("_")]
    return {each.path: str(each.value) for each in members}


def consumer_changes(consumers: Consumers, old: Path, new: Path) -> Iterator[Change]:
    """Yield what mypy --strict says of programs against the new packages and not against the old ones."""
    if not consumers.programs:
        return
    before = {line.partition(": error: ")[2] for line in _mypy(consumers.programs, old, consumers.before)}
    for line in _mypy(consumers.programs, new, consumers.after):
        where, _, message = line.partition(": error: ")
        if message not in before:
            yield Change("consumer-does-not-type-check", Level.BREAKING, Path(where.rpartition(":")[0]).name, message)


def _mypy(programs: Sequence[Path], package: Path, beside: Path) -> list[str]:
    # One for both packages: what they import is the same.
    cache = Path(os.environ.get("MYPY_CACHE_DIR") or package.parent.parent / ".mypy").absolute() / "programs"
    # Silent: the package's own functions are not checked, which takes most of the time.
    options = ["--strict", "--config-file=", "--follow-imports=silent", "--no-error-summary"]
    options += ["--no-warn-unused-ignores", f"--cache-dir={cache}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *map(str, programs)],
        cwd=package.parent,
        env={**os.environ, "MYPYPATH": os.pathsep.join([str(package.parent), str(beside)])},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 1}:  # it did not look at all, and saying nothing would be taken for "all is well"
        raise GeneratorError(f"mypy cannot read the programs:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    return [line for line in done.stdout.splitlines() if ": error: " in line]
