"""Compares two schemas in one direction: what a request may hold must not shrink, what an answer holds not grow.

A model that is used in both directions is compared twice, once for each. A pair of schemas with names is looked at once
for each direction and later than what refers to it, so cycles end and chains may be long. `limits`, `enums`,
`keywords`, `unions` and `properties` have the parts.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

from attrs import define, evolve, field
from openapi_python_client.strings import PythonIdentifier

from generator.diff.change import Change, Level, Place
from generator.diff.normal import Normal, normal
from generator.diff.values import compare_keywords, compare_limits, compare_values
from generator.spec.document import Document
from generator.spec.naming import FIELD_PREFIX

# Finds which member of the old union is which of the new one, so that an edited member is no other member.


@define(frozen=True)
class Members:
    """The members of two unions: what was a member and still is, what left and what joined.

    `renamed` are classes without a name of their own, which are called after their position, and it is another one.
    """

    pairs: list[tuple[Normal, Normal]]
    left: list[Normal]
    joined: list[Normal]
    renamed: int


def paired(old: Normal, new: Normal) -> Members:
    """Pair the members: the class of the same name, the very same schema, then what has the same type."""
    left, joined = dict(enumerate(old.members)), dict(enumerate(new.members))
    places = list[tuple[int, int]]()
    pairs = list[tuple[Normal, Normal]]()
    for alike in _LIKENESSES:
        for at in tuple(left):
            to = next((each for each in joined if alike(left[at]) == alike(joined[each])), None)
            if to is not None:
                places.append((at, to))
                pairs.append((left.pop(at), joined.pop(to)))
    renamed = [at != to and one.is_class and not one.name for (at, to), (one, _) in zip(places, pairs, strict=True)]
    return Members(pairs, list(left.values()), list(joined.values()), sum(renamed))


def _text(member: Normal) -> Any:
    return json.dumps(member.schema, sort_keys=True)


def _type(member: Normal) -> Any:
    return (member.name, member.types, member.is_class)


_LIKENESSES: Final[tuple[Callable[[Normal], Any], ...]] = (
    lambda member: member.name or id(member),
    lambda member: (member.name, _text(member)),
    _type,
)


# Compares the properties of two models in one direction: what is there, what must be there, what is there no more.


@define(frozen=True)
class Properties:
    """Compares the properties of models of two documents; `inside` compares the schemas that stand in them."""

    old: Document
    new: Document
    inside: Callable[[Any, Any, Place], Iterator[Change]]

    def compare(self, old: Normal, new: Normal, place: Place) -> Iterator[Change]:
        """Yield what differs."""
        before, after = belonging(self.old, old, place), belonging(self.new, new, place)
        yield from self._hidden(old, new, place)
        was, now = set(old.properties), set(new.properties)
        renamed = dict(_renamed(was, now))
        for name in before & after:
            yield from self._property((name, name), (old, new), place)
        for name in before - now - renamed.keys():
            yield _removed(name, old, place)
        for name in after - was - set(renamed.values()):
            yield self._added(name, new, place)
        for name, to in renamed.items():
            if name in before and to in after:
                text = f"{name} is called {to} on the wire; its Python name stays"
                yield Change(f"{place.side}-property-renamed", Level.PATCH, place.where, text)
                yield from self._property((name, to), (old, new), place)
        yield from self._additional(old, new, place)

    def _property(self, names: tuple[str, str], both: tuple[Normal, Normal], place: Place) -> Iterator[Change]:
        (name, to), (old, new) = names, both
        inner = evolve(place, kind="property", where=f"{place.where}/{to}", listed=False)
        was, now = _must(self.old, old, name, place), _must(self.new, new, to, place)
        if now and not was:
            yield inner.change("became-required", f"{to} became required", Level.BREAKING, Level.MINOR)
        elif was and not now:
            yield inner.change("became-optional", f"{to} became optional", Level.MINOR, Level.BREAKING)
        yield from self.inside(old.properties[name], new.properties[to], inner)

    def _hidden(self, old: Normal, new: Normal, place: Place) -> Iterator[Change]:
        """Yield what was part of this direction and is not, and the other way round."""
        word = "read-only" if place.is_request else "write-only"
        before, after = belonging(self.old, old, place), belonging(self.new, new, place)
        for name in sorted(old.properties.keys() & new.properties.keys()):
            inner = evolve(place, kind="property", where=f"{place.where}/{name}")
            if name in before and name not in after:
                yield inner.breaking(f"became-{word}", f"{name} became {word}")
            elif name in after and name not in before:
                must = place.is_request and _must(self.new, new, name, place)
                text = f"{name} is not {word} any more" + (", and required" if must else "")
                verb = f"became-not-{word}" + ("-required" if must else "")
                yield inner.change(verb, text, Level.BREAKING if must else Level.MINOR, Level.MINOR)

    def _added(self, name: str, new: Normal, place: Place) -> Change:
        required = name in new.required
        if not place.is_request:
            word = "required" if required else "optional"
            return Change(f"response-{word}-property-added", Level.MINOR, place.where, f"{name} was added")
        if _must(self.new, new, name, place):
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
            yield from self.inside(before, after, inner)
        elif before is False:
            text = "properties that are not declared are accepted"
            yield place.change("additional-properties-opened", text, Level.MINOR, Level.MINOR)
        elif {str(before), str(after)} != {"True", "{}"}:
            text = "properties that are not declared are others, or none"
            yield place.breaking("additional-properties-changed", text)


def belonging(document: Document, owner: Normal, place: Place) -> set[str]:
    """Return the properties that belong to this direction."""
    mark = "readOnly" if place.is_request else "writeOnly"
    return {name for name, node in owner.properties.items() if not _is_marked(document, node, mark)}


def _is_marked(document: Document, node: Any, mark: str) -> bool:
    if not isinstance(node, dict):
        return False
    return node.get(mark) is True or normal(document, node).schema.get(mark) is True


def _must(document: Document, owner: Normal, name: str, place: Place) -> bool:
    """Say whether it must be there. What has a default is sent by the SDK itself, so the argument may be left out."""
    if name not in owner.required:
        return False
    return not (place.is_request and normal(document, owner.properties.get(name)).has_default)


def _removed(name: str, old: Normal, place: Place) -> Change:
    if place.is_request:
        return Change("request-property-removed", Level.BREAKING, place.where, f"{name} was removed")
    word = "required" if name in old.required else "optional"
    return Change(f"response-{word}-property-removed", Level.BREAKING, place.where, f"{name} was removed")


def _renamed(before: set[str], after: set[str]) -> Iterator[tuple[str, str]]:
    names = {PythonIdentifier(name, FIELD_PREFIX): name for name in sorted(after - before)}
    for name in sorted(before - after):
        if to := names.get(PythonIdentifier(name, FIELD_PREFIX)):
            yield name, to


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
            yield place.typed(f"{word}-removed", f"{each.label} left the union", Level.BREAKING, Level.MINOR)
        for each in members.joined:
            yield place.typed(f"{word}-added", f"{each.label} joined the union", Level.MINOR, Level.BREAKING)
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
    """Return what the items of a list are: those at the first places, and the others, whatever their place."""
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
