"""A recorded request and its answer held against specs of every shape: what is as they say, and what is not."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from generator.recordings.exchange import Exchange, Message, problems
from generator.spec.document import Document
from tests.generator.specs import minimal

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
PARTS: Final = "multipart/form-data"
_NUMBER: Final = {"type": "integer"}
_TEXT: Final = {"type": "string"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _document(**operation: Any) -> Document:
    spec = minimal()
    spec["paths"] = {"/things/{id}": {"post": operation}}
    spec["components"]["securitySchemes"] = {"key": {"type": "apiKey", "in": "query", "name": "key"}}
    return Document(Path("spec.json"), b"", spec)


def _query(name: str, schema: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", "schema": schema, **more}]


def _content(schema: Any, media_type: str) -> dict[str, Any]:
    return {"description": "It.", "content": {media_type: {"schema": schema}}}


def _told(
    document: Document, *, query: str = "", sent: Message | None = None, answer: Message | None = None
) -> list[str]:
    nothing = Message({}, "")
    url = f"https://minimal.example/things/1{query}"
    found = problems(document, Exchange("POST", url, sent or nothing, 200, answer or nothing))
    return [line.partition(": ")[2] for line in found]


QUERIES: Final[list[tuple[list[dict[str, Any]], str, list[str]]]] = [
    (_query("page", _NUMBER, required=True), "", ["query parameter page is missing"]),
    (_query("page", _NUMBER), "", []),
    (_query("page", _NUMBER), "?page=2&key=k", []),
    (_query("page", _NUMBER), "?page=two", ["query page: / violates type of the schema"]),
    (_query("page", _TEXT), "?page=2", []),
    (_query("page", {"type": "boolean"}), "?page=true", []),
    (_query("page", {"type": "string", "enum": ["a"]}), "?page=b", ["query page: / violates enum of the schema"]),
    (_query("ids", {"type": "array", "items": _NUMBER}), "?ids=1", []),
    (_query("ids", {"type": "array", "items": _NUMBER}), "?ids=1&ids=2", []),
    (_query("ids", {"type": "array", "items": _NUMBER}, explode=False), "?ids=1,2", []),
    (_query("ids", {"type": "array", "items": _NUMBER}), "?ids=a&ids=2", ["query ids: /0 violates type of the schema"]),
    (_query("where", {"type": "object"}, style="deepObject"), "?where[a]=1", []),
    ([], "?gone=1", ["query parameter 'gone' is not documented"]),
]


@pytest.mark.parametrize(("parameters", "query", "told"), QUERIES)
def test_a_query_is_held_against_the_parameters(parameters: list[Any], query: str, told: list[str]) -> None:
    document = _document(parameters=parameters, responses={"200": {"description": "It."}})
    assert _told(document, query=query) == told


BODIES: Final[list[tuple[str, Any, Message, list[str]]]] = [
    (JSON, _object(a=_NUMBER), Message({"content-type": "application/JSON; charset=utf-8"}, '{"a": 1}'), []),
    (JSON, _object(a=_NUMBER), Message({"content-type": "text/plain"}, '{"a": 1}'), ["content type 'text/plain'"]),
    ("text/plain", _TEXT, Message({"content-type": JSON}, '{"a": 1}'), ["content type 'application/json'"]),
    ("text/*", _TEXT, Message({"content-type": "text/markdown"}, "a"), []),
    ("*/*", _TEXT, Message({"content-type": JSON}, "1"), ["/ violates type of the schema"]),
    (
        "application/problem+json",
        _object(a=_NUMBER),
        Message({"content-type": "application/problem+json"}, '{"a": 1}'),
        [],
    ),
    (
        "application/problem+json",
        _object(a=_NUMBER),
        Message({"content-type": "application/problem+json"}, '{"a": "1"}'),
        ["/a violates type of the schema"],
    ),
    (FORM, _object(a=_NUMBER), Message({"content-type": FORM}, "a=1&other=2"), []),
    (FORM, _object(a=_NUMBER), Message({"content-type": FORM}, "other=2"), ["field a is missing"]),
    (FORM, _object(a=_NUMBER), Message({"content-type": FORM}, "a=one"), ["field a: / violates type of the schema"]),
    (FORM, {"allOf": [_object(a=_TEXT)]}, Message({"content-type": FORM}, ""), ["field a is missing"]),
    (
        PARTS,
        _object(a=_TEXT),
        Message({"content-type": PARTS}, '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1'),
        [],
    ),
    (PARTS, _object(a=_TEXT), Message({"content-type": PARTS}, "--x--"), ["field a is missing"]),
]


@pytest.mark.parametrize(("media_type", "schema", "message", "told"), BODIES)
def test_a_body_is_held_against_what_is_said_of_its_media_type(
    media_type: str, schema: Any, message: Message, told: list[str]
) -> None:
    content = _content(schema, media_type)
    nothing = {"200": {"description": "It."}}
    assert _told(_document(requestBody={"required": True, **content}, responses=nothing), sent=message) == told
    assert _told(_document(responses={"200": content}), answer=message) == told


@pytest.mark.parametrize(
    ("version", "schema"), [("3.0.3", {**_TEXT, "nullable": True}), ("3.1.0", {"type": ["string", "null"]})]
)
def test_null_is_read_as_the_version_of_the_spec_writes_it(version: str, schema: Any) -> None:
    document = _document(responses={"200": _content(_object(a=schema), JSON)})
    document.data["openapi"] = version
    for value, told in ((None, []), ("a", []), (1, ["/a violates type of the schema"])):
        assert _told(document, answer=Message({"content-type": JSON}, json.dumps({"a": value}))) == told


@pytest.mark.parametrize("is_first", [True, False])
def test_a_path_without_braces_is_judged_before_one_with_braces(*, is_first: bool) -> None:
    spec = minimal()
    both = {"/u/{id}/a": _content(_object(a=_NUMBER), JSON), "/u/me/{part}": _content(_object(b=_TEXT), JSON)}
    paths = {path: {"get": {"operationId": path, "responses": {"200": answer}}} for path, answer in both.items()}
    spec["paths"] = paths if is_first else dict(reversed(paths.items()))
    answer = Message({"content-type": JSON}, '{"b": "x"}')
    one = Exchange("GET", "https://minimal.example/u/me/a", Message({}, ""), 200, answer)
    assert list(problems(Document(Path("spec.json"), b"", spec), one)) == []
