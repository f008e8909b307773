"""What `--leave-out` makes of a spec, without generating it: every fault, and every two of them in one operation."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from generator.lint import Finding, lint
from generator.mend.partial import mended, mended_without_loss
from generator.package.generation import config_for, generate_package
from generator.package.unread import readable
from generator.spec.document import Document
from tests.generator.faults import FAULTS, sound
from tests.generator.specs import minimal


def _with(*operations: tuple[str, ...]) -> Document:
    """Return a document with a sound operation, and with one of each of these combinations of faults."""
    spec = minimal()
    for number, faults in enumerate(operations):
        spec["paths"][f"/faulty/{number}"] = {"post": {**sound(), "operationId": f"send{number}"}}
        for fault in faults:
            FAULTS[fault](spec["paths"][f"/faulty/{number}"]["post"])
    return Document(Path("spec.json"), b"", spec)


def _errors(findings: list[Finding]) -> list[Finding]:
    return [each for each in findings if each.is_error]


def _pairs(first: str) -> Iterator[tuple[str, ...]]:
    yield from ((first, second) for second in list(FAULTS)[list(FAULTS).index(first) + 1 :])


def test_each_fault_is_one_and_the_operation_has_no_other() -> None:
    assert _errors(lint(_with(()))) == []
    assert [fault for fault in FAULTS if not _errors(lint(_with((fault,))))] == []


@pytest.mark.parametrize("first", FAULTS)
def test_two_faults_in_one_operation_are_mended_as_each_of_them(first: str) -> None:
    after, findings = mended(_with((first,), *_pairs(first)))
    assert _errors([*findings, *lint(after)]) == []
    assert "get" in after.data["paths"]["/things"]


def test_an_operation_with_every_fault_is_left_out_alone() -> None:
    after, findings = mended(_with(tuple(FAULTS)))
    assert list(after.data["paths"]) == ["/things", "/faulty/0"]
    assert after.data["paths"]["/faulty/0"] == {}
    assert "Left out: POST /faulty/0." in {each.advice for each in findings}


def _text(**more: Any) -> dict[str, Any]:
    return {"type": "string", **more}


def _link(*names: str) -> dict[str, Any]:
    link = {"type": "object", "title": "Link", "properties": {"href": _text()}}
    return {"type": "object", "properties": dict.fromkeys(names, link)}


def _in_thing(schema: Any) -> Callable[[dict[str, Any]], object]:
    return lambda spec: spec["components"]["schemas"]["Thing"]["properties"].update(odd=schema)


def _in_operation(**more: Any) -> Callable[[dict[str, Any]], object]:
    return lambda spec: spec["paths"]["/things"]["get"].update(more)


def _answer(schema: Any) -> dict[str, Any]:
    return {"description": "It.", "content": {"application/json": {"schema": schema}}}


def _defaulting(spec: dict[str, Any]) -> None:
    kinds = {name: {"type": "object", "properties": {"a": _text()}} for name in ("Cat", "Dog")}
    spec["components"]["schemas"] |= kinds
    either = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in kinds], "default": {"a": "b"}}
    spec["components"]["schemas"]["Thing"]["properties"]["odd"] = either


def _wrapped(spec: dict[str, Any]) -> None:
    only = [{"$ref": "#/components/schemas/Thing"}]
    kinds = {"propertyName": "label", "mapping": {"a": "#/components/schemas/Thing"}}
    spec["components"]["schemas"]["Answer"] = {"type": "object", "oneOf": only, "discriminator": kinds}
    spec["components"]["schemas"]["Thing"]["properties"]["inner"] = {"type": "object", "properties": {"a": _text()}}


def _unused(spec: dict[str, Any]) -> None:
    spec["components"]["parameters"] = {"odd": {"name": "odd", "in": "query", "content": {"text/plain": {}}}}


_FORM: Final = {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": _text()}}}}
_JSON_OR_FORM: Final = {
    "content": {"application/json": {"schema": _FORM}, "application/x-www-form-urlencoded": {"schema": _FORM}}
}
_XML_OR_JSON: Final = ("application/xml", "application/json")
_PDF: Final = {"description": "No.", "content": {"application/xml": {"schema": _text()}}}
# What large public specs hold, and the least that it costs.
COSTS: Final[dict[str, tuple[Callable[[dict[str, Any]], object], list[str]]]] = {
    "no version": (lambda spec: spec["info"].pop("version"), ["It has no title, or no version."]),
    "a default of another type": (_in_thing(_text(default=["a"])), ["Left out: the default."]),
    "a union of nothing": (_in_thing({"oneOf": []}), ["Left out: the oneOf."]),
    "a name that is required twice": (
        _in_thing({"type": "object", "properties": {"a": _text()}, "required": ["a", "a"]}),
        ["Each name counts once."],
    ),
    "a property that is no schema": (_in_thing(None), ["Left untyped: properties/odd."]),
    "a file in an extension": (_in_operation(**{"x-code": [{"$ref": "./send.ts"}]}), ["Left out: x-code."]),
    "a default of a union": (_defaulting, []),
    "a union of one": (_wrapped, []),
    "an unused parameter": (_unused, []),
    "one title twice": (_in_thing(_link("self", "next")), []),
    "JSON or a form": (
        _in_operation(requestBody=_JSON_OR_FORM),
        ["Left out: the form; it takes another media type, too."],
    ),
    "a refusal without items": (
        _in_operation(responses={"200": _answer(_text()), "400": _answer({"type": "array"})}),
        [],
    ),
    "a refusal of bytes with properties": (
        _in_operation(
            responses={
                "200": _answer(_text()),
                "400": {"description": "No.", "content": {"application/octet-stream": {"schema": _link("self")}}},
            }
        ),
        ["It is bytes."],
    ),
    "bytes in JSON": (
        _in_thing(_text(format="binary")),
        ["It is a text, wherever this schema stands."],
    ),
    "a text that is sent as bytes": (
        _in_operation(requestBody={"content": {"application/octet-stream": {"schema": _text()}}}),
        ["It is bytes."],
    ),
    "an answer 204 with a body": (
        _in_operation(responses={"204": _answer(_text())}),
        ["Left out: its content."],
    ),
    "a refusal that is shared": (
        lambda spec: (
            spec["components"].update(responses={"No": _PDF}),
            spec["paths"]["/things"]["get"]["responses"].update({"400": {"$ref": "#/components/responses/No"}}),
        ),
        ["The error's `body` is untyped."],
    ),
    "a body that is shared": (
        lambda spec: (
            spec["components"].update(
                requestBodies={"All": {"content": {key: {"schema": _text()} for key in _XML_OR_JSON}}}
            ),
            spec["paths"]["/things"]["get"].update(requestBody={"$ref": "#/components/requestBodies/All"}),
        ),
        ["Left out: this media type."],
    ),
}


@pytest.mark.parametrize("habit", COSTS)
def test_what_public_specs_hold_costs_no_more_than_the_least_and_is_generated(habit: str, tmp_path: Path) -> None:
    spec = minimal()
    change, costs = COSTS[habit]
    change(spec)
    document = Document(Path("spec.json"), b"", spec)
    config = config_for(document, tmp_path / "any_sdk")
    mild, findings = mended(document)
    after, more = readable(mild, config)
    assert [each.advice for each in [*findings, *more]] == costs
    generate_package(after, tmp_path / "any_sdk")
    assert (tmp_path / "any_sdk" / "api" / "things" / "list_things.py").is_file()


def _shared_with_a_form(spec: dict[str, Any]) -> None:
    spec["components"]["schemas"]["Thing"]["properties"]["file"] = _text(format="binary")
    thing = {"schema": {"$ref": "#/components/schemas/Thing"}}
    spec["paths"]["/things"]["post"] = {**sound(), "requestBody": {"content": {"multipart/form-data": thing}}}


def _as_json_and_parts(spec: dict[str, Any]) -> None:
    _shared_with_a_form(spec)
    operation = spec["paths"]["/things"].pop("post")
    [thing] = operation["requestBody"]["content"].values()
    spec["components"]["schemas"]["Sent"] = spec["components"]["schemas"].pop("Thing")
    thing["schema"]["$ref"] = "#/components/schemas/Sent"
    operation["requestBody"]["content"] = {"application/json": dict(thing), "multipart/form-data": thing}
    spec["paths"] = {"/things": {"post": operation}}


def _wrong_property(spec: dict[str, Any]) -> None:
    spec["components"]["schemas"]["Thing"]["properties"] = {"pattern": 5}  # a name, and no keyword


def _matrix(spec: dict[str, Any]) -> None:
    one = {"name": "id", "in": "path", "required": True, "style": "matrix", "schema": _text()}
    spec["paths"]["/things/{id}"] = {"get": {**sound(), "parameters": [one]}}


@pytest.mark.parametrize(
    ("change", "rule"), [(_shared_with_a_form, "binary"), (_matrix, "parameter"), (_wrong_property, "invalid")]
)
def test_what_a_mend_would_make_wrong_elsewhere_stays_an_error(
    change: Callable[[dict[str, Any]], None], rule: str
) -> None:
    spec = minimal()
    change(spec)
    _, findings = mended_without_loss(Document(Path("spec.json"), b"", spec))
    assert {each.rule for each in _errors(findings)} == {rule}


_IN_A_HEADER: Final = {"name": "a", "in": "header", "schema": {"type": "array", "items": {}}}


def _beside_a_reference(spec: dict[str, Any]) -> None:
    spec["components"]["parameters"] = {"page": {"name": "page", "in": "query", "schema": _text()}}
    reference = {"$ref": "#/components/parameters/page", "schema": _text()}
    spec["paths"]["/things"]["get"]["parameters"] = [reference]


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        (_in_thing(_text(format="binary")), "It is a text, wherever this schema stands."),
        (_in_thing(_text(default=5)), "Left out: the default."),
        (_in_thing({"type": "number", "minimum": 0, "exclusiveMinimum": True}), "Left out: the exclusiveMinimum."),
        (_in_thing({"type": "string", "enum": [4.1, 4, True, "3_lite"]}), "Its values are texts, as its type says."),
        (_in_thing({"type": "number", "enum": [0.5, 1]}), "Any value of its type fits."),
        (_in_thing({"enum": [1, "a", None]}), "Any value of its type fits."),
        (_as_json_and_parts, "Left out: this media type; the form holds the same, and the bytes."),
        (lambda spec: spec.update(externalDocs={"url": "/", "description": None}), "Left out: the externalDocs."),
        (_beside_a_reference, "Left out: what stands beside the $ref."),
        (
            _in_operation(parameters=[{"name": "a", "in": "header", "schema": {"type": "array", "items": {}}}]),
            "It is a t",
        ),
    ],
)
def test_what_costs_nothing_is_mended_by_default(change: Callable[[dict[str, Any]], object], advice: str) -> None:
    spec = minimal() | {"openapi": "3.1.0"}
    change(spec)
    _, findings = mended_without_loss(Document(Path("spec.json"), b"", spec))
    assert _errors(findings) == []
    assert any(each.advice.startswith(advice) for each in findings)
