"""Where the schemas of a document stand. What they mean to openapi-python-client is for `rewrite` and `lint` to say."""

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


_BYTES: Final = ("image/", "audio/", "video/", "font/")
_ARCHIVES: Final = frozenset(f"application/{each}" for each in ("octet-stream", "gzip", "pdf", "x-tar", "zip"))

_UNNAMED: Final = frozenset({"", "*/*"})  # as Litestar and springdoc call the media type of a file


def is_bytes(kind: str) -> bool:
    """Say whether bodies of this media type are bytes, whatever they stand for."""
    return kind.startswith(_BYTES) or kind in _ARCHIVES


def binary_contents(data: dict[str, Any]) -> None:
    """Write `format: binary` where 3.1 says `contentMediaType`, or nothing, of a file and of a body of bytes."""
    waiting: list[Any] = [data.get("paths"), (data.get("components") or {})]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict) and isinstance(node.get("content"), dict):
            content = node["content"]
            for kind in _UNNAMED & content.keys():
                if _is_any_text(content[kind]):
                    content["application/octet-stream"] = content.pop(kind)
            for kind, media in content.items():
                if isinstance(media, dict) and is_bytes(kind.partition(";")[0].strip().lower()):
                    if _is_any_text(media):
                        media["schema"] = {"type": "string", "format": "binary"}
                    _mark_files(data, media["schema"], is_form=False)
                elif isinstance(media, dict) and kind.startswith("multipart/"):
                    _mark_files(data, media.get("schema"), is_form=True)
        if isinstance(node, dict | list):
            waiting.extend(node.values() if isinstance(node, dict) else node)


def _is_any_text(media: Any) -> bool:
    schema = media.get("schema", {}) if isinstance(media, dict) else None
    return isinstance(schema, dict) and (not schema or (schema.get("type") == "string" and "enum" not in schema))


def _mark_files(data: dict[str, Any], schema: Any, *, is_form: bool, depth: int = 10) -> None:
    if not isinstance(schema, dict) or not depth:
        return
    reference = str(schema.get("$ref"))
    if reference.startswith("#/components/schemas/"):
        target = data["components"].get("schemas", {}).get(reference.rpartition("/")[2])
        _mark_files(data, target, is_form=is_form, depth=depth - 1)
    for key in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(key) or []:
            _mark_files(data, each, is_form=is_form, depth=depth - 1)
    properties = schema.get("properties")
    for each in properties.values() if is_form and isinstance(properties, dict) else [schema.get("items")]:
        _mark_files(data, each, is_form=False, depth=depth - 1)
    if not is_form and "contentMediaType" in schema and "contentEncoding" not in schema:
        schema |= {"type": schema.get("type", "string"), "format": "binary"}
