"""Bytes where a text must stand, texts where bytes are sent, bodies where HTTP has no place for one.

Upstream generates all of them, and each call of such an operation fails, or sends something else.
"""

from collections.abc import Iterator
from typing import Any, Final

from generator.lint.finding import Finding, Rule, error, shown
from generator.lint.losses import is_readable, is_sendable, parameters_of
from generator.lint.sending import forms
from generator.spec.document import Document, Pointer, pointer_of
from generator.spec.operations import OperationFacts, operations
from generator.spec.schemas import is_bytes, kind_of

_PARTS: Final = "multipart/form-data"
_BODILESS: Final = {"204": "section 15.3.5", "205": "section 15.3.6"}
_AS_TEXT: Final = "Send bytes as multipart/form-data or application/octet-stream, or base64 as a text: `format: byte`."
_AS_BYTES: Final = "Write `type: string` and `format: binary`."
# How many objects stand around a value: in a form of parts, bytes may stand in the outermost.
_FIELD: Final = 1
_DEEPER: Final = 2


def answers_without_a_body(document: Document) -> Iterator[Finding]:
    """`body-impossible`: the generated package would look for a body, and fail for not finding one."""
    for each in operations(document):
        for status, node in (each.node.get("responses") or {}).items():
            section = "section 9.3.2" if each.method == "head" and status.startswith("2") else _BODILESS.get(status)
            if section and (document.resolve(node) or {}).get("content"):
                message = (
                    f"Answer {shown(status)} of {shown(each.id)} is described with a body; it has none (RFC 9110, "
                    f"{section}), so that reading it would fail."
                )
                pointer = (*each.pointer, "responses", status)
                yield error(document, pointer, "body-impossible", message, "Leave out its content.")


def bytes_and_texts(document: Document) -> Iterator[Finding]:
    """`binary`: bytes where only a text can stand, or the reverse; each place once."""
    seen = set[tuple[Pointer, int]]()
    for each in operations(document):
        for pointer, node in parameters_of(document, each):
            subject = f"Parameter {shown((document.resolve(node) or {}).get('name'))} of {shown(each.id)}"
            yield from _texts(document, (*_followed(document, pointer), "schema"), _DEEPER, subject, seen)
        for pointer, kind, subject in _bodies(document, each):
            if is_bytes(kind):
                yield from _bytes(document, pointer, subject)
            else:
                yield from _texts(document, pointer, 0 if kind == _PARTS else _DEEPER, subject, seen)


def _bodies(document: Document, operation: OperationFacts) -> Iterator[tuple[Pointer, str, str]]:
    """Yield the schema of each body that is sent or read, its media type, and how to call it."""
    pointer = _followed(document, (*operation.pointer, "requestBody"))
    for name in (document.at(pointer) or {}).get("content") or {}:
        if is_sendable(name):
            subject = f"The body {shown(name)} of {shown(operation.id)}"
            yield (*pointer, "content", name, "schema"), kind_of(name), subject
    for status in operation.node.get("responses") or {}:
        pointer = _followed(document, (*operation.pointer, "responses", status))
        content = (document.at(pointer) or {}).get("content") or {}
        if (read := next((name for name in content if is_readable(kind_of(name))), None)) is not None:
            subject = f"Answer {shown(status)} of {shown(operation.id)}, {shown(read)},"
            yield (*pointer, "content", read, "schema"), kind_of(read), subject


def _bytes(document: Document, pointer: Pointer, subject: str) -> Iterator[Finding]:
    if forms(document, document.at(pointer)) - {"binary"}:
        message = f"{subject} is bytes, and described as something else."
        yield error(document, pointer, "binary", message, _AS_BYTES)


def _texts(
    document: Document, pointer: Pointer, depth: int, subject: str, seen: set[tuple[Pointer, int]]
) -> Iterator[Finding]:
    waiting: list[tuple[Pointer, Any, int]] = [(pointer, document.at(pointer), depth)]
    while waiting:
        pointer, schema, depth = waiting.pop()
        if not isinstance(schema, dict) or (pointer, depth) in seen:
            continue
        seen.add((pointer, depth))
        if isinstance(reference := schema.get("$ref"), str):
            waiting.append((pointer_of(reference), document.at(pointer_of(reference)), depth))
        elif _is_binary(schema) and depth > _FIELD:
            yield error(document, pointer, "binary", f"{subject} holds bytes where only a text can stand.", _AS_TEXT)
        waiting.extend(_inside(pointer, schema, depth))


def _inside(pointer: Pointer, schema: dict[str, Any], depth: int) -> Iterator[tuple[Pointer, Any, int]]:
    deeper = min(depth + 1, _DEEPER)
    for key, value in schema.items():
        match key, value:
            case "items", _:
                yield (*pointer, key), value, depth
            case "additionalProperties", _:
                yield (*pointer, key), value, deeper
            case "properties", dict():
                yield from (((*pointer, key, name), each, deeper) for name, each in value.items())
            case "allOf" | "anyOf" | "oneOf" | "prefixItems", list():
                yield from (((*pointer, key, str(index)), each, depth) for index, each in enumerate(value))


def _is_binary(schema: dict[str, Any]) -> bool:
    type_ = schema.get("type")
    return schema.get("format") == "binary" and "string" in (type_ if isinstance(type_, list) else [type_])


def _followed(document: Document, pointer: Pointer) -> Pointer:
    """Return where a node stands that may be a `$ref`; the rule of `reference` has seen that none leads to itself."""
    while isinstance(node := document.at(pointer), dict) and isinstance(reference := node.get("$ref"), str):
        pointer = pointer_of(reference)
    return pointer


RULES: Final[tuple[Rule, ...]] = (answers_without_a_body, bytes_and_texts)
