"""Labelled pairs of specs: what the comparison says of each, and what a program of the last release says of its SDK."""

import ast
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from generator.diff import Level, compare, sdk
from generator.diff.change import highest
from generator.diff.sdk import unformatted
from generator.spec.document import Document, load
from tests.generator_diff.pairs import BASE, HERE, PAIRS, Pair
from tests.generator_diff.server import Server
from tests.types_cache import types_cache

__all__ = ["types_cache"]
CONSUMER: Final = (HERE / "consumer.txt").read_text("utf-8")


def _document(folder: Path, name: str, spec: object) -> Document:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return load(path)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Document:
    return _document(tmp_path_factory.mktemp("base"), "base", BASE)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_pair_has_its_level_and_its_rule_and_says_why_it_breaks(pair: Pair, base: Document, tmp_path: Path) -> None:
    changed = compare(base, _document(tmp_path, "new", pair.spec))
    assert highest(changed).name.lower() == pair.level, changed
    assert pair.rule in {change.rule for change in changed if change.level is highest(changed)}, changed
    assert [each for each in changed if bool(each.reason and each.hint) != (each.level is Level.BREAKING)] == []


def test_there_are_enough_pairs_of_each_level() -> None:
    levels = [pair.level for pair in PAIRS]
    assert len(PAIRS) >= 60
    assert min(levels.count(level) for level in ("breaking", "minor", "patch")) >= 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All SDKs side by side under names of their own, each with the program of the last release."""
    folder = tmp_path_factory.mktemp("sdks")
    for pair in [Pair("nothing", "none", "", "base_sdk", BASE), *PAIRS]:
        unformatted(_document(folder, pair.package, pair.spec), folder / f"at_{pair.package}", pair.package)
        (folder / f"at_{pair.package}" / pair.package).rename(folder / pair.package)
        (folder / f"{pair.package}_consumer.py").write_text(CONSUMER.replace("base_sdk", pair.package))
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


def _mistyped(folder: Path, packages: list[str]) -> dict[str, str]:
    """Return mypy's errors in each program, by the package's name; one run for all, each code once."""
    alike = dict[str, list[str]]()
    for package in packages:
        alike.setdefault(_code(folder / package), []).append(package)
    programs = [folder / f"{first}_consumer.py" for first, *_ in alike.values()]
    errors = dict[str, str]()
    for line in sdk._mypy(programs, folder / "base_sdk", folder):
        package = Path(line.partition("_consumer.py")[0]).name
        errors[package] = f"{errors.get(package, '')}{line}\n"
    return {each: errors[first] for first, *more in alike.values() if first in errors for each in (first, *more)}


def _code(package: Path) -> str:
    """Return what a type checker reads of a package: no docstrings, no comments, and not its name."""
    code = []
    for path in sorted(path for path in package.rglob("*.py*") if path.suffix != ".pyc"):
        tree = ast.parse(path.read_text("utf-8").replace(package.name, "base_sdk"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
                node.body.pop(0)
        code.append(f"{path.relative_to(package)}: {ast.dump(tree)}")
    return "\n".join(code)


def _failure(pair_package: str, folder: Path) -> str:
    """Run the program against a server of the new spec, the most and the least that it may answer."""
    document = load(folder / f"{pair_package}.json")
    try:
        program = importlib.import_module(f"{pair_package}_consumer")
        program.signs("expired")
        for least in (False, True):
            server = Server(document, least=least)
            program.run(server.send, server.anonymous)
            assert server.signed_in
    except Exception as error:  # noqa: BLE001  (whatever a user's program dies of)
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.usefixtures("types_cache")
@pytest.mark.timeout(900)
# A user's program is warned of a deprecated operation; it is not stopped.
@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_old_programs_agree_with_every_level(folder: Path) -> None:
    failed = {pair.package: _failure(pair.package, folder) for pair in PAIRS}
    assert _failure("base_sdk", folder) == ""
    # mypy is asked only where the run has not failed.
    passed = [package for package, failure in failed.items() if not failure]
    failed |= _mistyped(folder, passed)
    wrong = [
        (pair.name, pair.level, failed[pair.package])
        for pair in PAIRS
        if bool(failed[pair.package]) != (pair.level == "breaking")
    ]
    assert wrong == []
