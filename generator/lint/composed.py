"""Schemas that say more than openapi-python-client reads of them: compositions, enums, references, keywords."""

from collections.abc import Iterator
from typing import Any, Final

from generator.lint.finding import Finding, Rule, error, shown, warning
from generator.package.composition import Compositions
from generator.spec.document import Document, Pointer
from generator.spec.tags import values_by_class

Schema = dict[str, Any]
# What may stand beside a `$ref` without being lost: words about it, and what is read beside it.
_BESIDE: Final = frozenset(
    {"$ref", "deprecated", "description", "example", "examples", "readOnly", "summary", "title", "writeOnly"}
)


def schemas(document: Document) -> Iterator[Finding]:
    """Ask every rule below about every schema."""
    for pointer, schema in document.schemas:
        if schema is False:
            yield from _never(document, pointer)
        elif isinstance(schema, dict):
            for rule in (_reference, _composition, _discriminator, _enum, _keywords):
                yield from rule(document, pointer, schema)


def _never(document: Document, pointer: Pointer) -> Iterator[Finding]:
    """`schema-false`: nothing fits, which Python has no type for."""
    if pointer[-1] == "items" and "prefixItems" in (document.at(pointer[:-1]) or {}):
        return
    yield error(document, pointer, "schema-false", f"{shown(pointer[-1])} is `false`: no value fits.", "Leave it out.")


def _reference(document: Document, pointer: Pointer, schema: Schema) -> Iterator[Finding]:
    """`reference-siblings`: nothing beside a `$ref` is read."""
    if not isinstance(schema.get("$ref"), str):
        return
    if beside := sorted(key for key in schema.keys() - _BESIDE if not key.startswith("x-")):
        message = f"{', '.join(map(shown, beside))} beside a $ref would not be read."
        advice = "Write the $ref into an allOf beside it."
        yield warning(document, pointer, "reference-siblings", message, advice)


def _composition(document: Document, pointer: Pointer, schema: Schema) -> Iterator[Finding]:
    """`composition`: what no value fits, or no class can be."""
    if problem := Compositions(document.resolve).problem(schema):
        yield error(document, pointer, "composition", problem, "Write a oneOf of allOfs.")


def _discriminator(document: Document, pointer: Pointer, schema: Schema) -> Iterator[Finding]:
    """`discriminator`: one that cannot decide, so that the first member that fits is taken."""
    if not isinstance(schema.get("discriminator"), dict):
        return
    if not schema.get("oneOf") and not schema.get("anyOf"):
        message = "The discriminator is not used: a value is read as this schema, and not as one that extends it."
        advice = "Answer with a oneOf of those."
    elif values_by_class(document, schema) is None:
        message = (
            "The discriminator is not used: a member is no component with properties. The first that fits is read."
        )
        advice = "Make each member a component."
    else:
        return
    yield warning(document, (*pointer, "discriminator"), "discriminator", message, advice)


def _enum(document: Document, pointer: Pointer, schema: Schema) -> Iterator[Finding]:
    """`enum`: values that no one enum of Python holds."""
    values = [each for each in schema.get("enum") or [] if each is not None]
    types = {type(each) for each in values}
    if types - {str} and types - {int} and schema.get("type") != "boolean":
        message = f"The enum holds {' and '.join(sorted(each.__name__ for each in types))}."
        advice = "Write texts only or whole numbers only, or leave the enum out."
        yield error(document, (*pointer, "enum"), "enum", message, advice)


def _keywords(document: Document, pointer: Pointer, schema: Schema) -> Iterator[Finding]:
    """`keyword`: what is not read, and costs a type or a default."""
    if schema.get("patternProperties"):
        message = "patternProperties are not read: what they describe stands untyped in `additional_properties`."
        yield warning(document, (*pointer, "patternProperties"), "keyword", message, "Use additionalProperties.")
    if isinstance(schema.get("default"), dict | list):
        message = "A default that is a list or an object is not used."
        yield warning(document, (*pointer, "default"), "keyword", message, "Let the server fill it in.")


RULES: Final[tuple[Rule, ...]] = (schemas,)
