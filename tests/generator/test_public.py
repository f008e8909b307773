"""`generate --leave-out`: specs of the size and the habits of large public ones, which no package can hold whole."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.cli import main
from generator.lint import Finding
from generator.mend.partial import mended
from generator.pipeline import LintError, Request, check, generate
from generator.spec.document import load
from generator.spec.operations import operations
from tests.generator.conftest import imported
from tests.generator.public import public
from tests.generator.specs import as_json, minimal

LEFT_OUT = {"/xml", "/a/{b.c}", "/nowhere"}


def written(folder: Path, spec: dict[str, Any]) -> Path:
    path = folder / "openapi.json"
    path.write_text(as_json(spec), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Finding]]:
    """One group of every shape; `packages` has mypy judge the same."""
    folder = tmp_path_factory.mktemp("few")
    request = Request(written(folder, public(1)), folder / "few_sdk", leave_out=True)
    return request.output, generate(request, lambda _: None, types=False)


@pytest.mark.timeout(300)
def test_what_can_be_generated_is_and_the_rest_is_told_with_its_reason(few: tuple[Path, list[Finding]]) -> None:
    package, findings = few
    assert {each.pointer[1] for each in findings if each.pointer[:1] == ("paths",)} >= LEFT_OUT
    assert not [each for each in findings if each.is_error or not each.message or not each.advice]
    spec = load(package.parent / "openapi.json")
    wanted = {each.path for each in operations(spec)} - LEFT_OUT
    generated = {each["path"] for each in _operations(package)}
    assert generated == wanted


def _operations(package: Path) -> list[dict[str, str]]:
    sdk = imported(package)
    names = [path.relative_to(package).with_suffix("").parts for path in sorted((package / "api").glob("*/*.py"))]
    modules = [importlib.import_module(".".join((sdk.__name__, *parts))) for parts in names if parts[-1] != "__init__"]
    return [module.OPERATION._asdict() for module in modules]


@pytest.mark.timeout(300)
def test_what_lost_its_name_or_its_type_still_carries_its_values(few: tuple[Path, list[Finding]]) -> None:
    sdk = imported(few[0])
    event = {"id": "0" * 32, "at": "2026-01-02T03:04:05Z", "reactions": {"+1": 3, "-1": 2}}
    read = sdk.models.Event0.from_dict(event)
    assert read.reactions.additional_properties["-1"] == 2
    assert read.to_dict()["reactions"] == {"+1": 3, "-1": 2}
    operations = {each["path"]: each for each in _operations(few[0])}
    assert operations["/groups/0/events/{event-id}"]["auth"] == "required"  # what stood at the root


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_hundreds_of_operations_are_generated_and_imported(tmp_path: Path) -> None:
    spec = written(tmp_path, public(20))
    total = len(list(operations(load(spec))))
    lines: list[str] = []
    generate(Request(spec, tmp_path / "public_sdk", leave_out=True), lines.append, types=False)
    assert total >= 200
    assert any(line.startswith(f"{total - len(LEFT_OUT)} of {total} operations") for line in lines)
    # The trial has imported each of them and has asked it for its operation.
    assert "trying it: compile, import, operations" in lines
    modules = [path for path in (tmp_path / "public_sdk" / "api").glob("*/*.py") if path.name != "__init__.py"]
    assert len(modules) == total - len(LEFT_OUT)


def test_the_exit_status_tells_whether_anything_was_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = minimal()
    options = ["--output", str(tmp_path / "exit_sdk"), "--leave-out", "--no-trial"]
    assert main(["generate", "--spec", str(written(tmp_path, spec)), *options]) == 0
    spec["paths"]["/far"] = {"$ref": "#/paths/~1things"}
    assert main(["generate", "--spec", str(written(tmp_path, spec)), *options]) == 4
    assert "[path-reference]" in capsys.readouterr().err
    assert main(["generate", "--spec", str(written(tmp_path, spec)), *options[:2]]) == 1


def test_check_knows_a_package_that_something_was_left_out_of(tmp_path: Path) -> None:
    spec = minimal()
    spec["paths"]["/things"]["get"].pop("tags")
    request = Request(written(tmp_path, spec), tmp_path / "left_sdk", leave_out=True)
    generate(request, lambda _: None, types=False)
    assert check(request, lambda _: None) == []


BEYOND: list[Callable[[dict[str, Any]], object]] = [
    lambda spec: spec.pop("info"),
    lambda spec: spec.update(openapi="2.0"),
    lambda spec: spec["paths"]["/things"]["get"].update({"x-signedin-tokens": {"effect": "eats"}}),
]


@pytest.mark.parametrize("change", BEYOND)
def test_what_is_no_spec_or_breaks_our_contract_is_refused_all_the_same(
    change: Callable[[dict[str, Any]], object], tmp_path: Path
) -> None:
    spec = minimal()
    change(spec)
    request = Request(written(tmp_path, spec), tmp_path / "refused_sdk", leave_out=True)
    with pytest.raises(LintError):
        generate(request, lambda _: None)
    assert not request.output.exists()


def test_a_document_without_errors_is_not_changed(tmp_path: Path) -> None:
    document = load(written(tmp_path, minimal()))
    after, lines = mended(document)
    assert (json.dumps(after.data), lines) == (json.dumps(document.data), [])
