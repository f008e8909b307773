"""What may be wrong with one operation of a spec: each fault alone is a finding of the linter."""

from collections.abc import Callable
from typing import Any, Final

Operation = dict[str, Any]
_TEXT: Final = {"type": "string"}
_CONTENT: Final = {"name": "filter", "in": "query", "content": {"application/json": {"schema": _TEXT}}}


def sound() -> Operation:
    """Return an operation without faults that has everything which a fault may stand in."""
    answer = {"description": "Fine.", "content": {"application/json": {"schema": _TEXT}}}
    body = {"type": "object", "properties": {"name": {"type": "string"}}}
    return {
        "operationId": "send",
        "tags": ["things"],
        "parameters": [{"name": "page", "in": "query", "schema": dict(_TEXT)}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": answer, "400": {**answer, "description": "No."}},
    }


def _parameter(name: str, where: str = "query", **more: Any) -> Callable[[Operation], None]:
    added = {"name": name, "in": where, "schema": _TEXT, **more}
    return lambda one: one["parameters"].insert(0, added)


def _answer(status: str, media_type: str) -> Callable[[Operation], None]:
    node = {"description": "Other.", "content": {media_type: {"schema": _TEXT}}}
    return lambda one: one["responses"].update({status: node})


def _body(media_type: str, schema: Any) -> Callable[[Operation], None]:
    return lambda one: one["requestBody"].update(content={media_type: {"schema": schema}})


def _properties(**properties: Any) -> Callable[[Operation], None]:
    def add(one: Operation) -> None:
        schema = {"type": "object", "properties": properties}
        for media in one["requestBody"]["content"].values():
            media["schema"] = schema

    return add


FAULTS: Final[dict[str, Callable[[Operation], object]]] = {
    "no operationId": lambda one: one.pop("operationId", None),
    "an operationId of another": lambda one: one.update(operationId="listThings"),
    "an operationId without letters": lambda one: one.update(operationId="+"),
    "an operationId of full width": lambda one: one.update(operationId="\uff53end"),
    "no tag": lambda one: one.pop("tags", None),
    "a tag of the client": lambda one: one.update(tags=["session"]),
    "a tag that is written in another way": lambda one: one.update(tags=["Things"]),
    "a parameter without a schema": lambda one: one["parameters"].insert(0, _CONTENT),
    "a required parameter of the name of the body": _parameter("body", required=True),
    "a list in a header": _parameter("X-List", "header", schema={"type": "array", "items": _TEXT}),
    "a parameter without letters": _parameter("+"),
    "an answer that cannot be read": _answer("200", "application/xml"),
    "a refusal that cannot be read": _answer("400", "application/xml"),
    "a body that cannot be sent": _body("application/xml", _TEXT),
    "a body without a schema": lambda one: one["requestBody"].update(content={"application/json": {}}),
    "bytes in JSON": _body("application/json", {"type": "string", "format": "binary"}),
    "a text that is sent as bytes": _body("application/octet-stream", _TEXT),
    "an answer 204 with a body": _answer("204", "application/json"),
    "fields that meet": _properties(**{"a-b": _TEXT, "a b": _TEXT}),
    "a description that turns the text": lambda one: one.update(description="a\u202eb"),
    "a number that is none": _properties(ratio={"type": "number", "maximum": float("inf")}),
    "a reference to nowhere": _body("application/json", {"$ref": "#/components/schemas/Nowhere"}),
}
