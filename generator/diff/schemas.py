"""Compares two schemas in one direction: what a request may hold must not shrink, what an answer holds not grow.

A model that is used in both directions is compared twice, once for each. A pair of named schemas is looked at once for
each direction, so cycles end.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

from attrs import define, evolve, field
from openapi_python_client.strings import PythonIdentifier

from generator.diff.change import Change, Level
from generator.diff.normal import Normal, normal
from generator.document import Document
from generator.operations import FIELD_PREFIX

Side = Literal["request", "response"]
# How a limit is called in oasdiff's ids, and whether a larger value is the stricter one.
_LIMITS: Final = {
    "maxLength": ("max-length", -1),
    "minLength": ("min-length", 1),
    "maximum": ("max", -1),
    "minimum": ("min", 1),
    "exclusiveMaximum": ("exclusive-max", -1),
    "exclusiveMinimum": ("exclusive-min", 1),
    "maxItems": ("max-items", -1),
    "minItems": ("min-items", 1),
}
_NUMBERS: Final = {"integer": {"integer", "number"}}
_TYPED: Final = {"date", "date-time", "uuid", "binary", "password", None}


@define(frozen=True)
class Place:
    """Where we are: `kind` is parameter, body or property; `listed` is true for the items of a list."""

    side: Side
    kind: str
    where: str
    listed: bool = False

    @property
    def is_request(self) -> bool:
        """Say whether the user's program gives the value."""
        return self.side == "request"

    def change(self, what: str, message: str, request: Level, response: Level) -> Change:
        """Return a change whose level depends on the direction."""
        level = request if self.is_request else response
        return Change(f"{self.side}-{self.kind}-{what}", level, self.where, message)

    def breaking(self, what: str, message: str) -> Change:
        """Return a change that breaks in either direction."""
        return self.change(what, message, Level.BREAKING, Level.BREAKING)


@define(eq=False)
class Schemas:
    """Compares schemas of two documents, each pair of named ones once."""

    old: Document
    new: Document
    _seen: set[tuple[object, ...]] = field(factory=set)

    def compare(self, old: Any, new: Any, place: Place) -> Iterator[Change]:
        """Yield what differs."""
        before, after = normal(self.old, old), normal(self.new, new)
        if before.reference and after.reference:
            pair = (before.reference, after.reference, place.side, place.kind, place.listed)
            if pair in self._seen:
                return
            self._seen.add(pair)
            place = evolve(place, where=after.reference.removeprefix("#/"))
        yield from self._compare(before, after, place)

    def _compare(self, old: Normal, new: Normal, place: Place) -> Iterator[Change]:
        yield from _nullability(old, new, place)
        if old.branches or new.branches:
            yield from self._unions(old, new, place)
            return
        changed = list(_types(old, new, place)) or list(_names(old, new, place))
        yield from changed
        if any(change.level is Level.BREAKING for change in changed) and old.types != new.types:
            return  # nothing in it can be compared
        yield from _values(old, new, place)
        yield from _limits(old, new, place)
        yield from _defaults(old, new, place)
        yield from self._properties(old, new, place)
        if "items" in old.schema or "items" in new.schema:
            inner = evolve(place, where=f"{place.where}/items", listed=True)
            yield from self.compare(old.schema.get("items") or {}, new.schema.get("items") or {}, inner)

    def _unions(self, old: Normal, new: Normal, place: Place) -> Iterator[Change]:
        word = "one-of" if "oneOf" in {**old.schema, **new.schema} else "any-of"
        before, after = ({each.key: each for each in side.branches or (side,)} for side in (old, new))
        # A list is invariant: a list of a wider union is another type, whoever gives it.
        wider, narrower = (Level.BREAKING, Level.BREAKING) if place.listed else (Level.MINOR, Level.MINOR)
        for key in before.keys() - after.keys():
            text = f"{before[key].name or '/'.join(sorted(before[key].types))} left the union"
            yield place.change(f"{word}-removed", text, Level.BREAKING, narrower)
        for key in after.keys() - before.keys():
            text = f"{after[key].name or '/'.join(sorted(after[key].types))} joined the union"
            yield place.change(f"{word}-added", text, wider, Level.BREAKING)
        for key in before.keys() & after.keys():
            yield from self._compare(before[key], after[key], place)

    def _properties(self, old: Normal, new: Normal, place: Place) -> Iterator[Change]:
        before, after = old.properties, new.properties
        if not before and not after:
            yield from self._additional(old, new, place)
            return
        renamed = dict(_renamed(before, after))
        for name in before.keys() & after.keys():
            inner = evolve(place, kind="property", where=f"{place.where}/{name}", listed=False)
            yield from self._requiredness(name, (old, new), inner)
            yield from self.compare(before[name], after[name], inner)
        for name in before.keys() - after.keys() - renamed.keys():
            yield _removed(name, old, place)
        for name in after.keys() - before.keys() - set(renamed.values()):
            yield self._added(name, new, place)
        for name, to in renamed.items():
            text = f"{name} is called {to} on the wire; its Python name stays"
            yield Change(f"{place.side}-property-renamed", Level.PATCH, place.where, text)
            yield from self.compare(
                before[name], after[to], evolve(place, kind="property", where=f"{place.where}/{to}")
            )
        yield from self._additional(old, new, place)

    def _requiredness(self, name: str, both: tuple[Normal, Normal], place: Place) -> Iterator[Change]:
        old, new = both
        had, has = _default(self.old, old, name), _default(self.new, new, name)
        was, now = name in old.required, name in new.required
        if place.is_request:  # the SDK sends a default itself, so the argument may be left out
            was, now = was and not had, now and not has
        if now and not was:
            yield place.change("became-required", f"{name} became required", Level.BREAKING, Level.MINOR)
        elif was and not now:
            yield place.change("became-optional", f"{name} became optional", Level.MINOR, Level.BREAKING)

    def _added(self, name: str, new: Normal, place: Place) -> Change:
        required = name in new.required
        if not place.is_request:
            word = "required" if required else "optional"
            return Change(f"response-{word}-property-added", Level.MINOR, place.where, f"{name} was added")
        if required and not _default(self.new, new, name):
            text = f"{name} was added and is required"
            return Change("new-required-request-property", Level.BREAKING, place.where, text)
        rule = "new-required-request-property-with-default" if required else "new-optional-request-property"
        return Change(rule, Level.MINOR, place.where, f"{name} was added")

    def _additional(self, old: Normal, new: Normal, place: Place) -> Iterator[Change]:
        before, after = (each.schema.get("additionalProperties", True) for each in (old, new))
        if "object" not in old.types or before == after:
            return
        if isinstance(before, dict) and isinstance(after, dict):
            inner = evolve(place, kind="property", where=f"{place.where}/additionalProperties", listed=True)
            yield from self.compare(before, after, inner)
        elif before is False:
            text = "properties that are not declared are accepted"
            yield place.change("additional-properties-opened", text, Level.MINOR, Level.MINOR)
        elif {str(before), str(after)} != {"True", "{}"}:
            yield place.breaking(
                "additional-properties-changed", "properties that are not declared are others, or none"
            )


def _removed(name: str, old: Normal, place: Place) -> Change:
    if place.is_request:
        return Change("request-property-removed", Level.BREAKING, place.where, f"{name} was removed")
    word = "required" if name in old.required else "optional"
    return Change(f"response-{word}-property-removed", Level.BREAKING, place.where, f"{name} was removed")


def _renamed(before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, str]]:
    names = {PythonIdentifier(name, FIELD_PREFIX): name for name in after.keys() - before.keys()}
    for name in before.keys() - after.keys():
        if to := names.get(PythonIdentifier(name, FIELD_PREFIX)):
            yield name, to


def _default(document: Document, owner: Normal, name: str) -> bool:
    return normal(document, owner.properties.get(name)).schema.get("default") is not None


def _nullability(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    if new.nullable and not old.nullable:
        level = Level.BREAKING if place.listed else Level.MINOR
        yield place.change("became-nullable", "null became possible", level, Level.BREAKING)
    elif old.nullable and not new.nullable:
        level = Level.BREAKING if place.listed else Level.MINOR
        yield place.change("became-not-nullable", "null is not possible any more", Level.BREAKING, level)


def _types(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    before, after = old.types, new.types
    if before == after:
        return
    text = f"{_told(before)} became {_told(after)}"
    wider, narrower = _covers(after, before), _covers(before, after)
    if place.listed or not (wider if place.is_request else narrower):
        yield place.breaking("type-changed", text)
    else:
        word = "generalized" if place.is_request else "specialized"
        yield place.change(f"type-{word}", text, Level.MINOR, Level.MINOR)


def _covers(wide: frozenset[str], narrow: frozenset[str]) -> bool:
    """Say whether every value of `narrow` is one of `wide`; no type at all is any type."""
    return not wide or (bool(narrow) and all(_NUMBERS.get(each, {each}) & wide for each in narrow))


def _told(types: frozenset[str]) -> str:
    return " or ".join(sorted(types)) or "anything"


def _names(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    if (old.enum and not new.enum) or (new.enum and not old.enum):
        return
    if old.name != new.name and (old.properties or old.enum):
        yield place.breaking("type-changed", f"the class {old.name or 'without a name'} became {new.name or 'another'}")


def _values(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    if old.schema.get("const") != new.schema.get("const"):
        verb = "removed" if "const" not in new.schema else "changed" if "const" in old.schema else "added"
        given = Level.MINOR if verb == "removed" else Level.BREAKING
        yield place.change(f"const-{verb}", f"the constant was {verb}", given, Level.BREAKING)
    if new.enum and not old.enum:
        level = (
            Level.BREAKING if place.listed else Level.MINOR
        )  # an enum's member is a str, a list of them no list[str]
        yield place.change("became-enum", "limited to listed values", Level.BREAKING, level)
    elif old.enum and not new.enum:
        yield place.breaking("became-not-enum", "not limited to listed values any more")
    else:
        for value in set(old.enum) - set(new.enum):
            yield place.breaking("enum-value-removed", f"{value!r} was removed")
        for value in set(new.enum) - set(old.enum):  # enums are open: an older program reads it as `unknown`
            yield place.change("enum-value-added", f"{value!r} was added", Level.MINOR, Level.MINOR)


def _limits(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    for keyword, (word, sign) in _LIMITS.items():
        before, after = _number(old, keyword), _number(new, keyword)
        if before == after:
            continue
        text = f"{keyword}: {before if before is not None else 'none'} became {after if after is not None else 'none'}"
        if before is None or after is None:
            stricter, verb = after is not None, "set" if before is None else "unset"
        else:
            stricter, verb = (after - before) * sign > 0, "increased" if after > before else "decreased"
        yield place.change(f"{word}-{verb}", text, Level.BREAKING if stricter else Level.MINOR, Level.PATCH)
    yield from _pattern(old, new, place)


def _pattern(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    for keyword in ("pattern", "format"):
        before, after = old.schema.get(keyword), new.schema.get(keyword)
        if before == after or (keyword == "format" and {before, after} <= _TYPED):
            continue
        verb = "removed" if after is None else "added" if before is None else "changed"
        level = Level.MINOR if after is None else Level.BREAKING
        rule = f"pattern-{verb}" if keyword == "pattern" else "type-changed"
        yield place.change(rule, f"{keyword}: {before} became {after}", level, Level.PATCH)


def _number(schema: Normal, keyword: str) -> float | None:
    value = schema.schema.get(keyword)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _defaults(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    before, after = old.schema.get("default"), new.schema.get("default")
    if before != after:
        verb = "removed" if after is None else "added" if before is None else "changed"
        text = f"default: {before!r} became {after!r}"
        yield place.change(f"default-value-{verb}", text, Level.MINOR, Level.MINOR)
