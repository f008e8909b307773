"""Writes compositions that openapi-python-client reads in part as ones that it reads whole; they mean the same.

A union beside other members becomes a union of compositions. What only describes or restricts a value moves to the
schema around it. `problem` names what neither can cure, for the linter.
"""

import copy
from collections.abc import Callable, Iterator
from math import prod
from typing import Any, Final

from attrs import define

from generator.spec.schemas import UNIONS

Schema = dict[str, Any]
OWN: Final = ("properties", "required", "additionalProperties")
_CONSTRAINTS: Final = frozenset({"description", "not", "required", "title"})
_TYPES: Final = frozenset(
    {"$ref", "allOf", "anyOf", "const", "enum", "format", "items", "oneOf"} | {"properties", "type"}
)
_ANY_TYPE: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
_MOST: Final = 500  # alternatives, of unions that multiply


def constrains_only(schema: Schema, key: str) -> bool:
    """Say whether the members of a union only ask for some of the properties around them, as no type can."""
    members = all(isinstance(each, dict) and each.keys() <= _CONSTRAINTS for each in schema.get(key) or [])
    return members and bool(schema.get("properties") or schema.get("allOf"))


@define
class Compositions:
    """The compositions of one document; `resolve` follows its references."""

    resolve: Callable[[object], Any]
    budget: int = 5_000  # new compositions: a small document can ask for endless ones

    def problem(self, schema: Schema) -> str | None:
        """Return why a schema cannot be read whole, None if it can."""
        inline = [each for each in schema.get("allOf") or [] if isinstance(each, dict) and "$ref" not in each]
        types = {str(each["type"]) for each in inline if "type" in each}
        if len(types) > 1:
            return f"allOf has members of several types, {' and '.join(sorted(types))}: no value fits."
        unions = [members for each in _parts(schema) if (members := self._alternatives(each))]
        if not unions or len(_parts(schema)) < 2:
            return None
        if prod(map(len, unions)) > _MOST:
            return f"The unions of an allOf have more than {_MOST} alternatives."
        if any(self._reaches(each, schema, set()) for each in unions[0]):
            return "A member of a union is composed of the schema that has the union, and other members beside it."
        return None

    def distribute(self, schema: Schema) -> list[Schema]:
        """Write a union beside other members as a union of compositions, in place, and return those."""
        parts = _parts(schema)
        index = next((index for index, each in enumerate(parts) if self._alternatives(each)), None)
        if index is None or len(parts) < 2 or self.budget <= 0 or self.problem(schema):
            return []
        alternatives = self._alternatives(parts.pop(index)) or []
        nullable = "null" in (schema.get("type") or ())
        for key in ("allOf", "type", *UNIONS, *OWN):
            schema.pop(key, None)
        members = [each for each in alternatives if self.resolve(each) != {"type": "null"}]
        if len(members) < len(alternatives) and any("required" in (self.resolve(each) or {}) for each in members):
            members.append({})  # of an object, null says that it has nothing of the union
        written: list[Schema] = [{"allOf": copy.deepcopy([each, *parts])} for each in members]
        self.budget -= len(written)
        if len(written) == 1 and not nullable:
            schema |= written[0]
            return self.distribute(schema)
        schema["oneOf"] = [*written, {"type": "null"}] if nullable else written
        return written

    def override(self, schema: Schema) -> None:
        """Write out what a schema is composed of, in place, if a member may be null or gives another type."""
        merged, required, is_needed = dict[str, Any](), dict[str, None](), False
        members = list(self._members(schema, set()))
        if not any("properties" in part or ("type" in part and "object" in self._kinds(part)) for part in members):
            return
        for part in members:
            is_needed |= part is not schema and "null" in self._kinds(part) and "type" in part
            required |= dict.fromkeys(part.get("required") or ())
            for name, each in (part.get("properties") or {}).items():
                before = merged.get(name, {})
                first, second = ({key: one[key] for key in _TYPES & one.keys()} for one in (before, each))
                inner = {**before.get("properties", {}), **each.get("properties", {})}
                if first and second and first != second:
                    if self._kinds(before).isdisjoint(self._kinds(each)):
                        return  # no value fits, which upstream reports
                    is_needed = True
                rest = {key: before[key] for key in before if not second or key not in _TYPES}
                merged[name] = {**rest, **each, **({"properties": inner} if inner else {})}
        if is_needed:
            type_: Any = ["object", "null"] if self._allows_null(schema, set()) else "object"
            del schema["allOf"]
            schema |= {"type": type_, "properties": copy.deepcopy(merged)}
            schema |= {"required": [*required]} if required else {}

    def _kinds(self, schema: object) -> frozenset[str]:
        """Return the types that a value may have."""
        node = self.resolve(schema) or {}
        kinds = node.get("type", _ANY_TYPE)
        null = {"null"} if node.get("nullable") is True else set[str]()
        return frozenset([kinds] if isinstance(kinds, str) else kinds) | null

    def _allows_null(self, node: object, seen: set[int]) -> bool | None:
        """Say whether a value may be null; None if its type is open."""
        schema = self.resolve(node) or {}
        if "type" in schema or schema.get("nullable") is True or id(schema) in seen:
            return "null" in self._kinds(schema)
        seen.add(id(schema))
        parts = [self._allows_null(each, seen) for each in schema.get("allOf") or []]
        return all(each is not False for each in parts) if any(each is not None for each in parts) else None

    def _members(self, node: object, seen: set[int]) -> Iterator[Schema]:
        """Yield what a schema is composed of, and the schema; the later ones say more."""
        schema = self.resolve(node)
        if isinstance(schema, dict) and id(schema) not in seen:
            seen.add(id(schema))
            for each in schema.get("allOf") or []:
                yield from self._members(each, seen)
            yield schema

    def _alternatives(self, part: object) -> list[Any] | None:
        """Return the members of a union, each with what stands beside it."""
        schema = self.resolve(part)
        key = next((key for key in UNIONS if is_real(schema, key)), None)
        if key is None:
            return None
        rest = [each for each in _parts(schema) if key not in each]
        return [{"allOf": [each, *rest]} if rest else each for each in schema[key]]

    def _reaches(self, node: object, wanted: Schema, seen: set[int]) -> bool:
        schema = self.resolve(node)
        if schema is wanted:
            return True
        if not isinstance(schema, dict) or id(schema) in seen:
            return False
        seen.add(id(schema))
        inner = [each for key in ("allOf", *UNIONS) for each in schema.get(key) or []]
        return any(self._reaches(each, wanted, seen) for each in inner)


def merge(schema: Schema) -> None:
    """Move what members of `allOf` say about the value, and not about its properties, to the schema, in place."""
    members = []
    for each in schema["allOf"]:
        if not isinstance(each, dict) or not {"$ref", "allOf", *UNIONS, *OWN}.isdisjoint(each):
            members.append(each)
        else:
            schema |= {**each, **schema}
    schema["allOf"] = members
    if not members:
        del schema["allOf"]


def is_real(schema: Any, key: str) -> bool:
    """Say whether a schema has a union of types."""
    return isinstance(schema, dict) and bool(schema.get(key)) and not constrains_only(schema, key)


def _parts(schema: Schema) -> list[Schema]:
    """Return what a value of the schema has to fit, each as a schema."""
    own: Schema = {key: schema[key] for key in OWN if key in schema}
    unions = [{key: schema[key]} for key in UNIONS if is_real(schema, key)]
    owned: list[Schema] = [{"type": "object", **own}] if own else []
    return [*(schema.get("allOf") or []), *owned, *unions]
