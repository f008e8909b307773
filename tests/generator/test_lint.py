"""Every rule of the linter fires on what it is for, and on nothing in our own spec."""

import ast
import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from signedin import AsyncClient, Client
from signedin_sdk.resources import AsyncResources, Resources

from generator.lint import Finding, extensions, lint, losses
from generator.lint.names import CLIENT_ATTRIBUTES
from generator.spec.document import Document, load
from generator.spec.operations import OperationFacts
from tests.generator.conftest import ROOT
from tests.generator.specs import SHAPES, as_yaml, minimal

Change = Callable[[dict[str, Any]], object]


def findings_of(spec: dict[str, Any], tmp_path: Path) -> list[Finding]:
    path = tmp_path / "openapi.yaml"
    path.write_text(as_yaml(spec), encoding="utf-8")
    return lint(load(path))


def operation(spec: dict[str, Any]) -> Any:
    return spec["paths"]["/things"]["get"]


def parameter(spec: dict[str, Any], **changes: object) -> None:
    one = {"name": "limit", "in": "query", "schema": {"type": "integer"}, **changes}
    operation(spec)["parameters"] = [{key: value for key, value in one.items() if value is not None}]


def post(spec: dict[str, Any], media_type: str, media: dict[str, Any], name: str = "limit") -> None:
    answers = operation(spec)["responses"]
    body = {"required": True, "content": {media_type: media}}
    spec["paths"]["/things"]["post"] = {
        "operationId": "addThing",
        "tags": ["things"],
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}}],
        "requestBody": body,
        "responses": answers,
    }


def second(spec: dict[str, Any], **changes: object) -> None:
    spec["paths"]["/other"] = {"get": {**operation(spec), "operationId": "other", **changes}}


def schema(spec: dict[str, Any], name: str, value: dict[str, Any]) -> None:
    spec["components"]["schemas"][name] = value


def answer(spec: dict[str, Any], status: str, content: dict[str, Any] | None) -> None:
    operation(spec)["responses"][status] = {"description": "x", **({"content": content} if content else {})}


def braces(spec: dict[str, Any], name: str, form: dict[str, Any] | None = None, **more: object) -> None:
    where = {"name": name, "in": "path", "required": True, "schema": form or {"type": "string"}, **more}
    spec["paths"]["/a/{" + name + "}"] = {"get": {**operation(spec), "operationId": "braces", "parameters": [where]}}


def several(spec: dict[str, Any], other: str) -> None:
    post(spec, JSON, {"schema": THING})
    content = spec["paths"]["/things"]["post"]["requestBody"]["content"]
    content[other] = content[JSON]


def never(spec: dict[str, Any], **keywords: Any) -> None:
    spec["openapi"] = "3.1.0"
    schema(spec, "A", {"type": "object", **keywords})


JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data"
BYTES = "application/octet-stream"
FILE = {"type": "string", "format": "binary"}
FILES = {"type": "object", "properties": {"a": FILE}}
LIST = {"type": "array", "items": {"type": "string"}}
TEXT = {"type": "object", "properties": {"a": {"type": "string"}}}
THING = {"$ref": "#/components/schemas/Thing"}
TO_A = {"$ref": "#/components/schemas/A"}
DAY = {"type": "string", "format": "date"}
NULLABLE = {"type": "string", "nullable": True}
NESTED: list[dict[str, Any]] = [
    {"anyOf": [TEXT, {"type": "string"}]},
    {"type": "object", "properties": {"a": TEXT}},
    {"type": "object", "properties": {"a": {"type": "array", "items": TEXT}}},
]

ERRORS: list[tuple[str, Change]] = [
    ("invalid", lambda spec: spec.pop("info")),
    ("invalid", lambda spec: spec.update(openapi="4.0.0")),
    ("invalid", lambda spec: spec.update(openapi=3.1)),
    ("invalid", lambda spec: spec.update(paths=[])),
    ("reference", lambda spec: schema(spec, "Far", {"$ref": "https://example.com/x.yaml#/A"})),
    ("reference", lambda spec: schema(spec, "File", {"$ref": "other.yaml#/A"})),
    ("reference", lambda spec: schema(spec, "Lost", {"$ref": "#/components/schemas/Nothing"})),
    ("reference", lambda spec: operation(spec)["responses"].update(default={"$ref": "file:///etc/passwd"})),
    ("operation-id-missing", lambda spec: operation(spec).pop("operationId")),
    ("operation-id-duplicate", lambda spec: second(spec, operationId="listThings")),
    ("root-security", lambda spec: spec.update(security=[])),
    ("tag-missing", lambda spec: operation(spec).pop("tags")),
    ("parameter", lambda spec: parameter(spec, schema=None, content={JSON: {"schema": {}}})),
    ("parameter", lambda spec: braces(spec, "b", style="matrix")),
    ("parameter", lambda spec: parameter(spec, allowReserved=True)),
    *(("parameter", lambda spec, form=form: parameter(spec, schema=form)) for form in NESTED[1:]),
    *(("parameter", lambda spec, form=form: parameter(spec, schema=form, **{"in": "cookie"})) for form in (LIST, TEXT)),
    *(
        ("parameter", lambda spec, form=form: parameter(spec, schema=form, **{"in": "header"}))
        for form in (LIST, TEXT, DAY)
    ),
    *(("parameter", lambda spec, form=form: braces(spec, "b", form)) for form in (LIST, TEXT, NULLABLE)),
    *(("form", lambda spec, form=form: post(spec, FORM, {"schema": form})) for form in (LIST, *NESTED[1:])),
    ("form", lambda spec: post(spec, PARTS, {"schema": {"oneOf": [TEXT, {**TEXT, "title": "Other"}]}})),
    ("encoding", lambda spec: post(spec, FORM, {"schema": TEXT, "encoding": {"a": {"explode": False}}})),
    ("encoding", lambda spec: post(spec, PARTS, {"schema": TEXT, "encoding": {"a": {"contentType": JSON}}})),
    ("composition", lambda spec: schema(spec, "A", {"allOf": [{"type": "string"}, TEXT]})),
    (
        "composition",
        lambda spec: schema(spec, "A", {**TEXT, "oneOf": [{"allOf": [TO_A]}]}),
    ),
    ("composition", lambda spec: schema(spec, "A", {"allOf": [{"oneOf": [TEXT] * 8}] * 3})),
    ("enum", lambda spec: schema(spec, "E", {"enum": [1, "a", None]})),
    ("enum", lambda spec: schema(spec, "E", {"type": "number", "enum": [1.5]})),
    ("schema-false", lambda spec: never(spec, properties={"a": False})),
    ("path-template", lambda spec: braces(spec, "b.c")),
    ("path-reference", lambda spec: spec["paths"].update({"/far": {"$ref": "#/paths/~1things"}})),
    ("media-type", lambda spec: post(spec, "application/xml", {"schema": TEXT})),
    ("media-type", lambda spec: answer(spec, "200", {"application/xml": {"schema": TEXT}})),
    ("media-type", lambda spec: answer(spec, "200", {"text/plain": {"schema": {"type": "integer"}}})),
    *(
        ("binary", lambda spec, form=form: post(spec, JSON, {"schema": form}))
        for form in (FILE, FILES, {"type": "object", "additionalProperties": FILE}, {"anyOf": [FILE, TEXT]})
    ),
    ("binary", lambda spec: schema(spec, "Thing", FILES)),
    ("binary", lambda spec: post(spec, FORM, {"schema": FILES})),
    ("binary", lambda spec: post(spec, PARTS, {"schema": {"type": "object", "properties": {"a": FILES}}})),
    ("binary", lambda spec: post(spec, BYTES, {"schema": TEXT})),
    ("binary", lambda spec: answer(spec, "200", {"text/plain": {"schema": FILE}})),
    *(("binary", lambda spec, at=at: parameter(spec, schema=FILE, **{"in": at})) for at in ("query", "cookie")),
    ("binary", lambda spec: parameter(spec, schema={"type": "array", "items": FILE})),
    ("binary", lambda spec: braces(spec, "b", FILE)),
    ("body-impossible", lambda spec: answer(spec, "204", {JSON: {"schema": TEXT}})),
    ("body-impossible", lambda spec: answer(spec, "205", {JSON: {"schema": TEXT}})),
    ("body-impossible", lambda spec: spec["paths"]["/things"].update(head={**operation(spec), "operationId": "head"})),
    ("schema-missing", lambda spec: post(spec, JSON, {})),
    ("tag-reserved", lambda spec: operation(spec).update(tags=["Session"])),
    ("name-empty", lambda spec: operation(spec).update(operationId="🚫")),
    ("name-empty", lambda spec: operation(spec).update(tags=["--"])),
    ("name-unstable", lambda spec: operation(spec).update(operationId="__class__")),
    ("name-unstable", lambda spec: operation(spec).update(operationId="\uff45\uff58\uff45\uff43")),
    ("name-unstable", lambda spec: schema(spec, "\ufb01le", TEXT)),
    ("name-collision", lambda spec: second(spec, operationId="list_things")),
    ("name-collision", lambda spec: second(spec, tags=["Things"])),
    ("name-collision", lambda spec: spec["components"]["schemas"].update(FooBar=TEXT, foo_bar=TEXT)),
    ("name-collision", lambda spec: schema(spec, "A", {"type": "object", "properties": {"a-b": {}, "a b": {}}})),
    ("name-reserved", lambda spec: schema(spec, "Operation", TEXT)),
    ("name-reserved", lambda spec: post(spec, JSON, {"schema": TEXT}, name="body")),
    ("characters", lambda spec: schema(spec, "E", {"type": "string", "enum": ["a\u200db"]})),
    ("characters", lambda spec: parameter(spec, name="a\nb")),
    ("characters", lambda spec: operation(spec).update(description="a\u202eb")),
    ("number", lambda spec: parameter(spec, schema={"type": "number", "default": float("inf")})),
    ("tokens-effect", lambda spec: operation(spec).update({"x-signedin-tokens": {"effect": "eats"}})),
    ("tokens-effect", lambda spec: operation(spec).update({"x-signedin-tokens": {"effect": "revokes"}})),
]


def of_three_two(spec: dict[str, Any]) -> None:
    spec["openapi"] = "3.2.0"
    spec["paths"]["/things"]["query"] = {**operation(spec), "operationId": "query"}


UNPAGED: list[dict[str, Any]] = [
    {"items": "/label", "link": True},
    {"items": "/other", "link": True},
    {"cursor": {"parameter": "after", "at": "/label"}},
    {"items": "/label"},
    {"page": "page"},
]
WARNINGS: list[tuple[str, Change]] = [
    ("security-unknown", lambda spec: operation(spec).update(security=[{"nobody": []}])),
    ("success-missing", lambda spec: operation(spec).update(responses={"400": operation(spec)["responses"]["200"]})),
    ("tag-several", lambda spec: operation(spec).update(tags=["things", "more"])),
    ("method", of_three_two),
    *(("pages", lambda spec, pages=pages: operation(spec).update({"x-signedin-pages": pages})) for pages in UNPAGED),
    ("webhook", lambda spec: operation(spec).update(callbacks={"done": {"{$request.query.url}": {}}})),
    ("server", lambda spec: spec.pop("servers")),
    ("server", lambda spec: spec.update(servers=[{"url": "/api"}])),
    ("server", lambda spec: operation(spec).update(servers=[{"url": "https://other.example"}])),
    ("schema-missing", lambda spec: answer(spec, "200", {JSON: {}})),
    ("media-type-several", lambda spec: answer(spec, "200", {JSON: {"schema": TEXT}, "text/csv": {"schema": {}}})),
    ("media-type-several", lambda spec: several(spec, PARTS)),
    ("discriminator", lambda spec: schema(spec, "A", {**TEXT, "discriminator": {"propertyName": "a"}})),
    ("discriminator", lambda spec: schema(spec, "A", {"oneOf": [THING, TEXT], "discriminator": {"propertyName": "a"}})),
    ("keyword", lambda spec: never(spec, patternProperties={"^x": {"type": "string"}})),
    ("keyword", lambda spec: parameter(spec, schema={**LIST, "default": []})),
    ("reference-siblings", lambda spec: never(spec, properties={"a": {**THING, "minProperties": 1}})),
    ("error-schema-missing", lambda spec: answer(spec, "404", None)),
    ("name-collision", lambda spec: post(spec, JSON, {"schema": TEXT}, name="A")),
]


def test_specs_that_lose_nothing_have_no_findings(tmp_path: Path) -> None:
    assert lint(load(ROOT / "openapi.yaml")) == []
    assert findings_of(minimal(), tmp_path) == []


def test_a_spec_of_many_shapes_has_no_errors(tmp_path: Path) -> None:
    assert not [finding for finding in findings_of(yaml.safe_load(SHAPES), tmp_path) if finding.is_error]


def test_what_is_invalid_hides_no_other_finding(tmp_path: Path) -> None:
    spec = minimal()
    operation(spec).update(tags=["Session"], operationId="__class__")
    spec["components"]["schemas"]["Thing"]["type"] = 5
    assert {"invalid", "tag-reserved", "name-unstable"} <= {finding.rule for finding in findings_of(spec, tmp_path)}


@pytest.mark.parametrize(("rule", "change"), ERRORS)
def test_an_error_is_found(rule: str, change: Change, tmp_path: Path) -> None:
    spec = minimal()
    change(spec)
    findings = findings_of(spec, tmp_path)
    assert rule in {finding.rule for finding in findings if finding.is_error}
    assert all(finding.advice and finding.line >= 1 for finding in findings)


@pytest.mark.parametrize(("rule", "change"), WARNINGS)
def test_a_warning_is_found_and_is_no_error(rule: str, change: Change, tmp_path: Path) -> None:
    spec = minimal()
    change(spec)
    assert [(finding.rule, finding.is_error) for finding in findings_of(spec, tmp_path)] == [(rule, False)]


OURS = {"refresh-contract", "tokens-effect"}  # their findings: test_contract.py

SOUND: list[Change] = [
    lambda spec: post(spec, PARTS, {"schema": FILES}),
    lambda spec: post(spec, PARTS, {"schema": {"type": "object", "properties": {"a": {**LIST, "items": FILE}}}}),
    lambda spec: post(spec, BYTES, {"schema": FILE}),
    lambda spec: post(spec, BYTES, {"schema": {}}),
    lambda spec: answer(spec, "200", {BYTES: {"schema": FILE}}),
    lambda spec: answer(spec, "204", None),
    lambda spec: post(spec, JSON, {"schema": {"type": "string", "format": "byte"}}),
]


@pytest.mark.parametrize("change", SOUND)
def test_bytes_where_bytes_can_stand_are_no_finding(change: Change, tmp_path: Path) -> None:
    spec = minimal()
    change(spec)
    assert findings_of(spec, tmp_path) == []


def test_a_shared_schema_with_bytes_in_json_is_told_once(tmp_path: Path) -> None:
    spec = minimal()
    schema(spec, "Thing", FILES)
    second(spec)
    [finding] = findings_of(spec, tmp_path)
    assert finding.pointer == ("components", "schemas", "Thing", "properties", "a")


ELSEWHERE = [
    "https://example.com/x.yaml#/A",
    "file:///etc/passwd",
    "other.yaml#/A",
    "components/schemas/Thing",
    "#Thing",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_a_reference_to_elsewhere_is_not_followed(target: str, tmp_path: Path) -> None:
    spec = minimal()
    schema(spec, "Far", {"$ref": target})
    [finding] = [each for each in findings_of(spec, tmp_path) if each.is_error]
    assert finding.rule == "reference"
    assert "leaves the document" in finding.message
    assert "--allow-refs" in finding.advice


def test_a_finding_names_its_line(tmp_path: Path) -> None:
    spec = minimal()
    operation(spec)["tags"] = ["session"]
    [finding] = findings_of(spec, tmp_path)
    lines = (tmp_path / "openapi.yaml").read_text("utf-8").splitlines()
    assert lines[finding.line - 1].strip() == "tags:"


def test_every_public_attribute_of_the_client_is_reserved() -> None:
    for client, resources in ((Client, Resources), (AsyncClient, AsyncResources)):
        own = {name for name in dir(client) if not name.startswith("_")} - set(dir(resources))
        assert own <= CLIENT_ATTRIBUTES
    assert {"http", "session", "logout", "close", "aclose", "for_profile", "base_url"} <= CLIENT_ATTRIBUTES


def _rules_of_the_source() -> set[str]:
    rules = set()
    for path in (ROOT / "generator" / "lint").glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        named = {
            node.target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"error", "warning"}:
                rule = node.args[2]
                if not isinstance(rule, ast.Attribute):  # `exchanges` speaks for the rules of `extensions`
                    rules.add(named[rule.id] if isinstance(rule, ast.Name) else ast.literal_eval(rule))
    return {str(rule) for rule in rules}


def test_the_page_has_every_rule_with_its_severity() -> None:
    page = (ROOT / "docs" / "lint-rules.md").read_text("utf-8")
    rows = dict(re.findall(r"(?m)^\| `([a-z-]+)` \| [^|]* \| ([^|]*) \|", page))
    assert rows.keys() == _rules_of_the_source()
    for rule, severity in rows.items():
        assert ("warning" in severity) == (rule in {*(name for name, _ in WARNINGS), *OURS, "overlay"}), rule
        assert ("error" in severity) == (rule in {*(name for name, _ in ERRORS), *OURS}), rule


def test_names_of_the_contract_may_be_called_like_keywords_of_a_schema(tmp_path: Path) -> None:
    spec = minimal()
    names = ("default", "enum", "example", "properties", "const")
    schema(spec, "Odd", {"type": "object", "properties": {name: {"type": "string"} for name in names}})
    answer(spec, "default", {JSON: {"schema": {"$ref": "#/components/schemas/Odd"}}})
    assert findings_of(spec, tmp_path) == []


REFRESH = ("components", "securitySchemes", "bearerAuth", "x-signedin-refresh")

CONTRACTS: list[tuple[tuple[str, ...], object]] = [
    (REFRESH, "yes"),
    ((*REFRESH, "operationId"), "nobody"),
    ((*REFRESH, "operationId"), "getProfile"),
    ((*REFRESH, "operationId"), "logout"),
    ((*REFRESH, "more"), 1),
    ((*REFRESH, "request"), {}),
    ((*REFRESH, "request"), {"refreshToken": "token"}),
    ((*REFRESH, "response", "accessToken"), "access_token"),
    ((*REFRESH, "response", "refreshToken"), 5),
    ((*REFRESH, "expired", "status"), 200),
    ((*REFRESH, "expired", "property"), "error"),
    ((*REFRESH, "expired", "equals"), None),
    ((*REFRESH, "dead"), []),
    ((*REFRESH, "dead"), [500]),
    ((*REFRESH, "dead"), ["401"]),
    ((*REFRESH, "dead"), [True]),
    ((*REFRESH, "dead"), [429]),
    ((*REFRESH, "grace", "seconds"), -1),
    ((*REFRESH, "grace", "seconds"), "60"),
    ((*REFRESH, "grace", "times"), 1.5),
    ((*REFRESH, "grace", "times"), 0),
    ((*REFRESH, "grace", "header"), 5),
    ((*REFRESH, "grace"), {}),
    ((*REFRESH[:3], "scheme"), "basic"),
    ((*REFRESH[:2], "other"), {"type": "http", "scheme": "bearer", "x-signedin-refresh": {}}),
    (("paths", "/auth/refreshToken", "post", "security"), [{"bearerAuth": []}]),
    (("paths", "/auth/refreshToken", "post", "x-signedin-tokens", "effect"), "revokes"),
    (("paths", "/users/profile", "get", "x-signedin-tokens"), {"effect": "issues"}),
    (("paths", "/auth/logout", "post", "x-signedin-tokens", "request"), {"refreshToken": "token"}),
    (("paths", "/auth/logout", "post", "x-signedin-tokens"), "revokes"),
    (("paths", "/auth/login", "post", "x-signedin-tokens", "effect"), "revokes"),
]


@pytest.mark.parametrize(("place", "value"), CONTRACTS)
def test_a_contract_that_does_not_fit_its_operations_is_an_error(place: tuple[str, ...], value: object) -> None:
    spec = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))
    node = spec
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = copy.deepcopy(value)
    document = Document(Path("openapi.yaml"), b"", spec)
    findings = [finding for rule in extensions.RULES for finding in rule(document)]
    assert findings
    assert all(finding.is_error for finding in findings)


def test_a_backend_without_grace_is_fine(tmp_path: Path) -> None:
    spec = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))
    del spec["components"]["securitySchemes"]["bearerAuth"]["x-signedin-refresh"]["grace"]
    assert findings_of(spec, tmp_path) == []


def test_only_an_empty_or_absent_requirement_means_no_authentication() -> None:
    def auth(**node: object) -> str:
        return OperationFacts("a", "get", "/", "a", (), node).auth

    assert (auth(), auth(security=[]), auth(security=[{}])) == ("none", "none", "none")
    assert (auth(security=[{"a": []}]), auth(security=[{"a": []}, {"b": []}])) == ("required", "required")
    assert (auth(security=[{}, {"a": []}]), auth(security=[{"a": []}, {}])) == ("optional", "optional")


def test_what_is_wrong_inside_a_schema_is_told_with_its_place_behind_references(tmp_path: Path) -> None:
    spec = minimal()
    spec["openapi"] = "3.1.0"
    thing = spec["components"]["schemas"]["Thing"]["properties"]
    for odd, key in (({"oneOf": []}, "oneOf"), ({"type": "string", "default": 5}, "default")):
        thing["odd"] = odd
        [finding] = findings_of(spec, tmp_path)
        assert finding.pointer == ("components", "schemas", "Thing", "properties", "odd", key)
        assert (tmp_path / "openapi.yaml").read_text().splitlines()[finding.line - 1].strip().startswith(f"{key}: ")


def test_a_rule_that_fails_is_a_finding_and_costs_no_other_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unforeseen(_: Document) -> Iterator[Finding]:
        raise AttributeError("a secret\x1b")

    monkeypatch.setattr("generator.lint._RULES", (unforeseen, *losses.RULES))
    spec = minimal()
    operation(spec).update(tags=["things", "more"])
    [failed, several] = findings_of(spec, tmp_path)
    assert (failed.rule, failed.is_error, several.rule) == ("test-lint-unforeseen", False, "tag-several")
    assert "\x1b" not in failed.message
