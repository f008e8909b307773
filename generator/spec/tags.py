"""Which member of a union a value is: what `discriminator` says about it."""

from collections.abc import Iterator
from typing import Any

from attrs import define, field
from openapi_python_client.schema import UntrustedString

from generator.spec.document import Document
from generator.spec.schemas import class_of, is_object, referred_name

Members = frozenset[str]


@define(frozen=True)
class Tags:
    """The property that tells, and its values for each class."""

    property: UntrustedString
    values: dict[str, list[UntrustedString]] = field(repr=False)


def tags_of(document: Document) -> dict[Members, Tags]:
    """Return the tags of every union that has usable ones, by the classes that are its members."""
    result: dict[Members, Tags] = {}
    for _, schema in document.schemas:
        if isinstance(schema, dict) and "discriminator" in schema and (values := values_by_class(document, schema)):
            name = str(schema["discriminator"]["propertyName"])
            untrusted = {each: [UntrustedString(value) for value in texts] for each, texts in values.items()}
            tags = Tags(UntrustedString(name), untrusted)
            # Two unions of the same members are the same code; where they tell by other means, neither is used.
            if result.setdefault(frozenset(values), tags) != tags:
                result[frozenset(values)] = Tags(UntrustedString(name), {})
    return result


def values_by_class(document: Document, schema: dict[str, Any]) -> dict[str, list[str]] | None:
    """Return the values that tell the members apart; None if a member is no component with attributes."""
    members = dict(_members(document, schema))
    if None in members:
        return None
    mapping = schema["discriminator"].get("mapping") or {}
    targets = {value: referred_name(target) or target for value, target in mapping.items()}
    values: dict[str, list[str]] = {}
    for name, class_name in members.items():
        texts = [value for value, target in targets.items() if target == name]
        values.setdefault(str(class_name), []).extend(texts or [str(name)])
    return values


def _members(document: Document, schema: dict[str, Any]) -> Iterator[tuple[str | None, str | None]]:
    for member in [*(schema.get("oneOf") or []), *(schema.get("anyOf") or [])]:
        name = referred_name(member.get("$ref"))
        target = document.at(("components", "schemas", name)) if name else None
        if isinstance(target, dict) and is_object(target) and "$ref" not in target:
            yield name, class_of(str(name), target)
        elif member.get("type") != "null":
            yield None, None
