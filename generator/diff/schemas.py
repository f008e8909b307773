"""Compares two schemas in one direction: what a request may hold must not shrink, what an answer holds not grow.

A model that is used in both directions is compared twice, once for each. A pair of schemas with names is looked at once
for each direction and later than what refers to it, so cycles end and chains may be long. `limits`, `enums`,
`keywords`, `unions` and `properties` have the parts.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, evolve, field

from generator.diff.change import Change, Level
from generator.diff.enums import compare_values
from generator.diff.keywords import compare_keywords
from generator.diff.limits import compare_limits
from generator.diff.normal import Normal, normal
from generator.diff.place import Place
from generator.diff.properties import Properties
from generator.diff.unions import paired
from generator.spec.document import Document

_NUMBERS: Final = {"integer": {"integer", "number"}}


@define(eq=False)
class Schemas:
    """Compares schemas of two documents, each pair of named ones once."""

    old: Document
    new: Document
    _seen: set[tuple[object, ...]] = field(factory=set)
    _waiting: deque[tuple[Normal, Normal, Place]] = field(factory=deque)

    def compare(self, old: Any, new: Any, place: Place) -> Iterator[Change]:
        """Yield what differs; what `rest` yields belongs to it."""
        yield from self._once(normal(self.old, old), normal(self.new, new), place)

    def rest(self) -> Iterator[Change]:
        """Yield what differs in the named schemas that were met."""
        while self._waiting:
            yield from self._compare(*self._waiting.popleft())

    def _once(self, old: Normal, new: Normal, place: Place) -> Iterator[Change]:
        if not old.identity or not new.identity:
            yield from self._compare(old, new, place)
            return
        # Nullability stands at the place, not in the schema that is referred to.
        nullable = (old.nullable, new.nullable)
        pair = (old.identity, new.identity, nullable, place.side, place.kind, place.listed)
        if pair not in self._seen:
            self._seen.add(pair)
            where = new.reference.removeprefix("#/") if new.reference else place.where
            self._waiting.append((old, new, evolve(place, where=where)))

    def _compare(self, old: Normal, new: Normal, place: Place) -> Iterator[Change]:
        yield from _nullability(old, new, place)
        if old.branches or new.branches:
            yield from self._unions(old, new, place)
            return
        changed = list(_types(old, new, place)) or list(_names(old, new, place))
        yield from changed
        if any(change.level is Level.BREAKING for change in changed) and old.types != new.types:
            return  # nothing in it can be compared
        yield from compare_values(old, new, place)
        yield from compare_limits(old, new, place)
        yield from compare_keywords((self.old, self.new), old, new, place)
        yield from _defaults(old, new, place)
        yield from Properties(self.old, self.new, self.compare).compare(old, new, place)
        before, after = _items(old), _items(new)
        if before is not None or after is not None:
            yield from self.compare(before or {}, after or {}, evolve(place, where=f"{place.where}/items", listed=True))

    def _unions(self, old: Normal, new: Normal, place: Place) -> Iterator[Change]:
        word = "one-of" if "oneOf" in {**old.schema, **new.schema} else "any-of"
        members = paired(old, new)
        for each in members.left:
            yield place.typed(f"{word}-removed", f"{each.told} left the union", Level.BREAKING, Level.MINOR)
        for each in members.joined:
            yield place.typed(f"{word}-added", f"{each.told} joined the union", Level.MINOR, Level.BREAKING)
        if members.renamed:
            text = "a class without a name of its own is called after its position, which is another one"
            yield place.breaking(f"{word}-class-renamed", text)
        for one, other in members.pairs:
            yield from self._once(one, other, place)
        yield from _defaults(old, new, place)
        if old.branches and new.branches:
            yield from compare_limits(old, new, place)
            yield from compare_keywords((self.old, self.new), old, new, place)


def _items(schema: Normal) -> Any:
    """Return what the items of the printed list are: those at the first places and the others, whatever their place."""
    first = schema.schema.get("prefixItems") or []
    items = schema.schema.get("items")
    several = [*first, *([items] if isinstance(items, dict) else [])]
    return {"anyOf": several} if first and len(several) > 1 else several[0] if several else None


def _nullability(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    if new.nullable and not old.nullable:
        yield place.typed("became-nullable", "null became possible", Level.MINOR, Level.BREAKING)
    elif old.nullable and not new.nullable:
        yield place.typed("became-not-nullable", "null is not possible any more", Level.BREAKING, Level.MINOR)


def _types(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    before, after = old.types, new.types
    if before == after:
        return
    text = f"{_told(before)} became {_told(after)}"
    wider, narrower = _covers(after, before), _covers(before, after)
    if not (wider if place.is_request else narrower):
        yield place.breaking("type-changed", text)
    else:
        word = "generalized" if place.is_request else "specialized"
        yield place.typed(f"type-{word}", text, Level.MINOR, Level.MINOR)


def _covers(wide: frozenset[str], narrow: frozenset[str]) -> bool:
    """Say whether every value of `narrow` is one of `wide`; no type at all is any type."""
    return not wide or (bool(narrow) and all(_NUMBERS.get(each, {each}) & wide for each in narrow))


def _told(types: frozenset[str]) -> str:
    return " or ".join(sorted(types)) or "anything"


def _names(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    if bool(old.enum) != bool(new.enum):
        return
    if old.name != new.name and (old.properties or old.enum):
        text = f"the class {old.name or 'without a name'} became {new.name or 'another'}"
        yield place.breaking("class-changed", text)


def _defaults(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    before, after = old.schema.get("default"), new.schema.get("default")
    if before != after:
        verb = "removed" if after is None else "added" if before is None else "changed"
        text = f"default: {before!r} became {after!r}"
        yield place.change(f"default-value-{verb}", text, Level.MINOR, Level.MINOR)
