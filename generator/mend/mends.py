"""The least that helps against each rule of the linter: what loses its type, what is left out.

Each mend changes the data at the place of a finding and says what was done, or returns None where it cannot help; then
`leave_out` takes away what stands around. What gets another name does so in `renames`.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, Final

from generator.lint.losses import is_form
from generator.lint.validity import is_example
from generator.mend import renames
from generator.mend.places import at, operations, parameters_at, place, written_out
from generator.spec.document import Pointer, pointer_of
from generator.spec.operations import METHODS
from generator.spec.schemas import is_bytes, kind_of, reached, schemas

_TEXTS: Final = frozenset({"description", "summary", "title", "example"})
# Of a schema of OpenAPI 3.0; it forbids all others.
_KEYWORDS: Final = frozenset(
    {"$ref", "additionalProperties", "allOf", "anyOf", "default", "deprecated", "description"}
    | {"discriminator", "enum", "example", "exclusiveMaximum", "exclusiveMinimum", "externalDocs", "format"}
    | {"items", "maximum", "maxItems", "maxLength", "maxProperties", "minimum", "minItems", "minLength"}
    | {"minProperties", "multipleOf", "not", "nullable", "oneOf", "pattern", "properties", "readOnly"}
    | {"required", "title", "type", "uniqueItems", "writeOnly", "xml"}
)


# They only restrict what a value may be, and nothing is generated of them.
_RESTRICTIONS: Final = frozenset(
    {"exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maxProperties", "maximum", "minItems"}
    | {"minLength", "minProperties", "minimum", "multipleOf", "pattern", "uniqueItems"}
)
_NEVER_GENERATED: Final = _RESTRICTIONS | {"default"}
_JSON_TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "string"}


def leave_out(data: dict[str, Any], pointer: Pointer) -> str | None:
    """Take away what stands around a place: an operation, a path, the type of a schema. Say what it was."""
    match pointer:
        case ("paths", path, method, *_) if method in METHODS:
            if data["paths"].get(path, {}).pop(method, None) is None:
                return "Gone with something else."
            return f"Left out: {method.upper()} {path}."
        case ("paths", path, *_):
            data["paths"].pop(path, None)
            return f"Left out: every operation of {path}."
        case ("components", "schemas", name, *_):
            untyped(data, name)
            return f"Left untyped: {name}."
        case ("components", kind, name, *_):
            data["components"].get(kind, {}).pop(name, None)
            return f"Left out: {name}."
    return None


def untyped(data: dict[str, Any], name: str) -> None:
    """Let a schema accept any value: it is read and written as plain JSON."""
    data["components"]["schemas"][name] = {}


def untyped_answer(data: dict[str, Any], pointer: Pointer) -> str:
    """Let a refusal have any body."""
    written_out(data, pointer).pop("content", None)
    return "The error's `body` is untyped."


def _root_security(data: dict[str, Any], _: Pointer) -> str:
    security = data.pop("security")
    for _path, _method, node in operations(data):
        node.setdefault("security", security)
    return "Written on each operation that has none."


def _without_key(data: dict[str, Any], pointer: Pointer) -> str | None:
    owner, key = at(data, pointer[:-1]), pointer[-1]
    if isinstance(owner.get(key), float):
        del owner[key]
        return f"Left out: the {key}."
    if key in _TEXTS and isinstance(owner.get(key), str):
        owner[key] = "".join(filter(_is_plain, owner[key]))
        return f"Left out: these characters of the {key}."
    return None


def _is_plain(letter: str) -> bool:
    return letter in "\t\n" or unicodedata.category(letter) not in {"Cc", "Cf"}


def _media_type(data: dict[str, Any], pointer: Pointer) -> str | None:
    match pointer:
        case (*owner, "requestBody", "content", name):
            body = written_out(data, (*owner, "requestBody"))
            body["content"] = content = {kind: media for kind, media in body["content"].items() if kind != name}
            return "Left out: this media type." if content else None
        case (*_, status) if not status.startswith("2") and status != "default":
            return untyped_answer(data, pointer)
    return None


def _without_content(data: dict[str, Any], pointer: Pointer) -> str:
    written_out(data, pointer).pop("content", None)
    return "Left out: its content."


def _text_or_bytes(data: dict[str, Any], pointer: Pointer) -> str:
    owner, key = at(data, pointer[:-1]), pointer[-1]
    if key == "schema" and is_bytes(kind_of(pointer[-2])):
        owner[key] = {"type": "string", "format": "binary"}
        return "It is bytes."
    at(data, pointer).pop("format", None)
    return "It is a text, wherever this schema stands."


def _text_in_json(data: dict[str, Any], pointer: Pointer) -> str | None:
    """JSON and parameters hold bytes as texts. A form that has the same schema sends the bytes, instead of JSON."""
    schema = at(data, pointer)

    def holds(*content: Any) -> bool:
        return any(schema is each for each in reached(data, content, "names"))

    forms = [node for node in _contents(data) if holds({kind: node[kind] for kind in node if _is_parts(kind)})]
    if not forms:
        return _text_or_bytes(data, pointer)
    others = [(node, kind) for node in forms for kind in node if not _is_parts(kind) and holds({kind: node[kind]})]
    for node, kind in others:
        del node[kind]
    return "Left out: this media type; the form holds the same, and the bytes." if others else None


def _is_parts(kind: str) -> bool:
    return kind.startswith("multipart/")


def _contents(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    bodies = [node.get("requestBody") or {} for *_, node in operations(data)]
    bodies += ((data.get("components") or {}).get("requestBodies") or {}).values()
    return (each["content"] for each in bodies if isinstance(each.get("content"), dict))


def _as_text(data: dict[str, Any], pointer: Pointer) -> str | None:
    """Let the user write what no place can hold; only in a path the escapes would change it."""
    parameters, index = at(data, pointer[:-1]), int(pointer[-1])
    node = parameters[index]
    while "$ref" in node:
        node = at(data, pointer_of(node["$ref"]))
    if node.get("in") == "path" and node.get("style", "simple") != "simple":
        return None
    dropped = {"content", "style", "explode", "allowReserved", "example", "examples"}
    parameters[index] = {**{key: node[key] for key in node.keys() - dropped}, "schema": {"type": "string"}}
    return "It is a text, written as the server reads it."


def _without_forms(data: dict[str, Any], pointer: Pointer) -> str | None:
    body = written_out(data, pointer)
    content = {name: media for name, media in body["content"].items() if not is_form(name)}
    if not content:
        return None
    body["content"] = content
    return "Left out: the form; it takes another media type, too."


def _without_extension(data: dict[str, Any], pointer: Pointer) -> str | None:
    """A vendor's extension, or a text, refers to whatever the vendor likes; nothing is generated of it."""
    for index, step in enumerate(pointer):
        if pointer[index - 1] in {"properties", "schemas", "headers", "responses", "parameters"}:
            continue
        if step.startswith("x-"):
            at(data, pointer[:index]).pop(step)
            return f"Left out: {step}."
        if step in _TEXTS - {"example"}:
            at(data, pointer[:index])[step] = ""
            return f"Left out: the {step}."
    return None


def _any_value(data: dict[str, Any], pointer: Pointer) -> str:
    owner, key = at(data, pointer[:-1]), pointer[-1]
    owner[int(key) if isinstance(owner, list) else key] = {}
    return f"Left untyped: {'/'.join(pointer[-2:])}."


def _other_enum(data: dict[str, Any], pointer: Pointer) -> str:
    """Write the values of an enum as its type says; where they have no common type, any value of theirs fits."""
    schema = at(data, pointer[:-1])
    values = schema.pop("enum")
    type_ = schema.get("type")
    if set([type_] if isinstance(type_, str) else type_ or ["any"]) <= {"string", "null"}:
        texts = [each if each is None or isinstance(each, str) else json.dumps(each) for each in values]
        schema["enum"] = list(dict.fromkeys(texts))
        return "Its values are texts, as its type says."
    if type_ is None and "anyOf" not in schema and all(type(each) in _JSON_TYPES or each is None for each in values):
        kinds = dict.fromkeys(_JSON_TYPES.get(type(each), "null") for each in values)
        nullable = str(data.get("openapi")).startswith("3.0") and kinds.pop("null", "") is None
        schema |= {"anyOf": [{"type": each} for each in kinds]} | ({"nullable": True} if nullable else {})
    return "Any value of its type fits."


def _valid(data: dict[str, Any], pointer: Pointer) -> str | None:
    """Take away the one keyword that is wrong, or what the document has to say about itself."""
    if pointer == ("info",) and isinstance(data["info"], dict):
        data["info"] = {"title": "No title", "version": "0", **data["info"]}
        return "It has no title, or no version."
    is_inside = "schema" in pointer[:-1] or (pointer[:2] == ("components", "schemas") and len(pointer) > 3)
    if not is_inside or len(place(data, pointer)) <= len(pointer):
        return None
    owner, key = at(data, pointer[:-1]), pointer[-1]
    if isinstance(owner, list) or pointer[-2] == "properties":
        return _any_value(data, pointer)
    if key == "required" and isinstance(owner[key], list):
        owner[key] = list(dict.fromkeys(map(str, owner[key])))
        return "Each name counts once."
    del owner[key]
    return f"Left out: the {key}."


def _sound(data: dict[str, Any], pointer: Pointer) -> str | None:
    """Cure what is invalid and means nothing: unknown keywords of 3.0, a scheme, a parameter of a path."""
    nodes = place(data, pointer)
    if len(nodes) > len(pointer) and isinstance(node := nodes[-1], dict) and "$ref" in node and len(node) > 1:
        for key in node.keys() - {"$ref"}:
            del node[key]
        return "Left out: what stands beside the $ref."
    match pointer:
        case ("components", "securitySchemes", name, *_):
            scheme = data["components"]["securitySchemes"][name]
            ours = {key: each for key, each in scheme.items() if key.startswith("x-")}
            data["components"]["securitySchemes"][name] = {"type": "http", "scheme": "bearer", **ours}
            return "It is a bearer token."
        case ("paths", path, method) if method in METHODS:
            node = data["paths"][path][method]
            there = {str(each.get("name")) for each in parameters_at(data, path, method)}
            missing = [name for name in re.findall(r"{([\w-]+)}", path) if name not in there]
            texts = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in missing]
            node["parameters"] = [*(node.get("parameters") or []), *texts]
            return f"Added: the path parameter {', '.join(missing)}." if missing else None
        case (*owner, "properties", name, "required") if place(data, pointer)[-1] is True:
            del at(data, pointer[:-1])["required"]
            at(data, tuple(owner)).setdefault("required", []).append(name)
            return f"Written as {name!a} among the `required` of the object."
        case (*_, "required") if isinstance(place(data, pointer)[-1], list):
            return _valid(data, pointer)
        case (*_, key) if _is_keyword(pointer) and (key in _NEVER_GENERATED or key[:1] == "$"):
            return _valid(data, pointer)
        case (*owner, "externalDocs", _) if isinstance(at(data, tuple(owner)), dict):
            del at(data, tuple(owner))["externalDocs"]
            return "Left out: the externalDocs."
    return _without_unknown_keywords(data, pointer)


def _is_keyword(pointer: Pointer) -> bool:
    return pointer[-2:-1] != ("properties",) and not is_example(pointer[:-1])


def _without_unknown_keywords(data: dict[str, Any], pointer: Pointer) -> str | None:
    nodes = place(data, pointer)
    is_value = not isinstance(nodes[-1], dict) or is_example((*pointer, ""))
    if not pointer or len(nodes) <= len(pointer) or is_value or not str(data.get("openapi")).startswith("3.0"):
        return None
    dropped = set[str]()
    around = {"allOf", "anyOf", "oneOf", "properties", "schemas"}
    is_schema = pointer[-1] in {"schema", "items"} or not around.isdisjoint(pointer[-2:-1])
    for _, schema in list(schemas(nodes[-1], "schema" if is_schema else "object")):
        for key in [key for key in schema if not key.startswith("x-") and key not in _KEYWORDS]:
            dropped.add(key)
            del schema[key]
        if not isinstance(schema.get("required", []), list):
            dropped.add("required")
            del schema["required"]
    return f"Left out: {', '.join(sorted(dropped))}." if dropped else None


def _sound_or_valid(data: dict[str, Any], pointer: Pointer) -> str | None:
    return _sound(data, pointer) or _valid(data, pointer)


def _as_text_or_none(data: dict[str, Any], pointer: Pointer) -> str | None:
    return _as_text(data, pointer) or renames.without_parameter(data, pointer)


_Mend = Callable[[dict[str, Any], Pointer], str | None]
MENDS: Final[dict[str, _Mend]] = {
    "invalid": _sound_or_valid,
    "reference": _without_extension,
    "binary": _text_or_bytes,
    "body-impossible": _without_content,
    "form": _without_forms,
    "encoding": _without_forms,
    "root-security": _root_security,
    "operation-id-missing": renames.identified,
    "operation-id-duplicate": renames.identified,
    "name-unstable": renames.named,
    "name-empty": renames.named,
    "tag-missing": renames.tagged,
    "tag-reserved": renames.other_tag,
    "name-collision": renames.named,
    "name-reserved": renames.named,
    "parameter": _as_text_or_none,
    "characters": _without_key,
    "composition": _any_value,
    "enum": _other_enum,
    "schema-false": _any_value,
    "number": _without_key,
    "media-type": _media_type,
    "schema-missing": _media_type,
}


def _only_texts(data: dict[str, Any], pointer: Pointer) -> str | None:
    return _without_key(data, pointer) if pointer[-1] in _TEXTS else None


def _still_named(data: dict[str, Any], pointer: Pointer) -> str | None:
    match pointer:
        case (*_, "parameters", _):
            return None
    return renames.named(data, pointer)


# What a mend cures without any loss: it is done by default, and reported as a warning.
HARMLESS: Final[dict[str, _Mend]] = {
    **{name: MENDS[name] for name in ("reference", "body-impossible", "form", "encoding", "root-security")},
    **{name: MENDS[name] for name in ("operation-id-missing", "operation-id-duplicate", "tag-missing", "tag-reserved")},
    **dict.fromkeys(("name-unstable", "name-empty", "name-collision", "name-reserved"), _still_named),
    "characters": _only_texts,
    "invalid": _sound,
    "binary": _text_in_json,
    "enum": _other_enum,
    "parameter": _as_text,
    "media-type": _media_type,
}
