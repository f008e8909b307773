"""Schemas that say more than openapi-python-client reads of them: compositions, enums, references, keywords."""

from collections.abc import Iterator
from typing import Any, Final

from generator.lint.finding import Finding, Rule, error, shown, warning
from generator.package.rewrite import constrains_only
from generator.spec.classes import is_object, referred_name
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
    """`reference-inside`, `reference-siblings`: only whole components are followed, and nothing beside a `$ref`."""
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return
    if referred_name(reference) is None and reference.startswith("#/"):
        message = f"$ref {shown(reference)} leads into a component, where openapi-python-client does not look."
        advice = "Move what it leads to into components/schemas."
        yield error(document, pointer, "reference-inside", message, advice)
    if beside := sorted(key for key in schema.keys() - _BESIDE if not key.startswith("x-")):
        message = f"{', '.join(map(shown, beside))} beside a $ref would not be read."
        advice = "Write the $ref into an allOf beside it."
        yield warning(document, pointer, "reference-siblings", message, advice)


def _composition(document: Document, pointer: Pointer, schema: Schema) -> Iterator[Finding]:
    """`composition`: what openapi-python-client would read as one of its parts only."""
    unions = [key for key in ("anyOf", "oneOf") if schema.get(key) and not _is_constraint(schema, key)]
    parts = schema.get("allOf") or []
    inline = [each for each in parts if isinstance(each, dict) and "$ref" not in each]
    if unions and (schema.get("properties") or parts):
        message = f"{unions[0]} has {'allOf' if parts else 'properties'} beside it, which would be lost."
        advice = "Write them into each of its members, as an allOf."
    elif len(unions) > 1:
        message, advice = "anyOf has oneOf beside it: each value would be read as any of all.", "Write one of the two."
    elif any(_branches(each) for each in inline):
        message = "allOf has a member with anyOf or oneOf, which would be lost."
        advice = "Write a oneOf of allOfs."
    elif len(parts) > 1 and any("type" in each and not is_object(each) for each in inline):
        message, advice = "allOf has a member that is no object, which would be lost.", "Write one schema."
    else:
        return
    yield error(document, pointer, "composition", message, advice)


def _is_constraint(schema: Schema, key: str) -> bool:
    return bool(schema.get("properties") or schema.get("allOf")) and constrains_only(schema, key)


def _branches(schema: Schema) -> bool:
    return any(schema.get(key) and not constrains_only(schema, key) for key in ("anyOf", "oneOf"))


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
