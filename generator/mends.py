"""The least that helps against each rule of the linter: what loses its type, what is left out.

Each mend changes the data at the place of a finding and says what was done, or returns None where it cannot help; then
`leave_out` takes away what stands around. What gets another name does so in `renames`.
"""

import unicodedata
from collections.abc import Callable
from typing import Any, Final

from generator import renames
from generator.document import Pointer
from generator.lint.bodies import BYTES
from generator.lint.losses import is_form, is_sendable, kind_of
from generator.operations import METHODS
from generator.places import at, operations, place, written_out
from generator.schemas import schemas

_TEXTS: Final = frozenset({"description", "summary", "title", "example"})


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


def unnamed(node: Any) -> bool:
    """Take the titles of the schemas inside, which name their classes; say whether there were any."""
    kind = "object" if "responses" in node else "schema"
    titled = [
        each for _, each in schemas(node, kind) if each is not node and isinstance(each, dict) and "title" in each
    ]
    for each in titled:
        each.pop("title", None)
    return bool(titled)


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


def _sendable_body(data: dict[str, Any], pointer: Pointer) -> str | None:
    body = written_out(data, pointer)
    content = {
        name: media for name, media in body.get("content", {}).items() if is_sendable(name) and "schema" in media
    }
    if not content:
        return None
    body["content"] = content
    return "Left out: this media type."


def _media_type(data: dict[str, Any], pointer: Pointer) -> str | None:
    if pointer[-1] == "requestBody":
        return _sendable_body(data, pointer)
    status = pointer[-1]
    if status.startswith("2") or status == "default":
        return None
    return untyped_answer(data, pointer)


def _without_content(data: dict[str, Any], pointer: Pointer) -> str:
    written_out(data, pointer).pop("content", None)
    return "Left out: its content."


def _text_or_bytes(data: dict[str, Any], pointer: Pointer) -> str:
    owner, key = at(data, pointer[:-1]), pointer[-1]
    if key == "schema" and kind_of(pointer[-2]) == BYTES:
        owner[key] = {"type": "string", "format": "binary"}
        return "It is bytes."
    at(data, pointer).pop("format", None)
    return "It is a text, wherever this schema stands."


def _without_forms(data: dict[str, Any], pointer: Pointer) -> str | None:
    body = written_out(data, pointer)
    content = {name: media for name, media in body["content"].items() if not is_form(name)}
    if not content:
        return None
    body["content"] = content
    return "Left out: the form; it takes another media type, too."


def _without_extension(data: dict[str, Any], pointer: Pointer) -> str | None:
    """A vendor's extension refers to whatever the vendor likes; nothing is printed of it."""
    places = [index for index, step in enumerate(pointer) if step.startswith("x-")]
    if not places or pointer[places[0] - 1] in {"properties", "schemas", "headers", "responses"}:
        return None
    at(data, pointer[: places[0]]).pop(pointer[places[0]])
    return f"Left out: {pointer[places[0]]}."


def _any_value(data: dict[str, Any], pointer: Pointer) -> str:
    owner, key = at(data, pointer[:-1]), pointer[-1]
    owner[int(key) if isinstance(owner, list) else key] = {}
    return f"Left untyped: {'/'.join(pointer[-2:])}."


def _without_enum(data: dict[str, Any], pointer: Pointer) -> str:
    at(data, pointer[:-1]).pop("enum", None)
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


_Mend = Callable[[dict[str, Any], Pointer], str | None]
MENDS: Final[dict[str, _Mend]] = {
    "invalid": _valid,
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
    "parameter": renames.without_parameter,
    "characters": _without_key,
    "composition": _any_value,
    "enum": _without_enum,
    "reference-inside": _any_value,
    "schema-false": _any_value,
    "number": _without_key,
    "media-type": _media_type,
    "schema-missing": _media_type,
}
