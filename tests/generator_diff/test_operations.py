"""What the comparison says of whole operations: media types, security, parameters, and what it cannot compare."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from generator.cli import main
from generator.diff.change import OTHER
from generator.errors import SpecError
from tests.generator.specs import as_yaml
from tests.generator_diff.specs import REFERENCE, Spec, answered, body, changes, operation, sent, spec

TEXT = {"type": "string"}
JSON_BODY = body(REFERENCE)["content"]
TEXT_BODY = body(TEXT, "text/plain")["content"]
PROBLEM_BODY = body(REFERENCE, "application/problem+json")["content"]
MODELS = {name: {"type": "object", "properties": {name.lower(): TEXT}} for name in ("M", "N")}


def _rules(folder: Path, old: Spec, new: Spec) -> set[tuple[str, str]]:
    rules = changes(folder, old, new)
    assert all((each.reason, each.hint) != OTHER for each in rules)
    return {(each.level.name.lower(), each.rule) for each in rules}


def _answering(content: Spec, status: str = "200") -> Spec:
    return spec({"/a": {"get": operation(responses={status: {"description": "x", "content": content}})}}, MODELS)


def _taking(content: Spec) -> Spec:
    return spec({"/a": {"post": operation(requestBody={"required": True, "content": content})}}, MODELS)


def _parameters(*parameters: Spec) -> Spec:
    return spec({"/a/{id}": {"get": operation(parameters=list(parameters))}})


def _parameter(name: str, where: str = "query", **more: Any) -> Spec:
    return {"name": name, "in": where, "required": where == "path", "schema": TEXT, **more}


@pytest.mark.parametrize("new", [{**TEXT_BODY, **JSON_BODY}, TEXT_BODY], ids=["before it", "instead"])
def test_another_kind_of_answer_where_the_sdk_reads_breaks(tmp_path: Path, new: Spec) -> None:
    assert ("breaking", "response-media-type-changed") in _rules(tmp_path, _answering(JSON_BODY), _answering(new))


def test_the_same_media_types_in_another_order_break(tmp_path: Path) -> None:
    old, new = _answering({**JSON_BODY, **TEXT_BODY}), _answering({**TEXT_BODY, **JSON_BODY})
    assert _rules(tmp_path, old, new) == {("breaking", "response-media-type-changed")}


def test_what_stands_behind_the_first_media_type_is_not_read(tmp_path: Path) -> None:
    one, two = _answering(JSON_BODY), _answering({**JSON_BODY, **TEXT_BODY})
    assert _rules(tmp_path, one, two) == {("minor", "response-media-type-added")}
    assert _rules(tmp_path, two, one) == {("minor", "response-media-type-removed")}


def test_json_of_another_name_is_json(tmp_path: Path) -> None:
    old, new = _answering(JSON_BODY), _answering(PROBLEM_BODY)
    assert _rules(tmp_path, old, new) == {("patch", "response-media-type-changed")}
    assert _rules(tmp_path, _taking(JSON_BODY), _taking(PROBLEM_BODY)) == {("patch", "request-body-media-type-changed")}


def test_second_media_type_of_a_request_turns_the_arguments_round_for_any_json(tmp_path: Path) -> None:
    form = body({"$ref": "#/components/schemas/N"}, "application/x-www-form-urlencoded")["content"]
    for content in (JSON_BODY, PROBLEM_BODY):
        rules = _rules(tmp_path, _taking(content), _taking({**content, **form}))
        assert ("breaking", "request-body-signature-changed") in rules


def test_order_of_operations_is_a_patch_and_not_nothing(tmp_path: Path) -> None:
    paths = {f"/{name}": {"get": operation(name)} for name in "ab"}
    assert _rules(tmp_path, spec(paths), spec(dict(reversed(paths.items())))) == {("patch", "documentation-changed")}
    assert _rules(tmp_path, spec(paths), spec(paths)) == set()


def test_status_that_is_documented_by_its_class_stays(tmp_path: Path) -> None:
    assert _rules(tmp_path, _answering(JSON_BODY), _answering(JSON_BODY, "2XX")) == {("patch", "documentation-changed")}


BEARER = {"type": "http", "scheme": "bearer"}
KEY = {"type": "apiKey", "in": "header", "name": "X-Key"}


def _secured(*alternatives: Spec, **schemes: Spec) -> Spec:
    return spec({"/a": {"get": operation(security=list(alternatives))}}, securitySchemes=schemes)


@pytest.mark.parametrize(
    ("old", "new"), [(BEARER, KEY), (KEY, {**KEY, "in": "query"}), (KEY, {**KEY, "name": "X-Other"})]
)
def test_scheme_that_is_another_one_under_the_same_name_breaks(tmp_path: Path, old: Spec, new: Spec) -> None:
    rules = _rules(tmp_path, _secured({"k": []}, k=old), _secured({"k": []}, k=new))
    assert rules == {("breaking", "api-security-scheme-changed")}


def test_scheme_that_nobody_asks_for_may_change_and_a_case_too(tmp_path: Path) -> None:
    unused = _rules(tmp_path, _secured(k=BEARER), _secured(k=KEY))
    written = _rules(tmp_path, _secured({"k": []}, k=BEARER), _secured({"k": []}, k={**BEARER, "scheme": "Bearer"}))
    assert unused == written == {("patch", "documentation-changed")}


def test_token_from_another_address_is_minor(tmp_path: Path) -> None:
    old, new = ({"type": "openIdConnect", "openIdConnectUrl": f"https://{name}.example"} for name in "ab")
    rules = _rules(tmp_path, _secured({"k": []}, k=old), _secured({"k": []}, k=new))
    assert rules == {("minor", "api-security-scheme-flow-changed")}


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ([{"a": [], "b": []}], [{"a": []}], {("minor", "api-security-removed")}),
        ([{"a": []}], [{"a": [], "b": []}], {("breaking", "api-security-removed"), ("minor", "api-security-added")}),
        ([{"a": ["s", "t"]}], [{"a": ["s"]}], {("minor", "api-security-scope-removed")}),
        ([{"a": ["s"]}], [{"a": ["s", "t"]}], {("breaking", "api-security-scope-added")}),
        ([{"a": []}], [{"b": []}, {"a": []}], {("minor", "api-security-added")}),
    ],
    ids=["asks for less", "asks for more", "a scope less", "a scope more", "another way beside it"],
)
def test_credentials_that_still_suffice_break_nothing(
    tmp_path: Path, old: list[Spec], new: list[Spec], rules: set[tuple[str, str]]
) -> None:
    assert _rules(tmp_path, _secured(*old), _secured(*new)) == rules


def test_root_security_is_that_of_the_operations_without_their_own(tmp_path: Path) -> None:
    old = spec({"/a": {"get": operation()}})
    assert _rules(tmp_path, old, {**old, "security": [{"k": []}]}) == {("breaking", "api-security-added")}


def test_argument_is_renamed_when_another_parameter_has_its_name(tmp_path: Path) -> None:
    one, two = _parameters(_parameter("id", "path")), _parameters(_parameter("id", "path"), _parameter("id"))
    assert ("breaking", "request-parameter-renamed") in _rules(tmp_path, one, two)
    assert ("breaking", "request-parameter-renamed") in _rules(tmp_path, two, one)


@pytest.mark.parametrize(
    "schema",
    [{"type": "array", "items": TEXT, "default": []}, {"type": "object", "default": {"a": 1}}],
    ids=["list", "object"],
)
def test_default_of_a_list_or_an_object_is_none_in_the_sdk(tmp_path: Path, schema: Spec) -> None:
    old, new = _parameters(), _parameters(_parameter("x", required=True, schema=schema))
    assert _rules(tmp_path, old, new) == {("breaking", "new-required-request-parameter")}
    old, new = sent(TEXT), sent(TEXT)
    model = new["components"]["schemas"]["M"]
    model |= {"properties": {**model["properties"], "g": schema}, "required": ["g"]}
    assert _rules(tmp_path, old, new) == {("breaking", "new-required-request-property")}


def test_operation_that_moved_and_is_written_otherwise_is_the_same_method(tmp_path: Path) -> None:
    old, new = spec({"/a": {"get": operation("listPets")}}), spec({"/b": {"get": operation("list_pets")}})
    assert _rules(tmp_path, old, new) == {("patch", "api-path-changed")}


def test_union_that_holds_itself_is_compared(tmp_path: Path) -> None:
    union = {"anyOf": [REFERENCE, TEXT]}
    assert _rules(tmp_path, answered(union), answered(union)) == set()
    new = answered(union)
    new["components"]["schemas"]["M"]["properties"]["x"] = TEXT
    assert _rules(tmp_path, answered(union), new) == {("minor", "response-optional-property-added")}


@pytest.mark.parametrize("keyword", ["allOf", "anyOf"])
def test_schema_that_is_made_of_itself_is_compared(tmp_path: Path, keyword: str) -> None:
    old = answered({"$ref": "#/components/schemas/U"}, U={keyword: [{"$ref": "#/components/schemas/U"}, TEXT]})
    inline = answered({"allOf": [REFERENCE, {"properties": {"x": TEXT}}]})
    assert _rules(tmp_path, old, inline)


def test_chain_of_a_thousand_models_is_compared(tmp_path: Path) -> None:
    chain = {
        f"C{at}": {"type": "object", "properties": {"next": {"$ref": f"#/components/schemas/C{at + 1}"}}}
        for at in range(1000)
    }
    first = {"$ref": "#/components/schemas/C0"}
    old, new = (answered(first, **chain, C1000={"type": kind}) for kind in ("string", "integer"))
    assert _rules(tmp_path, old, new) == {("breaking", "response-property-type-changed")}


@pytest.mark.parametrize(
    ("old", "reason"),
    [
        (answered({"$ref": "parts.yaml#/Thing"}), "leaves the document.*--allow-refs"),
        (answered({"$ref": "#/components/schemas/Gone"}), "leads nowhere"),
        (spec({"/a": {"get": {"responses": {"204": {"description": "x"}}}}}), "has no operationId"),
    ],
    ids=["a file", "nowhere", "without a name"],
)
def test_spec_that_cannot_be_seen_whole_is_refused(tmp_path: Path, old: Spec, reason: str) -> None:
    for pair in ((old, answered(TEXT)), (answered(TEXT), old)):
        with pytest.raises(SpecError, match=rf"json: cannot be compared as a whole[\s\S]*{reason}"):
            changes(tmp_path, *pair)


def _in_parts(folder: Path, kind: str) -> None:
    (folder / "specs" / "parts").mkdir(parents=True, exist_ok=True)
    (folder / "specs" / "openapi.yaml").write_text(as_yaml(answered({"$ref": "parts/one.yaml#/Thing"})))
    (folder / "specs" / "parts" / "one.yaml").write_text(as_yaml({"Thing": {"type": kind}}))


def test_files_that_both_specs_refer_to_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, kind in (("old", "string"), ("new", "integer")):
        _in_parts(tmp_path / name, kind)
    specs = ["old/specs/openapi.yaml", "new/specs/openapi.yaml", "--specs-only", "--current", "1.0.0"]
    assert main(["diff", *specs, "--allow-refs", "."]) == 3
    assert "string became integer" in capsys.readouterr().out
    assert main(["diff", *specs]) == 1
    assert "--allow-refs" in capsys.readouterr().err


def test_files_of_a_revision_are_those_of_the_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    _in_parts(tmp_path, "string")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "Release"], ["tag", "v1"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    _in_parts(tmp_path, "integer")
    specs = ["git:v1:specs/openapi.yaml", "specs/openapi.yaml", "--specs-only", "--current", "1.0.0"]
    for folder in (".", "specs", "specs/parts"):
        assert main(["diff", *specs, "--allow-refs", folder]) == 3
        assert "string became integer" in capsys.readouterr().out
    for allowed, reason in ((tmp_path.parent, "below the current folder"), ("gone", "no folder gone")):
        assert main(["diff", *specs, "--allow-refs", str(allowed)]) == 1
        assert reason in capsys.readouterr().err
    assert main(["diff", *specs]) == 1
    assert "git:v1:openapi.yaml: cannot be compared" in capsys.readouterr().err
