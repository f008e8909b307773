"""Examples that a spec gives for its responses, or, where it gives none, the simplest value of each schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch"})
_DEEPEST: Final = 12  # schemas may hold themselves
_STRINGS: Final = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "email": "ada@example.com",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000001",
}
_VALUES: Final[Mapping[Any, Any]] = {"integer": 1, "number": 1.5, "boolean": True, "null": None}


class Example(NamedTuple):
    """One operation's success, by its example."""

    name: str
    method: str
    path: str
    status: int
    json: Any
    signed_in: bool


def examples(spec: Mapping[str, Any]) -> Iterator[Example]:
    """Yield every operation of a spec; `json` is None for a success without a JSON body."""
    for path, item in spec["paths"].items():
        for method in _METHODS & item.keys():
            operation = item[method]
            # A code is a number, a text or a range, as 2XX.
            codes = {str(code).upper().replace("XX", "00"): one for code, one in operation["responses"].items()}
            status = min((code for code in codes if code.startswith("2")), default="200")
            response = _at(codes.get(status, {}), spec)
            media: Mapping[str, Any] = next(
                (one for kind, one in response.get("content", {}).items() if "json" in kind), {}
            )
            name = operation.get("operationId", f"{method.upper()} {path}")
            signed_in = bool(operation.get("security", spec.get("security")))
            yield Example(name, method.upper(), path, int(status), _of_media(media, spec), signed_in)


def _of_media(media: Mapping[str, Any], spec: Mapping[str, Any]) -> Any:
    if "example" in media:
        return media["example"]
    for example in media.get("examples", {}).values():
        return _at(example, spec).get("value")
    return _of_schema(media.get("schema", {"const": None}), spec, _DEEPEST)


def _of_schema(schema: Any, spec: Mapping[str, Any], depth: int) -> Any:
    schema = _at(schema if isinstance(schema, dict) else {}, spec)
    for name in ("example", "default", "const"):
        if name in schema:
            return schema[name]
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    parts = [_of_schema(part, spec, depth - 1) for part in schema.get("allOf", ()) if depth]
    for name in ("oneOf", "anyOf"):
        if schema.get(name) and depth:
            return _of_schema(schema[name][0], spec, depth - 1)
    kinds = schema.get("type", "object" if "properties" in schema or parts else "null")
    kind = next((one for one in kinds if one != "null"), "null") if isinstance(kinds, list) else kinds
    if kind == "object":
        properties = schema.get("properties", {}) if depth else {}
        own = {n: _of_schema(one, spec, depth - 1) for n, one in properties.items() if not one.get("writeOnly")}
        return {name: value for part in (*parts, own) if isinstance(part, dict) for name, value in part.items()}
    if kind == "array":
        return [_of_schema(schema.get("items", {}), spec, depth - 1)] if depth else []
    return _STRINGS.get(schema.get("format"), "text") if kind == "string" else _VALUES.get(kind)


def _at(node: Mapping[str, Any], spec: Mapping[str, Any]) -> Any:
    """Return what a local reference leads to."""
    while "$ref" in node:
        target: Any = spec
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node
