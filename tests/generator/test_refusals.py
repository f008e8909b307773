"""What openapi-python-client refuses has a line, by every verb, and none of its messages hides what it means."""

from pathlib import Path
from typing import Any

import pytest
from openapi_python_client.parser.openapi import Endpoint

from generator.cli import main
from generator.errors import GenerateError
from generator.lint import lint
from generator.mend.partial import mended
from generator.package import refusals
from generator.package.generation import config_for, generate_package
from generator.package.refusals import trial
from generator.package.rewrite import rewrite
from generator.package.unread import readable
from generator.spec.document import Document, load
from generator.verbs import PARTIAL
from tests.generator.specs import as_yaml, minimal

TO = "#/components/schemas/"
_KINDS = ({"type": "string"}, {"type": "array", "items": {}})
# Two types of one property: openapi-python-client does not merge them.
CONFLICT = {"allOf": [{"type": "object", "properties": {"a": kind}} for kind in _KINDS]}


def document(tmp_path: Path, schemas: dict[str, Any], *, answer: Any = None, openapi: str = "3.1.0") -> Document:
    spec = minimal() | {"openapi": openapi}
    spec["components"]["schemas"] |= schemas
    if answer is not None:
        content = {"application/json": {"schema": answer}}
        spec["paths"]["/things"]["get"]["responses"]["200"] = {"description": "Fine.", "content": content}
    path = tmp_path / "openapi.yaml"
    path.write_text(as_yaml(spec), encoding="utf-8")
    return load(path)


def test_a_schema_that_upstream_refuses_is_told_with_its_line(tmp_path: Path) -> None:
    spec = document(tmp_path, {"List": CONFLICT})
    [finding] = trial(spec, config_for(spec, tmp_path / "any_sdk"))
    assert finding.is_error
    assert (finding.rule, finding.pointer) == ("upstream", ("components", "schemas", "List"))
    assert spec.path.read_text().splitlines()[finding.line - 1].strip() == "List:"


def test_an_answer_that_upstream_refuses_is_told_with_its_status_and_line(tmp_path: Path) -> None:
    spec = document(tmp_path, {}, answer=CONFLICT)
    with pytest.raises(
        GenerateError, match=r"openapi\.yaml:\d+: error \[upstream\] GET '/things': .*code 200"
    ) as refused:
        generate_package(spec, tmp_path / "any_sdk")
    assert "UntrustedString" not in str(refused.value)
    _, [told] = readable(spec, config_for(spec, tmp_path / "any_sdk"))
    assert told.advice == "Left out: GET /things."


def test_lint_tries_what_the_rules_let_through(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = document(tmp_path, {"List": CONFLICT})
    assert [each for each in lint(spec) if each.is_error] == []
    assert main(["lint", "--spec", str(spec.path)]) == 1
    assert "error [upstream] Schema 'List' cannot be read" in capsys.readouterr().out


def test_what_pydantic_does_not_accept_is_told_with_its_line(tmp_path: Path) -> None:
    spec = document(tmp_path, {"Odd": {"type": "object", "properties": {"a": {"maxLength": "x"}}}})
    found = trial(spec, config_for(spec, tmp_path / "any_sdk"))
    assert ("components", "schemas", "Odd", "properties", "a", "maxLength") in {each.pointer for each in found}
    after, told = readable(spec, config_for(spec, tmp_path / "any_sdk"))
    assert after.data["components"]["schemas"]["Odd"] == {}
    assert {each.advice for each in told} == {"Left untyped: Odd."}


def test_a_document_without_paths_is_read_as_one_without_operations(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text("{openapi: 3.1.0, info: {title: a, version: '1'}, webhooks: {}}")
    assert [each for each in lint(load(path)) if each.is_error] == []
    assert trial(load(path), config_for(load(path), tmp_path / "any_sdk")) == []


NULLABLE: list[tuple[dict[str, Any], str]] = [
    ({"type": ["object", "null"]}, "3.1.0"),
    ({"type": "object", "nullable": True}, "3.0.3"),
    ({"type": ["object", "null"], "title": "Nice"}, "3.1.0"),
]


@pytest.mark.parametrize(("nullable", "openapi"), NULLABLE)
def test_an_object_that_may_be_null_has_the_name_of_its_component(
    nullable: dict[str, Any], openapi: str, tmp_path: Path
) -> None:
    inner = {"type": "object", "properties": {"admin": {"type": "boolean"}}}
    spec = document(tmp_path, {"N": {**nullable, "properties": {"rights": inner}}}, openapi=openapi)
    schemas = rewrite(spec).data["components"]["schemas"]
    assert schemas["N"]["oneOf"] == [{"$ref": f"{TO}N_N"}, {"type": "null"}]
    assert schemas["N_N"]["title"] == "N"
    assert trial(spec, config_for(spec, tmp_path / "any_sdk")) == []
    assert "oneOf" not in spec.data["components"]["schemas"]["N"]  # what was read stays as it was


def test_the_name_of_an_object_inside_a_union_is_nobody_elses(tmp_path: Path) -> None:
    inner = {"type": "object", "properties": {"rights": {"type": "object", "properties": {"a": {}}}}}
    spec = document(tmp_path, {"N": {"oneOf": [inner, {"type": "string"}]}, "NType0": inner, "N_type_01": inner})
    assert f"{TO}N_type_02" in str(rewrite(spec).data)
    assert trial(spec, config_for(spec, tmp_path / "any_sdk")) == []


def test_what_fits_a_pattern_is_kept_where_nothing_else_may_be_added(tmp_path: Path) -> None:
    closed = {"type": "object", "patternProperties": {"^x": {}}, "additionalProperties": False}
    spec = document(tmp_path, {"Closed": closed, "Other": {"type": "object", "additionalProperties": False}})
    ours = rewrite(spec).data["components"]["schemas"]
    assert ("additionalProperties" in ours["Closed"], "additionalProperties" in ours["Other"]) == (False, True)


MENDED: list[tuple[str, dict[str, Any], str]] = [
    ("composition", {"allOf": [{"type": "string"}, {"type": "object"}]}, "Left untyped: properties/a."),
    ("enum", {"type": "string", "enum": ["a", 1]}, "Its values are texts, as its type says."),
    ("schema-false", {"type": "array", "items": False}, "Left untyped: a/items."),
]


@pytest.mark.parametrize(("rule", "schema", "advice"), MENDED)
def test_what_upstream_would_misread_loses_its_type_and_nothing_around_it(
    rule: str, schema: dict[str, Any], advice: str, tmp_path: Path
) -> None:
    spec = document(tmp_path, {"A": {"type": "object", "properties": {"a": schema, "kept": {"type": "string"}}}})
    after, told = mended(spec)
    assert [(each.rule, each.advice) for each in told] == [(rule, advice)]
    assert after.data["components"]["schemas"]["A"]["properties"]["kept"] == {"type": "string"}
    assert trial(after, config_for(after, tmp_path / "any_sdk")) == []


@pytest.mark.parametrize("verb", ["lint", "generate"])
def test_what_openapi_python_client_fails_at_is_a_finding_and_costs_nothing_else(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = document(tmp_path, {})
    paths = spec.data["paths"]
    for name in ("bad", "good", "better"):
        paths[f"/{name}"] = {"get": {**paths["/things"]["get"], "operationId": name}}
    spec.path.write_text(as_yaml(spec.data), encoding="utf-8")
    read = Endpoint.from_data

    def failing(**options: Any) -> Any:
        if options["path"].get_untrusted_value() == "/bad":
            raise KeyError("unforeseen")
        return read(**options)

    monkeypatch.setattr(Endpoint, "from_data", failing)
    if verb == "lint":
        assert main(["lint", "--spec", str(spec.path)]) == 1
    else:
        options = ["--spec", str(spec.path), "--output", str(tmp_path / "any_sdk"), "--no-trial"]
        assert main(["generate", *options]) == 1
        assert not (tmp_path / "any_sdk").exists()
        assert main(["generate", "--leave-out", *options]) == PARTIAL
        api = tmp_path / "any_sdk" / "api" / "things"
        assert {each.stem for each in api.iterdir()} == {"__init__", "better", "good", "list_things"}
    text = "".join(capsys.readouterr())
    line = spec.path.read_text().splitlines().index("  /bad:") + 2
    assert f"openapi.yaml:{line}: error [upstream] " in text
    assert "unforeseen" in text


def test_a_schema_that_openapi_python_client_fails_at_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = document(tmp_path, {"Bad": {"type": "string"}, "Good": {"type": "string"}})

    def failing(each: Document) -> Document:
        assert each.data["components"]["schemas"]["Bad"] == {}, "unforeseen"
        return rewrite(each)

    monkeypatch.setattr(refusals, "rewrite", failing)
    [finding] = trial(spec, config_for(spec, tmp_path / "any_sdk"))
    assert finding.pointer == ("components", "schemas", "Bad")


def test_schemas_that_would_share_a_module_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = {"type": "object", "properties": {"c": {"type": "string"}}}
    spec = document(tmp_path, {"A": {"type": "object", "properties": {"b": inner}}, "Ab": inner})
    config = config_for(spec, tmp_path / "any_sdk")
    assert trial(spec, config) == []
    monkeypatch.setattr("generator.package.rewrite.name_apart", lambda *_: None)
    assert [each.message for each in trial(spec, config)] == ["Several schemas of one name become models/ab.py."]
