"""Parameters and bodies whose values cannot be written the way the spec asks for."""

from collections.abc import Iterator
from typing import Any, Final

from generator.lint.finding import Finding, Rule, error, shown, warning
from generator.lint.losses import is_json, is_readable, parameters_of
from generator.spec.document import Document, Pointer
from generator.spec.operations import OperationFacts, operations
from generator.spec.schemas import is_text, is_union, kind_of
from generator.spec.streams import is_stream

_FORM: Final = "application/x-www-form-urlencoded"
_PARTS: Final = "multipart/form-data"
_NUMBERS: Final = ("boolean", "integer", "number")
# What cannot stand where, and how it is called.
_REFUSED: Final = {
    "path": ("list", "object", "null"),
    "cookie": ("list", "object"),
    "header": ("list", "object", "date", "constant"),
    "query": ("nested",),
}
_TOLD: Final = {
    "list": "a list",
    "object": "an object",
    "null": "null",
    "date": "a date, which a header writes in another way",
    "constant": "a constant",
    "nested": "an object or a list inside another",
}


def parameters(document: Document) -> Iterator[Finding]:
    """`parameter`: values that their place cannot hold."""
    for each in operations(document):
        for pointer, node in parameters_of(document, each):
            parameter = document.resolve(node)
            shapes = forms(document, parameter.get("schema"))
            subject = f"Parameter {shown(parameter.get('name'))} of {shown(each.id)}"
            nests = parameter.get("style") == "deepObject"
            if not nests and (refused := [form for form in _REFUSED.get(parameter["in"], ()) if form in shapes]):
                message = f"{subject} may be {_TOLD[refused[0]]}: it cannot stand in a {parameter['in']}."
                yield error(document, pointer, "parameter", message, "Use a text or a number.")


def bodies(document: Document) -> Iterator[Finding]:
    """`form`, `encoding`, `media-type-several`: bodies that would be sent in another way than they are described."""
    for each in operations(document):
        body = document.resolve(each.node.get("requestBody")) or {}
        content = body.get("content") or {}
        pointer = (*each.pointer, "requestBody")
        for name, media in content.items():
            if kind_of(name) in {_FORM, _PARTS}:
                yield from _fields(document, each, pointer, kind_of(name), media)
            elif is_text(kind_of(name)):
                subject = f"The body {shown(name)} of {shown(each.id)}"
                yield from _no_text(document, (*pointer, "content", name), subject, media.get("schema"))
        yield from _same_schema(document, each, pointer, content)


def _fields(
    document: Document, operation: OperationFacts, pointer: Pointer, kind: str, media: dict[str, Any]
) -> Iterator[Finding]:
    schema = media.get("schema")
    subject = f"The form of {shown(operation.id)}"
    shapes = forms(document, schema)
    if schema is not None and (shapes not in ({"object"}, {"object", "nested"}) or is_union(document.resolve(schema))):
        message = f"{subject} is no object, or may be something else."
        yield error(document, pointer, "form", message, "Describe an object with the form's fields.")
    elif kind == _FORM and "nested" in shapes:
        message = (
            f"{subject} has a field that is an object, or a list of what is no text: a form has no way to write it."
        )
        yield error(document, pointer, "form", message, "Use JSON, or fields of texts, numbers and lists of these.")
    for name, encoding in (media.get("encoding") or {}).items():
        if encoding.keys() & {"style", "explode", "allowReserved", "headers"} or _other_type(
            document, schema, name, encoding
        ):
            message = f"{subject} asks for an encoding of {shown(name)} that is not followed."
            yield error(document, pointer, "encoding", message, "Leave it out, if the server takes the usual one.")


def _other_type(document: Document, schema: Any, name: str, encoding: dict[str, Any]) -> bool:
    """Say whether a part would be sent as another media type; who gives a file gives its type."""
    wanted = encoding.get("contentType")
    part = ((document.resolve(schema) or {}).get("properties") or {}).get(name)
    shapes = forms(document, part)
    if wanted is None or "binary" in shapes:
        return False
    is_object, kind = "object" in shapes or "nested" in shapes, kind_of(wanted)
    return is_json(kind) != is_object or not kind


def _same_schema(
    document: Document, operation: OperationFacts, pointer: Pointer, content: dict[str, Any]
) -> Iterator[Finding]:
    first: list[tuple[str, Any]] = []
    for name, media in content.items():
        schema = media.get("schema")
        if twin := next((other for other, each in first if each == schema), None):
            message = (
                f"{shown(operation.id)} takes {shown(name)} with the schema of {shown(twin)}; it sends the latter."
            )
            yield warning(document, pointer, "media-type-several", message, "Keep the one that you want to be sent.")
        first.append((name, schema))


def answers(document: Document) -> Iterator[Finding]:
    """`media-type-several`, `media-type`: an answer is read as the first media type, whatever it comes as."""
    for each in operations(document):
        for status, node in (each.node.get("responses") or {}).items():
            content = (document.resolve(node) or {}).get("content") or {}
            names = list(content)
            read = next((name for name in names if is_readable(kind_of(name))), None)
            others = [name for name in names if name != read and not _reads_alike(content, read, name)]
            if read is not None and others:
                subject = f"Answer {shown(status)} of {shown(each.id)}"
                message = f"{subject} is read as {shown(read)}, also if it comes as {shown(others[0])}."
                advice = "Keep one, or let the server answer with the first."
                yield warning(document, (*each.pointer, "responses", status), "media-type-several", message, advice)
            if read is not None and is_text(kind_of(read)) and not is_stream(kind_of(read)):
                subject = f"Answer {shown(status)} of {shown(each.id)}, {shown(read)},"
                place = (*each.pointer, "responses", status)
                yield from _no_text(document, place, subject, content[read].get("schema"))


def _no_text(document: Document, pointer: Pointer, subject: str, schema: Any) -> Iterator[Finding]:
    """`media-type`: a text is no object, no list and no number."""
    if forms(document, schema) & {"object", "list", "number"}:
        message = f"{subject} is a text, and described as JSON is."
        yield error(document, pointer, "media-type", message, "Describe a text, or use JSON.")


def _reads_alike(content: dict[str, Any], one: str | None, other: str) -> bool:
    if one is None or content[one].get("schema") != content[other].get("schema"):
        return False
    return is_json(kind_of(one)) == is_json(kind_of(other)) and is_readable(kind_of(other))


def forms(document: Document, schema: Any, depth: int = 2, seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return what a value may be: text, number, date, binary, constant, null, list, object.

    It is nested, too, if a list holds lists or objects, or an object such a list or objects.
    """
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    if not isinstance(schema, dict) or reference in seen:
        return frozenset()
    if isinstance(reference, str):
        return forms(document, document.resolve(schema), depth, seen | {reference})
    shapes = frozenset[str]()
    for part in (each for key in ("allOf", "anyOf", "oneOf") for each in schema.get(key) or []):
        shapes |= forms(document, part, depth, seen)
    type_ = schema.get("type")
    for each in type_ if isinstance(type_, list) else [type_ or ("object" if schema.get("properties") else None)]:
        shapes |= _form(document, schema, each, depth)
    return shapes | ({"null"} if schema.get("nullable") is True else set())


def _form(document: Document, schema: dict[str, Any], type_: str | None, depth: int) -> set[str]:
    if type_ == "object":
        inner = [*(schema.get("properties") or {}).values(), schema.get("additionalProperties")]
        return {"object", *_nested(document, inner, {"object", "nested"}, depth)}
    if type_ == "array":
        inner = [schema.get("items"), *(schema.get("prefixItems") or [])]
        return {"list", *_nested(document, inner, {"object", "list"}, depth)}
    if "const" in schema:
        return {"constant"}
    if type_ == "string" and "enum" not in schema and (kind := schema.get("format")) in {"date", "date-time", "binary"}:
        return {"binary"} if kind == "binary" else {"date"}
    if type_ in _NUMBERS or any(isinstance(each, int | float) for each in schema.get("enum") or []):
        return {"number"}
    return {"null"} if type_ == "null" else {"text"} if type_ or "enum" in schema else set()


def _nested(document: Document, inner: list[Any], refused: set[str], depth: int) -> set[str]:
    shapes = depth and any(refused & forms(document, each, depth - 1) for each in inner)
    return {"nested"} if shapes else set()


RULES: Final[tuple[Rule, ...]] = (parameters, bodies, answers)
