"""Compares two schemas in one direction: what a request may hold must not shrink, what an answer holds not grow.

A model that is used in both directions is compared twice, once for each. A pair of schemas with names is looked at once
for each direction and later than what refers to it, so cycles end and chains may be long. `keywords` has what bounds a
value.
"""

import json
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Final

from attrs import define, evolve, field
from openapi_python_client.strings import PythonIdentifier

from generator.diff.change import Change, Level, Place
from generator.diff.keywords import compare_keywords, compare_values
from generator.diff.normal import Normal, normal
from generator.spec.document import Document
from generator.spec.naming import FIELD_PREFIX


@define(frozen=True)
class Slot:
    """What a method takes or a model has: an argument or an attribute called `python`, `name` on the wire.

    `must` says whether it has to be there: what has a default is sent by the SDK itself. What is `hidden` belongs to
    the other direction.
    """

    name: str
    python: str
    schema: Any = field(repr=False)
    required: bool
    must: bool
    label: str
    hidden: bool = False


Slots = Mapping[Any, Slot]
Compare = Callable[[Any, Any, Place], Iterator[Change]]


def compare_slots(old: Slots, new: Slots, place: Place, kind: str, inside: Compare) -> Iterator[Change]:
    """Yield what differs between the arguments of a method or the attributes of a model."""
    pairs = {key: key for key in old if key in new}
    arguments = {slot.python: key for key, slot in new.items() if key not in pairs}
    # Another place or another name on the wire, the same name in Python: the SDK sees to it.
    pairs |= {key: arguments[slot.python] for key, slot in old.items() if key not in pairs and slot.python in arguments}
    for key, to in pairs.items():
        was, now = old[key], new[to]
        inner = evolve(place, kind=kind, where=f"{place.where}/{now.name}", listed=False)
        if key != to:
            text = f"{was.label} is {now.label} on the wire; its Python name stays"
            yield inner.change("moved" if kind == "parameter" else "renamed", text, Level.PATCH, Level.PATCH)
        if was.hidden or now.hidden:
            yield from _shown(was, now, inner)
        else:
            yield from _slot(was, now, inner)
            yield from inside(was.schema, now.schema, inner)
    for key in old.keys() - pairs.keys():
        if not old[key].hidden:
            yield _removed(old[key], place, kind)
    for key in new.keys() - set(pairs.values()):
        if not new[key].hidden:
            yield _added(new[key], place, kind)


def _slot(was: Slot, now: Slot, place: Place) -> Iterator[Change]:
    if was.python != now.python:
        yield place.breaking("renamed", f"the argument {was.python} is called {now.python} now")
    if now.must and not was.must:
        yield place.change("became-required", f"{now.name} became required", Level.BREAKING, Level.MINOR)
    elif was.must and not now.must:
        yield place.change("became-optional", f"{now.name} became optional", Level.MINOR, Level.BREAKING)


def _shown(was: Slot, now: Slot, place: Place) -> Iterator[Change]:
    """Yield what was part of this direction and is not, and the other way round."""
    word = "read-only" if place.is_request else "write-only"
    if now.hidden and not was.hidden:
        yield place.breaking(f"became-{word}", f"{now.name} became {word}")
    elif was.hidden and not now.hidden:
        required = place.is_request and now.must
        text = f"{now.name} is not {word} any more" + ", and required" * required
        level = Level.BREAKING if required else Level.MINOR
        yield place.change(f"became-not-{word}" + "-required" * required, text, level, Level.MINOR)


def _removed(slot: Slot, place: Place, kind: str) -> Change:
    word = "" if place.is_request else "required-" if slot.required else "optional-"
    return Change(f"{place.side}-{word}{kind}-removed", Level.BREAKING, place.where, f"{slot.label} was removed")


def _added(slot: Slot, place: Place, kind: str) -> Change:
    text = f"{slot.label} was added"
    if not place.is_request:
        word = "required" if slot.required else "optional"
        return Change(f"response-{word}-{kind}-added", Level.MINOR, place.where, text)
    if slot.must:
        return Change(f"new-required-request-{kind}", Level.BREAKING, place.where, f"{text} and is required")
    return Change(f"new-optional-request-{kind}", Level.MINOR, place.where, text)


def attributes(document: Document, owner: Normal, place: Place) -> dict[str, Slot]:
    """Return the properties of a model; those of the other direction are hidden."""
    mark = "readOnly" if place.is_request else "writeOnly"
    slots = {}
    for name, node in owner.properties.items():
        own, required = normal(document, node), name in owner.required
        must = required and not (place.is_request and own.has_default)
        hidden = isinstance(node, dict) and (node.get(mark) is True or own.schema.get(mark) is True)
        slots[name] = Slot(name, PythonIdentifier(name, FIELD_PREFIX), node, required, must, name, hidden)
    return slots


_NUMBERS: Final = {"integer": {"integer", "number"}}


@define(eq=False)
class Schemas:
    """Compares schemas of two documents, each pair of named ones once."""

    old: Document
    new: Document
    _seen: set[Hashable] = field(factory=set)
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
        if new.nullable and not old.nullable:
            yield place.typed("became-nullable", "null became possible", Level.MINOR, Level.BREAKING)
        elif old.nullable and not new.nullable:
            yield place.typed("became-not-nullable", "null is not possible any more", Level.BREAKING, Level.MINOR)
        yield from _defaults(old, new, place)
        if old.branches or new.branches:
            yield from self._unions(old, new, place)
            if not (old.branches and new.branches):
                return
        else:
            changed = list(_types(old, new, place)) or list(_names(old, new, place))
            yield from changed
            if any(change.level is Level.BREAKING for change in changed) and old.types != new.types:
                return  # nothing in it can be compared
            yield from compare_values(old, new, place)
            yield from self._properties(old, new, place)
            before, after = _items(old), _items(new)
            if before is not None or after is not None:
                inner = evolve(place, where=f"{place.where}/items", listed=True)
                yield from self.compare(before or {}, after or {}, inner)
        yield from compare_keywords((self.old, self.new), old, new, place)

    def _properties(self, old: Normal, new: Normal, place: Place) -> Iterator[Change]:
        slots = attributes(self.old, old, place), attributes(self.new, new, place)
        yield from compare_slots(*slots, place, "property", self.compare)
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
            yield place.breaking("additional-properties-changed", "undeclared properties are others, or none")

    def _unions(self, old: Normal, new: Normal, place: Place) -> Iterator[Change]:
        word = "one-of" if "oneOf" in {**old.schema, **new.schema} else "any-of"
        pairs, left, joined, is_renamed = paired(old, new)
        for each in left:
            yield place.typed(f"{word}-removed", f"{each.label} left the union", Level.BREAKING, Level.MINOR)
        for each in joined:
            yield place.typed(f"{word}-added", f"{each.label} joined the union", Level.MINOR, Level.BREAKING)
        if is_renamed:
            text = "a class without a name of its own is called after its position, which is another one"
            yield place.breaking(f"{word}-class-renamed", text)
        for one, other in pairs:
            yield from self._once(one, other, place)


# What makes a member of one union that of another, so that an edited member is no other member: the class of the same
# name, the very same schema, then what has the same type.
_LIKENESSES: Final[tuple[Callable[[Normal], Any], ...]] = (
    lambda member: member.name or id(member),
    lambda member: (member.name, json.dumps(member.schema, sort_keys=True)),
    lambda member: (member.name, member.types, member.is_class),
)


def paired(old: Normal, new: Normal) -> tuple[list[tuple[Normal, Normal]], list[Normal], list[Normal], bool]:
    """Return what was a member and still is, what left, what joined; and whether a class is called otherwise by that.

    Classes without a name of their own are called after their position.
    """
    left, joined = dict(enumerate(old.members)), dict(enumerate(new.members))
    pairs, is_renamed = list[tuple[Normal, Normal]](), False
    for alike in _LIKENESSES:
        for at in tuple(left):
            to = next((each for each in joined if alike(left[at]) == alike(joined[each])), None)
            if to is not None:
                is_renamed |= at != to and left[at].is_class and not left[at].name
                pairs.append((left.pop(at), joined.pop(to)))
    return pairs, list(left.values()), list(joined.values()), is_renamed


def _items(schema: Normal) -> Any:
    """Return what the items of a list are: those at the first places, and the others, whatever their place."""
    first, items = schema.schema.get("prefixItems") or [], schema.schema.get("items")
    several = [*first, *([items] if isinstance(items, dict) else [])]
    return {"anyOf": several} if first and len(several) > 1 else several[0] if several else None


def _types(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    before, after = old.types, new.types
    if before == after:
        return
    text = " became ".join(" or ".join(sorted(each)) or "anything" for each in (before, after))
    if not (_covers(after, before) if place.is_request else _covers(before, after)):
        yield place.breaking("type-changed", text)
    else:
        word = "generalized" if place.is_request else "specialized"
        yield place.typed(f"type-{word}", text, Level.MINOR, Level.MINOR)


def _covers(wide: frozenset[str], narrow: frozenset[str]) -> bool:
    """Say whether every value of `narrow` is one of `wide`; no type at all is any type."""
    return not wide or (bool(narrow) and all(_NUMBERS.get(each, {each}) & wide for each in narrow))


def _names(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    if bool(old.enum) == bool(new.enum) and old.name != new.name and (old.properties or old.enum):
        text = f"the class {old.name or 'without a name'} became {new.name or 'another'}"
        yield place.breaking("class-changed", text)


def _defaults(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    before, after = old.schema.get("default"), new.schema.get("default")
    if before != after:
        verb = "removed" if after is None else "added" if before is None else "changed"
        text = f"default: {before!r} became {after!r}"
        yield place.change(f"default-value-{verb}", text, Level.MINOR, Level.MINOR)
