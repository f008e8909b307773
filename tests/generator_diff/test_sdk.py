"""What the generated packages and the programs say may raise the level, never lower it."""

from pathlib import Path

import pytest

from generator.diff import Level, sdk
from generator.diff.change import highest
from generator.diff.compare import compare
from generator.diff.sdk import Consumers, api_changes, consumer_changes
from generator.diff.verb import changes
from tests.generator_diff.specs import answered, document

NOBODY = Consumers([], Path(), Path())
CLASS = {"type": "object", "properties": {"a": {"type": "string"}}}


def _package(folder: Path, models: dict[str, str], resource: str = "") -> Path:
    for name, text in {"__init__": "", **{f"models/{name}": text for name, text in models.items()}}.items():
        path = folder / "our_sdk" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, text in {"models/__init__": "", "resources/__init__": "", "resources/t": resource, "_wire": ""}.items():
        path = folder / "our_sdk" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "our_sdk"


def _breaks(tmp_path: Path, old: dict[str, str], new: dict[str, str]) -> set[tuple[str, str]]:
    pair = [_package(tmp_path / at, models) for at, models in (("old", old), ("new", new))]
    changed = list(api_changes(*pair))
    assert all(each.level is Level.BREAKING and each.reason and each.hint for each in changed)
    return {(each.rule, each.where) for each in changed}


def test_class_or_argument_that_is_gone_is_reported(tmp_path: Path) -> None:
    old = {"a": "class A:\n    def f(self, x: int) -> None: ...\n", "b": "class B: ...\n"}
    new = {"a": "class A:\n    def f(self) -> None: ...\n", "b": ""}
    assert _breaks(tmp_path, old, new) == {("python-api-changed", "models.a.A.f"), ("python-api-changed", "models.b.B")}


def test_member_of_an_enum_that_has_another_value_is_reported(tmp_path: Path) -> None:
    old, new = (f"from enum import StrEnum\nclass E(StrEnum):\n    A = '{value}'\n" for value in "ab")
    assert _breaks(tmp_path, {"e": old}, {"e": new}) == {("python-api-changed", "models.e.E.A")}


def test_default_that_changed_and_what_is_private_or_more_break_nothing(tmp_path: Path) -> None:
    old = {"a": "class A:\n    x: int = 1\n    def f(self, x: int = 1) -> None: ...\n    def _f(self) -> None: ...\n"}
    new = {"a": "class A:\n    x: int = 2\n    def f(self, x: int = 2) -> None: ...\nclass B: ...\n"}
    assert _breaks(tmp_path, old, new) == set()


def test_generated_package_raises_the_level_of_what_the_specs_do_not_show(tmp_path: Path) -> None:
    # A class without a name of its own is called after its position, and null is at one as well.
    old = document(tmp_path, "old", answered({"anyOf": [{"type": "string"}, {"type": "null"}, CLASS]}))
    new = document(tmp_path, "new", answered({"anyOf": [{"type": "string"}, CLASS, {"type": "null"}]}))
    compared = compare(old, new)
    assert highest(compared) is Level.PATCH
    changed = changes(old, new, consumers=NOBODY)
    assert changed[: len(compared)] == compared
    assert {each.rule for each in changed[len(compared) :]} == {"python-api-changed"}
    assert highest(changed) is Level.BREAKING


def test_generated_package_lowers_nothing(tmp_path: Path) -> None:
    old, new = (
        document(tmp_path, name, answered({"type": kind})) for name, kind in (("old", "string"), ("new", "number"))
    )
    assert changes(old, new, consumers=NOBODY) == compare(old, new)
    assert highest(compare(old, new)) is Level.BREAKING


def test_program_raises_the_level_by_the_errors_that_are_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = {
        "old": ["a.py:1: error: both", "a.py:2: error: before"],
        "new": ["a.py:9: error: both", "a.py:3: error: now"],
    }
    monkeypatch.setattr(sdk, "_mypy", lambda _programs, package, _beside: compared[package.parent.name])
    programs = Consumers([tmp_path / "a.py"], tmp_path, tmp_path)
    [changed] = consumer_changes(programs, tmp_path / "old" / "x", tmp_path / "new" / "x")
    assert (changed.rule, changed.level, changed.message) == ("consumer-does-not-type-check", Level.BREAKING, "now")
    assert changed.reason
    assert changed.hint
    assert list(consumer_changes(programs, tmp_path / "new" / "x", tmp_path / "new" / "x")) == []
