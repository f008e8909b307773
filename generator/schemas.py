"""Where the schemas of a document stand. What they mean to the printer is for `printable` and `lint` to say."""

from collections.abc import Iterator
from typing import Any, Final

_Pointer = tuple[str, ...]

# Below which keywords stands a schema, below which several, below which things that the spec gives names.
_SCHEMA: Final = ("schema", "items", "additionalProperties", "not")
_SCHEMAS: Final = (
    *("properties", "patternProperties", "schemas", "$defs", "definitions"),
    *("allOf", "anyOf", "oneOf", "prefixItems"),
)
_NAMES: Final = (
    *("callbacks", "content", "encoding", "headers", "links", "mapping", "parameters", "paths", "requestBodies"),
    *("responses", "securitySchemes", "variables"),
)
_VALUES: Final = ("const", "default", "enum", "example", "examples", "webhooks")
_KINDS: Final = {
    **dict.fromkeys(_SCHEMA, "schema"),
    **dict.fromkeys(_SCHEMAS, "schemas"),
    **dict.fromkeys(_NAMES, "names"),
}


def schemas(node: Any, kind: str = "object") -> Iterator[tuple[_Pointer, Any]]:
    """Yield every schema with its pointer, each before those inside it; in 3.1 some are `true` or `false`.

    `kind` is "schema" if the node is one itself, and not a document or another part of one.
    """
    waiting: list[tuple[_Pointer, Any, str]] = [((), node, kind)]
    while waiting:
        pointer, node, kind = waiting.pop()
        if kind == "schema":
            yield pointer, node
        if isinstance(node, dict):
            waiting.extend(_inside(pointer, node, kind))
        elif isinstance(node, list):
            inner = "schema" if kind == "schemas" else "object"
            waiting.extend(((*pointer, str(index)), each, inner) for index, each in enumerate(node))


def _inside(pointer: _Pointer, node: dict[str, Any], kind: str) -> Iterator[tuple[_Pointer, Any, str]]:
    if kind in {"schemas", "names"}:
        inner = "schema" if kind == "schemas" else "object"
        yield from (((*pointer, name), value, inner) for name, value in node.items())
        return
    for key, value in node.items():
        # `additionalProperties: true` is no schema to anybody, a response's `default` no value.
        is_value = not isinstance(value, dict | list) and value is not True and value is not False
        if (
            is_value
            or key in _VALUES
            or key.startswith("x-")
            or (key == "additionalProperties" and value is bool(value))
        ):
            continue
        yield (*pointer, key), value, _KINDS.get(key, "object")


def plain_booleans(data: dict[str, Any]) -> None:
    """Write `true` as the empty schema, which says the same, and which everybody reads."""
    places = [pointer for pointer, schema in schemas(data) if schema is True]
    for *owner, key in places:
        node: Any = data
        for step in owner:
            node = node[int(step)] if isinstance(node, list) else node[step]
        node[int(key) if isinstance(node, list) else key] = {}
