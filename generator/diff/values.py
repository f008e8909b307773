"""Compares what bounds a value: lengths, numbers, patterns and formats."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from openapi_python_client.parser.properties.enum_property import EnumProperty
from openapi_python_client.parser.properties.schemas import Class
from openapi_python_client.strings import ClassName, PythonIdentifier

from generator.diff.change import Change, Level, Place
from generator.diff.normal import Normal
from generator.spec.document import Document, pointer_of

# Compares the keywords that are not taken apart: what they demand is another thing, so requests may be refused.


_TEXTS: Final = {
    *("title", "description", "example", "examples", "externalDocs", "deprecated", "xml", "$comment"),
    *("$id", "$schema", "$anchor", "$defs", "definitions"),
}
_ELSEWHERE: Final = {
    *("type", "nullable", "enum", "const", "default", "properties", "required", "items", "additionalProperties"),
    *("anyOf", "oneOf", "readOnly", "writeOnly", "pattern", "format", "multipleOf", "uniqueItems", "$ref"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems"),
    *("minProperties", "maxProperties"),
}
# The generated package follows it in both directions.
_FOLLOWED: Final = {"discriminator"}
# Without them a request is bound less; `minContains` is left out on purpose: unsaid it is 1.
_NARROWING: Final = {
    *("allOf", "not", "if", "then", "else", "contains", "maxContains", "prefixItems", "additionalItems"),
    *("patternProperties", "propertyNames", "dependentRequired", "dependentSchemas", "dependencies"),
    *("unevaluatedItems", "unevaluatedProperties", "contentEncoding", "contentMediaType", "contentSchema"),
}
_KNOWN: Final = {*_NARROWING, *_FOLLOWED, "minContains"}
_DEMANDS_NOTHING: Final[tuple[Any, ...]] = ({}, [], True, None)
_VALUES: Final = {"const", "enum", "default"}
_NAMES: Final = {"properties", "patternProperties", "dependentSchemas", "dependentRequired", "dependencies", "mapping"}


def compare_keywords(documents: tuple[Document, Document], old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    """Yield which of the other keywords are others."""
    for keyword in sorted((old.schema.keys() | new.schema.keys()) - _TEXTS - _ELSEWHERE):
        if keyword.startswith("x-"):
            continue
        before, after = (
            _demand(document, keyword, each.schema.get(keyword))
            for document, each in zip(documents, (old, new), strict=True)
        )
        if before != after:
            verb = "added" if before is None else "removed" if after is None else "changed"
            yield _change(keyword, verb, place)


def _change(keyword: str, verb: str, place: Place) -> Change:
    if keyword not in _KNOWN:
        text = f"{keyword} was {verb}, a keyword of which the comparison does not know what it demands"
        return place.change(f"unknown-keyword-{verb}", text, Level.BREAKING, Level.MINOR)
    rule = re.sub("([A-Z])", r"-\1", keyword).lower() + f"-{verb}"
    if keyword in _FOLLOWED:
        return place.change(rule, f"{keyword} was {verb}", Level.MINOR, Level.MINOR)
    is_wider = verb == "removed" and keyword in _NARROWING
    return place.change(rule, f"{keyword} was {verb}", Level.MINOR if is_wider else Level.BREAKING, Level.PATCH)


def _demand(document: Document, keyword: str, value: object) -> str | None:
    own = stated(document, value, names=keyword in _NAMES)
    if keyword not in {"not", "contains"} and own in _DEMANDS_NOTHING:
        return None
    return None if value is None else json.dumps(own, sort_keys=True)


def stated(document: Document, node: Any, seen: frozenset[str] = frozenset(), *, names: bool = False) -> Any:
    """Return what a schema demands: references followed, texts left out; `names`: its keys are names of the spec."""
    if isinstance(node, list):
        return [stated(document, each, seen) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(reference := node.get("$ref"), str) and not names:
        if reference in seen:
            return {"$ref": reference}
        return stated(document, document.at(pointer_of(reference)), seen | {reference})
    rest = node if names else {key: node[key] for key in node.keys() - _TEXTS if not key.startswith("x-")}
    return {
        key: value if key in _VALUES and not names else stated(document, value, seen, names=key in _NAMES and not names)
        for key, value in rest.items()
    }


# Compares what limits a schema to listed values: the values, and what the members of the generated enum are called.


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
        members = EnumProperty.values_from_list(list(schema.enum), _NAMELESS, names if isinstance(names, list) else [])
    except (ValueError, TypeError, AttributeError, IndexError):  # what cannot be generated; lint says so
        return {}
    return dict(zip(members, map(_key, schema.enum), strict=True)) if len(members) == len(schema.enum) else {}


def _missing(some: Iterable[Any], others: Iterable[Any]) -> list[Any]:
    other_keys = set(map(_key, others))
    return [each for each in some if _key(each) not in other_keys]


def _key(value: object) -> str:
    """Return what tells values apart that Python takes for one, such as 1 and true."""
    return json.dumps(value, sort_keys=True)


# Compares what bounds a value: lengths, numbers, patterns and formats.


# How a limit is called in oasdiff's ids, whether a larger value is the stricter one, and what it is unsaid.
_LIMITS: Final = {
    "maxLength": ("max-length", -1, None),
    "minLength": ("min-length", 1, 0),
    "maxItems": ("max-items", -1, None),
    "minItems": ("min-items", 1, 0),
    "maxProperties": ("max-properties", -1, None),
    "minProperties": ("min-properties", 1, 0),
}
_BOUNDS: Final = {"minimum": ("exclusiveMinimum", "min", 1), "maximum": ("exclusiveMaximum", "max", -1)}
_TYPED: Final = {"date", "date-time", "uuid", "binary", "password", None}
# Each format and those that hold all of its values; a number without a format holds them all.
_WIDER: Final[dict[Any, set[Any]]] = {
    "int32": {"int64", None},
    "int64": {None},
    "float": {"double", None},
    "double": {None},
}
_NUMERIC: Final = {*_WIDER, None}


def compare_limits(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    """Yield what differs: a request must not be bound more, an answer is read as it comes."""
    for keyword, (word, sign, unsaid) in _LIMITS.items():
        before, after = _number(old, keyword), _number(new, keyword)
        if (unsaid if before is None else before) != (unsaid if after is None else after):
            yield _limit(word, keyword, (before, after), sign, place)
    yield from _bounds(old, new, place)
    yield from _multiples(old, new, place)
    if (was := old.schema.get("uniqueItems") is True) != (now := new.schema.get("uniqueItems") is True):
        yield _bound(f"unique-items-{'set' if now else 'unset'}", "uniqueItems", was, now, stricter=now, place=place)
    yield from _pattern(old, new, place)
    yield from _format(old, new, place)


def _limit(word: str, keyword: str, both: tuple[float | None, float | None], sign: int, place: Place) -> Change:
    before, after = both
    if before is None or after is None:
        verb, stricter = ("set", True) if before is None else ("unset", False)
    else:
        verb, stricter = "increased" if after > before else "decreased", (after - before) * sign > 0
    return _bound(f"{word}-{verb}", keyword, before, after, stricter=stricter, place=place)


def _bounds(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    for keyword, (exclusive, word, sign) in _BOUNDS.items():
        before, after = (_strictest(each, keyword, exclusive, sign) for each in (old, new))
        if before == after:
            continue
        stricter = before is None or (after is not None and after > before)
        is_exclusive = bool(before and before[1]) or bool(after and after[1])
        if before is None or after is None:
            verb = "set" if before is None else "unset"
        else:
            verb = "increased" if stricter == (sign > 0) else "decreased"
        rule = f"{'exclusive-' * is_exclusive}{word}-{verb}"
        yield _bound(rule, keyword, _told(before, sign), _told(after, sign), stricter=stricter, place=place)


def _strictest(schema: Normal, keyword: str, exclusive: str, sign: int) -> tuple[float, bool] | None:
    """Return the bound and whether it is excluded itself, so that the stricter of two is the larger one."""
    inclusive, other = _number(schema, keyword), _number(schema, exclusive)
    bounds = (
        [] if inclusive is None else [(inclusive * sign, schema.schema.get(exclusive) is True)]
    )  # true: written as in 3.0
    return max([*bounds, *([] if other is None else [(other * sign, True)])], default=None)


def _told(bound: tuple[float, bool] | None, sign: int) -> str:
    return "none" if bound is None else f"{bound[0] * sign}{' itself excluded' * bound[1]}"


def _multiples(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    before, after = _number(old, "multipleOf"), _number(new, "multipleOf")
    if before != after:
        verb = "set" if before is None else "unset" if after is None else "changed"
        stricter = after is not None and (before is None or not after or before % after != 0)
        yield _bound(f"multiple-of-{verb}", "multipleOf", before, after, stricter=stricter, place=place)


def _bound(rule: str, keyword: str, before: object, after: object, *, stricter: bool, place: Place) -> Change:
    text = f"{keyword}: {'none' if before is None else before} became {'none' if after is None else after}"
    return place.change(rule, text, Level.BREAKING if stricter else Level.MINOR, Level.PATCH)


def _pattern(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    before, after = old.schema.get("pattern"), new.schema.get("pattern")
    if before != after:
        verb = "removed" if after is None else "added" if before is None else "changed"
        level = Level.MINOR if after is None else Level.BREAKING
        yield place.change(f"pattern-{verb}", f"pattern: {before} became {after}", level, Level.PATCH)


def _format(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    before, after = old.schema.get("format"), new.schema.get("format")
    if before == after or {before, after} <= _TYPED:
        return
    wider = after is None or after in _WIDER.get(before, ()) if {before, after} <= _NUMERIC else after is None
    verb = "generalized" if wider else "changed"
    level = Level.MINOR if wider else Level.BREAKING
    yield place.change(f"format-{verb}", f"format: {before or 'none'} became {after or 'none'}", level, Level.PATCH)


def _number(schema: Normal, keyword: str) -> float | None:
    value = schema.schema.get(keyword)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
