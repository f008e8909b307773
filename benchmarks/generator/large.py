"""Specs of any size, in the shape of ours: resources with models of their own, parameters, bodies, typed errors."""

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_OPERATIONS_PER_TAG: Final = 5


def large(count: int) -> dict[str, Any]:
    """Return a spec of `count` operations, five to a tag, and one model for each operation."""
    numbers = range(count)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{count} operations", "version": "1"},
        "servers": [{"url": "https://large.example"}],
        "paths": {f"/things{number}/{{thingId}}": {"put": _operation(number)} for number in numbers},
        "components": {
            "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": _object({"message": _TEXT}), **{f"Thing{number}": _thing() for number in numbers}},
        },
    }


def _operation(number: int) -> dict[str, Any]:
    thing = f"Thing{number}"
    return {
        "operationId": f"putThing{number}",
        "tags": [f"group{number // _OPERATIONS_PER_TAG}"],
        "summary": f"Replace thing {number}.",
        "security": [{"bearerAuth": []}],
        "parameters": [
            {"name": "thingId", "in": "path", "required": True, "schema": _TEXT},
            {"name": "limit", "in": "query", "schema": {"type": "integer"}},
        ],
        "requestBody": {"required": True, "content": _json(thing)},
        "responses": {
            "200": {"description": "The thing.", "content": _json(thing)},
            "404": {"description": "There is none.", "content": _json("Problem")},
        },
    }


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _thing() -> dict[str, Any]:
    created = {"type": "string", "format": "date-time"}
    state = {"type": "string", "enum": ["new", "used", "gone"]}
    return _object({"label": _TEXT, "count": {"type": "integer"}, "created": created, "state": state})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties)[:1], "properties": properties}
