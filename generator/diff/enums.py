"""Compares what limits a schema to listed values: the values, and what the members of the printed enum are called."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from openapi_python_client.parser.properties.enum_property import EnumProperty
from openapi_python_client.parser.properties.schemas import Class
from openapi_python_client.strings import ClassName, PythonIdentifier

from generator.diff.change import Change, Level
from generator.diff.normal import Normal
from generator.diff.place import Place

_NAMELESS = Class(ClassName("Values", ""), PythonIdentifier("values", ""))


def compare_values(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    """Yield what differs in `enum` and `const`."""
    before, after = _kind(old), _kind(new)
    if before == after == "enum":
        yield from _enums(old, new, place)
    elif before == after == "const":
        if _key(old.schema["const"]) != _key(new.schema["const"]):
            text = f"the constant {old.schema['const']!r} became {new.schema['const']!r}"
            yield place.breaking("const-changed", text)
    elif before == "const" and after == "enum":
        yield place.breaking("const-became-enum", f"the constant {old.schema['const']!r} became an enum")
    elif before == "enum" and after == "const":
        yield place.breaking("became-not-enum", f"the enum became the constant {new.schema['const']!r}")
    elif after == "enum":
        yield place.typed("became-enum", "limited to listed values", Level.BREAKING, Level.MINOR)
    elif before == "enum":
        yield place.breaking("became-not-enum", "not limited to listed values any more")
    elif after == "const":
        text = f"limited to the constant {new.schema['const']!r}"
        yield place.typed("const-added", text, Level.BREAKING, Level.MINOR)
    elif before == "const":
        text = f"not limited to the constant {old.schema['const']!r} any more"
        yield place.typed("const-removed", text, Level.MINOR, Level.BREAKING)


def _kind(schema: Normal) -> str | None:
    return "enum" if schema.enum else "const" if "const" in schema.schema else None


def _enums(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    for value in _missing(old.enum, new.enum):
        yield place.breaking("enum-value-removed", f"{value!r} was removed")
    for value in _missing(new.enum, old.enum):  # enums are open: an older program reads it as `unknown`
        yield place.change("enum-value-added", f"{value!r} was added", Level.MINOR, Level.MINOR)
    before, after = _members(old), _members(new)
    for name in before.keys() & after.keys():
        if before[name] != after[name]:
            text = f"the member {name} meant {before[name]} and means {after[name]} now"
            yield place.breaking("enum-member-changed", text)
    names = {value: name for name, value in after.items()}
    for name in before.keys() - after.keys():
        if to := names.get(before[name]):
            yield place.breaking("enum-member-renamed", f"the member {name} is called {to} now")


def _members(schema: Normal) -> dict[str, str]:
    """Return the values by the names that upstream gives them: of letters, of positions, or of `x-enum-varnames`."""
    names = schema.schema.get("x-enum-varnames")
    try:
        found = EnumProperty.values_from_list(list(schema.enum), _NAMELESS, names if isinstance(names, list) else [])
    except (ValueError, TypeError, AttributeError, IndexError):  # what cannot be printed; lint says so
        return {}
    return dict(zip(found, map(_key, schema.enum), strict=True)) if len(found) == len(schema.enum) else {}


def _missing(some: Iterable[Any], others: Iterable[Any]) -> list[Any]:
    known = set(map(_key, others))
    return [each for each in some if _key(each) not in known]


def _key(value: object) -> str:
    """Return what tells values apart that Python takes for one, such as 1 and true."""
    return json.dumps(value, sort_keys=True)
