"""Where the schemas of a document stand. What they mean to openapi-python-client is for `rewrite` and `lint` to say."""

import re
from collections.abc import Iterable, Iterator
from email.message import Message
from typing import Any, Final

from openapi_python_client.strings import ClassName

from generator.spec.naming import FIELD_PREFIX

UNIONS: Final = ("anyOf", "oneOf")
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


def reached(data: dict[str, Any], nodes: Iterable[Any], kind: str = "object") -> Iterator[dict[str, Any]]:
    """Yield the schemas in some parts of a document, and of the components that they refer to."""
    components = (data.get("components") or {}).get("schemas") or {}
    seen = set[str]()
    waiting = [(node, kind) for node in nodes]
    while waiting:
        for _, schema in schemas(*waiting.pop()):
            if not isinstance(schema, dict):
                continue
            yield schema
            name = referred_name(schema.get("$ref"))
            if name is not None and name not in seen:
                seen.add(name)
                waiting.append((components.get(name), "schema"))


def plain_booleans(data: dict[str, Any]) -> None:
    """Write `true` as the empty schema, which says the same, and which everybody reads."""
    places = [pointer for pointer, schema in schemas(data) if schema is True]
    for *owner, key in places:
        node: Any = data
        for step in owner:
            node = node[int(step)] if isinstance(node, list) else node[step]
        node[int(key) if isinstance(node, list) else key] = {}


def upper_ranges(data: dict[str, Any]) -> None:
    """Write `4xx` as `4XX`, as the specification does."""
    paths = data.get("paths")
    for item in paths.values() if isinstance(paths, dict) else ():
        for node in item.values() if isinstance(item, dict) else ():
            if isinstance(node, dict) and isinstance(answers := node.get("responses"), dict):
                node["responses"] = {
                    key.upper() if re.fullmatch("[1-5]xx", key) else key: each for key, each in answers.items()
                }


_BYTES: Final = ("image/", "audio/", "video/", "font/")
_FILES: Final = frozenset(
    f"application/{each}"
    for each in (
        *("epub+zip", "gzip", "msword", "octet-stream", "pdf", "pkcs12", "vnd.apple.pkpass", "vnd.ms-excel"),
        *("vnd.ms-powerpoint", "wasm", "x-7z-compressed", "x-bzip2", "x-gzip", "x-tar", "x-zip-compressed", "zip"),
        *("x-pkcs12", "zstd"),
    )
)
_OFFICE: Final = ("application/vnd.openxmlformats-", "application/vnd.oasis.opendocument.")
CHARSET: Final = ";charset=utf-8"
_TEXTS: Final = frozenset(
    f"application/{each}"
    for each in (
        *("ecmascript", "javascript", "jwt", "pem-certificate-chain", "sdp", "sql"),
        *("trickle-ice-sdpfrag", "x-javascript", "x-pem-file", "x-sh"),
    )
)

_UNNAMED: Final = frozenset({"", "*/*"})  # as Litestar and springdoc call the media type of a file


def is_bytes(kind: str) -> bool:
    """Say whether bodies of this media type are bytes, whatever they stand for."""
    return kind.startswith((*_BYTES, *_OFFICE)) or kind in _FILES


def kind_of(media_type: str) -> str:
    """Return the media type without its parameters, as upstream reads it."""
    message = Message()
    message.add_header("Content-Type", media_type)
    kind = message.get_content_type()
    return kind if media_type.startswith(kind) else ""


def is_text(kind: str) -> bool:
    """Say whether bodies of this media type are texts; a stream of events is one, too."""
    return kind.startswith("text/") or kind in _TEXTS


def sent_as(media_type: str) -> str:
    """Return the Content-Type that a text is sent with, which no answer is called by."""
    return f"{kind_of(media_type)}{CHARSET}"


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


def referred_name(reference: object) -> str | None:
    """Return the name of the component's schema that a `$ref` leads to, None if it leads elsewhere."""
    if not isinstance(reference, str) or not reference.startswith("#/components/schemas/"):
        return None
    name = reference.removeprefix("#/components/schemas/")
    return None if "/" in name else name.replace("~1", "/").replace("~0", "~")


def named_by_components(data: dict[str, Any]) -> None:
    """Take the titles of components, in place, by which upstream would name their classes; a title of words describes.

    FastAPI titles `Article-Input` and `Article-Output` alike, and a title is the first thing that an author edits.
    """
    components = data.get("components")
    schemas = components.get("schemas") if isinstance(components, dict) else None
    for name, schema in schemas.items() if isinstance(schemas, dict) else ():
        title = schema.pop("title", None) if isinstance(schema, dict) else None
        if isinstance(title, str) and not schema.get("description") and " " in title.strip() and title != name:
            schema["description"] = title


def class_of(name: str, schema: dict[str, Any]) -> str:
    """Return the name of the class that upstream makes of a component's schema."""
    return ClassName(str(schema.get("title") or name), FIELD_PREFIX)


def is_object(schema: dict[str, Any]) -> bool:
    """Say whether upstream generates a schema as a class with attributes."""
    kind = schema.get("type")
    return kind == "object" or (kind is None and bool(schema.get("properties") or schema.get("allOf")))


def is_union(schema: dict[str, Any]) -> bool:
    """Say whether upstream reads a schema as one of several."""
    return bool(schema.get("anyOf") or schema.get("oneOf")) or isinstance(schema.get("type"), list)
