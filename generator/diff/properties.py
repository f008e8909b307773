"""Compares the properties of two models in one direction: what is there, what must be there, what is there no more.

Who sends a request gives no `readOnly` property, who reads an answer finds no `writeOnly` one.
"""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, evolve
from openapi_python_client.strings import PythonIdentifier

from generator.diff.change import Change, Level
from generator.diff.normal import Normal, normal
from generator.diff.place import Place
from generator.spec.document import Document
from generator.spec.naming import FIELD_PREFIX


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
