"""Compares the parameters of an operation by what they are called as keyword arguments."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from openapi_python_client.strings import PythonIdentifier

from generator.diff.change import Change, Level
from generator.diff.normal import normal
from generator.diff.place import Place
from generator.diff.schemas import Schemas
from generator.spec.document import Document
from generator.spec.naming import FIELD_PREFIX
from generator.spec.operations import OperationFacts

Key = tuple[str, str]  # where it stands, and its name there
_RESERVED: Final = {"client", "url"}


def compare_parameters(schemas: Schemas, old: OperationFacts, new: OperationFacts) -> Iterator[Change]:
    """Yield what differs."""
    before, after = _nodes(schemas.old, old), _nodes(schemas.new, new)
    was, now = _names(before), _names(after)
    same = {key: key for key in before.keys() & after.keys()}
    arguments = {name: key for key, name in now.items() if key not in same}
    # Another place or another name on the wire, the same argument: the SDK sees to it.
    moved = {key: arguments[was[key]] for key in before.keys() - same if was[key] in arguments}
    for key, to in {**same, **moved}.items():
        place = Place("request", "parameter", f"{new.id}/{to[1]}")
        if was[key] != now[to]:
            yield place.breaking("renamed", f"the argument {was[key]} is called {now[to]} now")
        if key != to:
            yield place.change("moved", f"{key} became {to}", Level.PATCH, Level.PATCH)
        yield from _parameter(schemas, before[key], after[to], place)
    for key in before.keys() - same - moved.keys():
        yield Change("request-parameter-removed", Level.BREAKING, old.id, f"{key[1]} was removed")
    for key in after.keys() - same - set(moved.values()):
        yield _added(schemas.new, new, after[key])


def argument_names(document: Document, operation: OperationFacts) -> set[str]:
    """Return what the parameters are called as keyword arguments."""
    return set(_names(_nodes(document, operation)).values())


def _nodes(document: Document, operation: OperationFacts) -> dict[Key, dict[str, Any]]:
    return {(str(each.get("in")), str(each.get("name"))): each for each in operation.parameters(document)}


def _names(nodes: dict[Key, dict[str, Any]]) -> dict[Key, str]:
    """Return the keyword arguments as upstream calls them; those that would meet say where they stand."""
    by_name = defaultdict[str, list[Key]](list)
    for key in nodes:
        by_name[PythonIdentifier(key[1], FIELD_PREFIX)].append(key)
    return {key: _apart(name, key, keys) for name, keys in by_name.items() for key in keys}


def _apart(name: str, key: Key, keys: list[Key]) -> str:
    if len(keys) == 1 and name not in _RESERVED:
        return name
    if len({where for where, _ in keys}) < len(keys):
        return PythonIdentifier(key[1], FIELD_PREFIX, skip_snake_case=True)
    return PythonIdentifier(f"{name}_{key[0]}", FIELD_PREFIX)


def _parameter(schemas: Schemas, old: dict[str, Any], new: dict[str, Any], place: Place) -> Iterator[Change]:
    was_required, is_required = _must(schemas.old, old), _must(schemas.new, new)
    if is_required != was_required:
        verb, level = ("required", Level.BREAKING) if is_required else ("optional", Level.MINOR)
        yield place.change(f"became-{verb}", f"became {verb}", level, level)
    yield from schemas.compare(old.get("schema") or {}, new.get("schema") or {}, place)


def _added(document: Document, operation: OperationFacts, parameter: dict[str, Any]) -> Change:
    must = _must(document, parameter)
    rule, level = (
        ("new-required-request-parameter", Level.BREAKING) if must else ("new-optional-request-parameter", Level.MINOR)
    )
    return Change(rule, level, operation.id, f"{parameter.get('in')} parameter {parameter.get('name')} was added")


def _must(document: Document, parameter: dict[str, Any]) -> bool:
    """Say whether the argument must be given: what has a default is sent by the SDK itself."""
    return parameter.get("required") is True and not normal(document, parameter.get("schema")).has_default
