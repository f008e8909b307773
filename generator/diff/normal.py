"""One schema in one form, whatever it was written in: references followed, `allOf` merged, `nullable` made a type."""

import json
from typing import Any, Final

from attrs import define, field

from generator.document import Document

Schema = dict[str, Any]
# Formats that openapi-python-client prints as a type of their own.
_TYPED_FORMATS: Final = {"date", "date-time", "uuid", "binary"}
_DEEPEST: Final = 40


@define(frozen=True, eq=False)
class Normal:
    """A schema without the freedom in how to write it; `name` is the class that it becomes, if it becomes one."""

    name: str | None
    types: frozenset[str]
    nullable: bool
    branches: tuple["Normal", ...]
    schema: Schema = field(repr=False)
    reference: str | None = None

    @property
    def properties(self) -> dict[str, Any]:
        """Return the properties, those of `allOf` with them."""
        return dict(self.schema.get("properties") or {})

    @property
    def required(self) -> frozenset[str]:
        """Return the names of the properties that must be there."""
        return frozenset(self.schema.get("required") or ())

    @property
    def enum(self) -> tuple[Any, ...]:
        """Return the values that it is limited to, without null."""
        return tuple(value for value in self.schema.get("enum") or () if value is not None)

    @property
    def key(self) -> str:
        """Return what identifies it among the members of a union."""
        return self.name or json.dumps(self.schema, sort_keys=True)


def normal(document: Document, node: Any, depth: int = 0) -> Normal:
    """Return the one form of a schema."""
    reference = node.get("$ref") if isinstance(node, dict) else None
    schema = _merged(document, node, depth)
    branches = [normal(document, each, depth + 1) for each in _union(schema) if depth < _DEEPEST]
    types = _types(schema)
    nullable = "null" in types or any(map(_is_null, branches)) or None in (schema.get("enum") or ())
    members = tuple(each for each in branches if not _is_null(each))
    if len(members) == 1 and not schema.get("properties"):
        [one] = members
        return Normal(
            one.name, one.types, nullable or one.nullable, (), {**schema, **one.schema}, one.reference or reference
        )
    name = _name(schema, reference)
    return Normal(name, types - {"null"}, nullable, members, schema, reference)


def _name(schema: Schema, reference: str | None) -> str | None:
    if not (schema.get("properties") or schema.get("enum") or schema.get("type") == "object"):
        return None
    if title := schema.get("title"):
        return str(title)
    return reference.rpartition("/")[2] if isinstance(reference, str) else None


def _is_null(schema: Normal) -> bool:
    return schema.nullable and not schema.types and not schema.branches


def _union(schema: Schema) -> list[Any]:
    return [*(schema.get("anyOf") or []), *(schema.get("oneOf") or [])]


def _types(schema: Schema) -> frozenset[str]:
    said = schema.get("type")
    types = set(said) if isinstance(said, list) else {said} if said else set()
    if schema.get("nullable") is True:
        types.add("null")
    if not types and schema.get("properties"):
        types.add("object")
    if not types and (values := schema.get("enum")):
        types |= {_type_of(value) for value in values}
    kind = schema.get("format")
    return frozenset(f"string:{kind}" if each == "string" and kind in _TYPED_FORMATS else each for each in types)


def _type_of(value: object) -> str:
    return {str: "string", bool: "boolean", int: "integer", float: "number"}.get(type(value), "null")


def _merged(document: Document, node: Any, depth: int) -> Schema:
    resolved = document.resolve(node)
    schema: Schema = dict(resolved) if isinstance(resolved, dict) else {}
    parts = schema.pop("allOf", None) or []
    if depth > _DEEPEST:
        return schema
    for part in parts:
        inner = _merged(document, part, depth + 1)
        properties = {**inner.get("properties", {}), **schema.get("properties", {})}
        required = sorted({*inner.get("required", ()), *schema.get("required", ())})
        schema = {**inner, **schema}
        schema |= {"properties": properties} if properties else {}
        schema |= {"required": required} if required else {}
    return schema
