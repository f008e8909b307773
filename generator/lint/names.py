"""What two things would share: names are converted to Python's, and converted names can meet."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from openapi_python_client.strings import ClassName, PythonIdentifier, snake_case

from generator.lint.finding import Finding, Rule, error, shown, warning
from generator.lint.losses import parameters_of
from generator.lint.validity import is_example
from generator.spec.document import Document, Pointer
from generator.spec.naming import FIELD_PREFIX
from generator.spec.operations import operations

# Attributes of the hand-written client, which inherits one attribute for each tag.
CLIENT_ATTRIBUTES: Final = frozenset(
    {"aclose", "api", "base_url", "close", "for_profile", "headers", "http", "logout", "profile", "send", "session"}
    | {"timeout", "with_options", "with_raw_response", "with_streaming_response"}
)
# Names that the generated modules use beside those of the spec.
_CLASS_NAMES: Final = frozenset(
    {"Any", "AsyncSend", "BinaryIO", "BytesIO", "Call", "File", "Final", "Generator", "IntEnum", "Literal", "Mapping"}
    | {"Operation", "RawResponse", "Send", "StrEnum", "T", "TextIO", "TypeVar", "UNSET"}
    | {"UUID", "Unset"}
)
# They order the letters after them anew on the screen (CVE-2021-42574); a docstring would keep them.
_BIDIRECTIONAL: Final = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_GENERATED: Final = frozenset({"enum", "name", "operationId", "tags", "url", "x-enum-varnames"})


def identifier(name: str) -> str:
    """Return the Python name that upstream makes of a name."""
    return PythonIdentifier(name, FIELD_PREFIX)


def characters(document: Document) -> Iterator[Finding]:
    """`characters`: control and format characters are dropped from what ends in a string of the code."""
    for pointer, node in document.nodes:
        if is_example(pointer):
            continue
        for key, value in node.items():
            texts = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
            if key.isprintable() and all(map(str.isprintable, texts)):
                continue
            ours = any(step.startswith("x-signedin-") for step in (*pointer, key))
            in_code = "".join((key, *texts)) if ours or key in _GENERATED else key
            if _BIDIRECTIONAL & set("".join((key, *texts))):
                message = f"{shown(key)} changes the direction of the text: what is read is not what is generated."
                yield error(document, (*pointer, key), "characters", message, "Remove U+202A-202E and U+2066-2069.")
            elif any(unicodedata.category(letter) in _DROPPED for letter in in_code):
                message = f"{shown(key)} holds a control character, or its value does."
                yield error(document, (*pointer, key), "characters", message, "Remove it.")


def resources(document: Document) -> Iterator[Finding]:
    """`tag-reserved`, `name-empty`, `name-unstable`, `name-collision`.

    Tags become attributes of the client, operations its methods.
    """
    modules: dict[tuple[str, str], str] = {}
    attributes: dict[str, str] = {}
    for each in operations(document):
        pointer = (*each.pointer, "tags")
        if each.resource in CLIENT_ATTRIBUTES:
            message = f"Tag {shown(each.tag)} would hide the client's own `{each.resource}`."
            yield error(document, pointer, "tag-reserved", message, "Rename the tag.")
        yield from _named(document, pointer, each.tag, "Tag")
        yield from _named(document, (*each.pointer, "operationId"), each.id, "operationId")
        if (
            each.id and identifier(each.module) != each.module
        ):  # upstream converts it twice, for the module and for its imports
            message = f"operationId {shown(each.id)} becomes `{each.module}`, which is no name that stays."
            advice = "Begin and end it with a letter."
            yield error(document, (*each.pointer, "operationId"), "name-unstable", message, advice)
        if attributes.setdefault(each.resource, each.tag) != each.tag:
            message = f"Tags {shown(attributes[each.resource])} and {shown(each.tag)} both become `{each.resource}`."
            yield error(document, pointer, "name-collision", message, "Write the tag in one way.")
        key = (each.resource, each.module)
        if modules.setdefault(key, each.id) != each.id:
            message = f"Operations {shown(modules[key])} and {shown(each.id)} both become `{'.'.join(key)}`."
            yield error(document, (*each.pointer, "operationId"), "name-collision", message, "Rename one of them.")


def _named(document: Document, pointer: Pointer, name: str, kind: str) -> Iterator[Finding]:
    if name and not snake_case(name).strip("_"):
        message = f"{kind} {shown(name)} has no letter or digit that a Python name may hold."
        yield error(document, pointer, "name-empty", message, "Rename it.")
    elif kind != "Parameter" and unicodedata.normalize("NFKC", identifier(name)) != identifier(name):
        # Python reads letters of full width as plain ones (PEP 3131), and looks for a file of another name.
        message = f"{kind} {shown(name)} has letters that Python reads as others."
        yield error(document, pointer, "name-unstable", message, "Write it in plain letters.")


def models(document: Document) -> Iterator[Finding]:
    """`name-collision`, `name-reserved`: two schemas in one module, or one that hides what the module needs."""
    by_module: dict[str, str] = {}
    schemas = document.at(("components", "schemas")) or {}
    for name in schemas:
        pointer = ("components", "schemas", name)
        title = (document.resolve(schemas[name]) or {}).get("title") or name
        class_name = ClassName(str(title), FIELD_PREFIX)
        if class_name in _CLASS_NAMES:
            message = f"Schema {shown(name)} would hide `{class_name}`, which the generated modules use."
            yield error(document, pointer, "name-reserved", message, "Rename it.")
        yield from _named(document, pointer, name, "Schema")
        module = identifier(class_name)
        if by_module.setdefault(module, name) != name:
            message = f"Schemas {shown(by_module[module])} and {shown(name)} both become models/{module}.py."
            yield error(document, pointer, "name-collision", message, "Rename one of them.")


def properties(document: Document) -> Iterator[Finding]:
    """`name-collision`: two properties of one attribute, which differ in no letter that a name may hold."""
    for pointer, node in document.nodes:
        if is_example(pointer) or not isinstance(node.get("properties"), dict):
            continue
        by_attribute: defaultdict[str, list[str]] = defaultdict(list)
        for name in node["properties"]:
            by_attribute[PythonIdentifier(name, FIELD_PREFIX, skip_snake_case=True)].append(name)
        for attribute, same in by_attribute.items():
            for name in same[1:]:
                message = f"Properties {shown(same[0])} and {shown(name)} both become `{attribute}`."
                place = (*pointer, "properties", name)
                yield error(document, place, "name-collision", message, "Rename one of them.")


def arguments(document: Document) -> Iterator[Finding]:
    """`name-collision`, `name-reserved`: parameters and the fields of the body are arguments of one function.

    Parameters that meet are distinguished by upstream, which appends where they stand.
    """
    for each in operations(document):
        fields = {identifier(name) for name in _body_fields(document, each.node)}
        for pointer, node in parameters_of(document, each):
            name = str((document.resolve(node) or {}).get("name"))
            if identifier(name) == "body" and "requestBody" in each.node:
                message = f"Parameter {shown(name)} of {shown(each.id)} has the name of the argument for the body."
                yield error(document, pointer, "name-reserved", message, "Rename it.")
            if identifier(name) in fields:
                message = f"Parameter {shown(name)} of {shown(each.id)} has the name of a field of the body."
                yield warning(document, pointer, "name-collision", message, "Rename one, or users give a whole `body`.")
            yield from _named(document, pointer, name, "Parameter")


def _body_fields(document: Document, operation: dict[str, Any]) -> list[str]:
    body = document.resolve(operation.get("requestBody")) or {}
    contents = list((body.get("content") or {}).values())
    schema = document.resolve(contents[0].get("schema")) if len(contents) == 1 else None
    return list((schema or {}).get("properties") or {})


RULES: Final[tuple[Rule, ...]] = (characters, resources, models, properties, arguments)
