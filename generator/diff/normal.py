"""One schema in one form, whatever it was written in: references followed, `allOf` merged, `nullable` made a type."""

import json
from typing import Any, Final

from attrs import define, evolve, field

from generator.spec.document import Document

Schema = dict[str, Any]
# Formats that openapi-python-client generates as a type of their own.
_TYPED_FORMATS: Final = {"date", "date-time", "uuid", "binary"}
_MANY: Final = ("allOf", "anyOf", "oneOf")
# What makes a schema more than another name for the one that it refers to.
_OWN: Final = {"properties", "required", "additionalProperties", "anyOf", "oneOf"}
# Lists and models get no default in the generated signature, bytes neither.
_WITHOUT_DEFAULT: Final = {"array", "object", "string:binary"}
_DEEPEST: Final = 20
_STRICTEST: Final = {
    **dict.fromkeys(("maximum", "maxLength", "maxItems", "maxProperties"), min),
    **dict.fromkeys(("minimum", "minLength", "minItems", "minProperties"), max),
}
_TEXTS: Final = {"title", "description", "example", "examples", "default", "nullable", "deprecated", "externalDocs"}
_TYPES: Final = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


@define(frozen=True, eq=False)
class Normal:
    """A schema without the freedom in how to write it; `name` is the class that it becomes, if it becomes one.

    `identity` tells it from others where cycles must end: its reference, or all of what is composed of others.
    """

    name: str | None
    types: frozenset[str]
    nullable: bool
    branches: tuple["Normal", ...]
    schema: Schema = field(repr=False)
    reference: str | None = None
    identity: str | None = field(default=None, repr=False)

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
    def is_class(self) -> bool:
        """Say whether a class is generated of it; one without a name gets one that tells where it stands."""
        return _is_class(self.schema)

    @property
    def has_default(self) -> bool:
        """Say whether the generated signature has its default."""
        if self.schema.get("default") is None:
            return False
        kinds = frozenset[str]().union(*(each.types for each in self.members))
        return not kinds or bool(kinds - _WITHOUT_DEFAULT)

    @property
    def members(self) -> tuple["Normal", ...]:
        """Return the members of the union; of several types each one, of no union itself."""
        if self.branches:
            return self.branches
        # Null and the default are the union's.
        schema = {key: value for key, value in self.schema.items() if key != "default"}
        one = evolve(self, nullable=False, schema=schema)
        if len(self.types) < 2:
            return (one,)
        return tuple(evolve(one, types=frozenset({each})) for each in sorted(self.types))

    @property
    def label(self) -> str:
        """Say in a word or two what it is."""
        return self.name or " or ".join(sorted(self.types)) or "anything"


def normal(document: Document, node: Any, seen: frozenset[str] = frozenset()) -> Normal:
    """Return the one form of a schema."""
    reference = _referred(document, node)
    schema = _merged(document, node, seen)
    inner = seen | ({reference} if reference else set())
    branches = tuple(normal(document, each, inner) for key in ("anyOf", "oneOf") for each in schema.get(key) or ())
    types = _types(schema)
    nullable = "null" in types or any(map(_is_null, branches)) or None in (schema.get("enum") or ())
    members = tuple(each for each in branches if not _is_null(each))
    if len(members) == 1 and not schema.get("properties"):
        [one] = members
        merged = {**one.schema, **{key: value for key, value in schema.items() if key not in _MANY}}
        return evolve(one, nullable=nullable or one.nullable, schema=merged, reference=one.reference or reference)
    is_composed = isinstance(node, dict) and any(key in node for key in _MANY)
    identity = reference or (json.dumps(node) if is_composed else None)
    return Normal(_name(schema, reference), types - {"null"}, nullable, members, schema, reference, identity)


def _referred(document: Document, node: Any, steps: int = 0) -> str | None:
    """Return the reference whose class it is; a description around a reference is no class of its own."""
    reference = node.get("$ref") if isinstance(node, dict) else None
    schema = document.resolve(node)
    parts = schema.get("allOf") if isinstance(schema, dict) and not _OWN & schema.keys() else None
    if isinstance(parts, list) and len(parts) == 1 and steps < _DEEPEST:
        return _referred(document, parts[0], steps + 1) or reference
    return reference if isinstance(reference, str) else None


def _is_class(schema: Schema) -> bool:
    return bool(schema.get("properties") or schema.get("enum")) or schema.get("type") == "object"


def _name(schema: Schema, reference: str | None) -> str | None:
    if not _is_class(schema):
        return None
    if title := schema.get("title"):
        return str(title)
    return reference.rpartition("/")[2] if reference else None


def _is_null(schema: Normal) -> bool:
    return schema.nullable and not schema.types and not schema.branches


def _types(schema: Schema) -> frozenset[str]:
    kind = schema.get("type")
    types = set(kind) if isinstance(kind, list) else {kind} if kind else set()
    if not types and schema.get("properties"):
        types.add("object")
    if not types and (values := schema.get("enum") or ([schema["const"]] if "const" in schema else [])):
        types |= {_TYPES.get(type(value), "null") for value in values}
    if schema.get("nullable") is True:
        types.add("null")
    kind = schema.get("format")
    return frozenset(f"string:{kind}" if each == "string" and kind in _TYPED_FORMATS else each for each in types)


def _merged(document: Document, node: Any, seen: frozenset[str]) -> Schema:
    reference = node.get("$ref") if isinstance(node, dict) else None
    resolved = document.resolve(node)
    schema: Schema = dict(resolved) if isinstance(resolved, dict) and reference not in seen else {}
    inside = seen | {reference} if isinstance(reference, str) else seen
    for part in schema.pop("allOf", None) or []:
        schema = _together(schema, _merged(document, part, inside))
    return schema


def _together(outer: Schema, inner: Schema) -> Schema:
    """Return a schema that says what both say; what cannot be written as one stays in `allOf`."""
    both = {**inner, **outer}
    for key in inner.keys() & outer.keys() - _TEXTS:
        if inner[key] == outer[key]:
            continue
        if key in _STRICTEST and all(isinstance(each, int | float) for each in (inner[key], outer[key])):
            both[key] = _STRICTEST[key](inner[key], outer[key])
        elif key == "required":
            both[key] = sorted({*inner[key], *outer[key]})
        elif key == "properties":
            both[key] = _both_properties(inner[key], outer[key])
        elif key != "allOf":
            both["allOf"] = [*both.get("allOf", []), {key: inner[key]}]
    if "allOf" in inner and "allOf" in outer:
        both["allOf"] = [*both["allOf"], *inner["allOf"]]
    return both


def _both_properties(inner: Schema, outer: Schema) -> Schema:
    both = {**inner, **outer}
    for name in inner.keys() & outer.keys():
        if inner[name] != outer[name]:
            both[name] = {"allOf": [inner[name], outer[name]]}
    return both
