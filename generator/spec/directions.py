"""`readOnly` and `writeOnly`: what is required of a request is not always required of an answer.

A component is one class for both. Where it is sent, its properties that only an answer has are optional; where it is
answered, those that only a request has.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from generator.spec.document import Document
from generator.spec.operations import operations
from generator.spec.schemas import reached

Schema = dict[str, Any]


def relax(document: Document, every: Iterable[Schema]) -> None:
    """Take out of `required`, in place, what the other direction asks for."""
    keys = {key for schema in every for key in ("readOnly", "writeOnly") if schema.get(key) is True}
    for key, part in (("readOnly", "requestBody"), ("writeOnly", "responses")):
        for schema in _reached(document, part) if key in keys else ():
            optional = {name for name, each in properties(document, schema) if _is(document, each, key)}
            for each in (schema, *(schema.get("allOf") or [])):
                if optional.intersection(each.get("required") or ()):
                    _ask_for(each, [name for name in each["required"] if name not in optional])


def read_only(document: Document, schema: Schema) -> frozenset[str]:
    """Return the names of an object's properties that no request has."""
    return frozenset(name for name, each in properties(document, schema) if _is(document, each, "readOnly"))


def properties(document: Document, schema: Any, seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, Any]]:
    """Yield the properties of an object and of what it is composed of."""
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        yield from properties(document, document.resolve(schema) or {}, seen | {reference})
    yield from (schema.get("properties") or {}).items()
    for part in schema.get("allOf") or []:
        yield from properties(document, part, seen)


def _ask_for(schema: Schema, names: list[str]) -> None:
    schema["required"] = names
    if not names:  # which 3.0 forbids to be empty
        del schema["required"]


def _is(document: Document, schema: Any, key: str) -> bool:
    return isinstance(schema, dict) and (schema.get(key) or (document.resolve(schema) or {}).get(key)) is True


def _reached(document: Document, part: str) -> Iterator[Schema]:
    nodes = [each.node.get(part) or {} for each in operations(document)]
    bodies = [body for node in nodes for body in (node.values() if part == "responses" else [node])]
    return reached(document.data, [document.resolve(body) for body in bodies])
