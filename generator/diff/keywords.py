"""Compares what a schema demands of a value, keyword by keyword: listed values, limits, and all the others.

A request must not be bound more than it was; an answer is read as it comes.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from openapi_python_client.parser.properties.enum_property import EnumProperty
from openapi_python_client.parser.properties.schemas import Class
from openapi_python_client.strings import ClassName, PythonIdentifier

from generator.diff.change import Change, Level, Place
from generator.diff.normal import Normal
from generator.spec.document import Document, pointer_of

_TEXTS: Final = {
    *("title", "description", "example", "examples", "externalDocs", "deprecated", "xml", "$comment"),
    *("$id", "$schema", "$anchor", "$defs", "definitions"),
}
# Of those in min... the larger value is the stricter one.
_LIMITS: Final = (
    *("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties", "minimum", "maximum"),
)
_EXCLUSIVE: Final = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
_ELSEWHERE: Final = {
    *("type", "nullable", "enum", "const", "default", "properties", "required", "items", "additionalProperties"),
    *("anyOf", "oneOf", "readOnly", "writeOnly", "$ref", *_LIMITS, *_EXCLUSIVE.values()),
}
# The generated package follows it in both directions.
_FOLLOWED: Final = {"discriminator"}
# Without them a request is bound less; `minContains` is left out on purpose: unsaid it is 1.
_NARROWING: Final = {
    *("allOf", "not", "if", "then", "else", "contains", "maxContains", "prefixItems", "additionalItems"),
    *("patternProperties", "propertyNames", "dependentRequired", "dependentSchemas", "dependencies"),
    *("unevaluatedItems", "unevaluatedProperties", "contentEncoding", "contentMediaType", "contentSchema"),
    *("pattern", "format", "multipleOf", "uniqueItems"),
}
_JUDGED: Final = {*_NARROWING, *_FOLLOWED, "minContains"}
# Formats that are types of their own, or say nothing of the value.
_TYPED: Final = {"date", "date-time", "uuid", "binary", "password"}
_WIDER: Final = {("int32", "int64"), ("float", "double")}
# Of two values of a keyword: does the first one let pass all that the second one did?
_COVERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "multipleOf": lambda after, before: bool(after) and before % after == 0,
    "format": lambda after, before: (before, after) in _WIDER,
}
_DEMANDS_NOTHING: Final = ("{}", "[]", "true", "null")
_VALUES: Final = {"const", "enum", "default"}
_NAMES: Final = {"properties", "patternProperties", "dependentSchemas", "dependentRequired", "dependencies", "mapping"}


def compare_keywords(documents: tuple[Document, Document], old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    """Yield which limits and which of the other keywords are others."""
    yield from _limits(old, new, place)
    for keyword in sorted((old.schema.keys() | new.schema.keys()) - _TEXTS - _ELSEWHERE):
        if keyword.startswith("x-"):
            continue
        before, after = (
            _demand(document, keyword, each.schema.get(keyword))
            for document, each in zip(documents, (old, new), strict=True)
        )
        if _key(before) != _key(after):
            yield _change(keyword, before, after, place)


def _change(keyword: str, before: Any, after: Any, place: Place) -> Change:
    verb = "added" if before is None else "removed" if after is None else "changed"
    text = f"{keyword} was {verb}"
    if not isinstance(before, dict | list) and not isinstance(after, dict | list):
        text = f"{keyword}: {_or_none(before)} became {_or_none(after)}"
    if keyword not in _JUDGED:
        text += ", a keyword of which the comparison does not know what it demands"
        return place.change(f"unknown-keyword-{verb}", text, Level.BREAKING, Level.MINOR)
    rule = f"{_kebab(keyword)}-{verb}"
    if keyword in _FOLLOWED:
        return place.change(rule, text, Level.MINOR, Level.MINOR)
    covers = _COVERS.get(keyword, lambda *_: False)
    is_wider = keyword in _NARROWING and (verb == "removed" or (verb == "changed" and covers(after, before)))
    return place.change(rule, text, Level.MINOR if is_wider else Level.BREAKING, Level.PATCH)


def _kebab(keyword: str) -> str:
    return re.sub("([A-Z])", r"-\1", keyword).lower()


def _demand(document: Document, keyword: str, value: object) -> Any:
    """Return what a keyword demands, None if that is nothing."""
    match keyword, value:
        case "uniqueItems", _:
            return True if value is True else None
        case "format", str() if value in _TYPED:
            return None
    own = stated(document, value, names=keyword in _NAMES)
    return None if keyword not in {"not", "contains"} and _key(own) in _DEMANDS_NOTHING else own


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


def _limits(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    for keyword in _LIMITS:
        sign = 1 if keyword.startswith("min") else -1
        before, after = (_limit(each, keyword, sign) for each in (old, new))
        if before == after:
            continue
        is_stricter = before is None or (after is not None and after > before)
        verb = "set" if before is None else "unset" if after is None else None
        verb = verb or ("increased" if is_stricter == (sign > 0) else "decreased")
        exclusive = "exclusive-" * any(each is not None and each[1] for each in (before, after))
        rule = f"{exclusive}{_kebab(keyword.removesuffix('imum'))}-{verb}"
        text = f"{keyword}: {_limit_text(before, sign)} became {_limit_text(after, sign)}"
        level = Level.BREAKING if is_stricter else Level.MINOR
        yield place.change(rule, text, level, Level.PATCH)


def _limit(schema: Normal, keyword: str, sign: int) -> tuple[float, bool] | None:
    """Return the limit and whether it is excluded itself, so that the stricter of two is the larger one."""
    value, other = _number(schema, keyword), _number(schema, exclusive := _EXCLUSIVE.get(keyword, ""))
    if value == 0 and keyword.startswith("min") and not exclusive:
        return None  # a length of nothing
    # true: written as in 3.0
    limits = [] if value is None else [(value * sign, schema.schema.get(exclusive) is True)]
    return max([*limits, *([] if other is None else [(other * sign, True)])], default=None)


def _number(schema: Normal, keyword: str) -> float | None:
    value = schema.schema.get(keyword)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _limit_text(limit: tuple[float, bool] | None, sign: int) -> str:
    return "none" if limit is None else f"{limit[0] * sign}{' itself excluded' * limit[1]}"


def _or_none(value: object) -> object:
    return "none" if value is None else value


_NAMELESS: Final = Class(ClassName("Values", ""), PythonIdentifier("values", ""))
# By what limited the values before and now: the rule, its levels in a request and an answer, and what happened.
_KINDS: Final = {
    ("const", "const"): ("const-changed", Level.BREAKING, Level.BREAKING, "the constant {0!r} became {1!r}"),
    ("const", "enum"): ("const-became-enum", Level.BREAKING, Level.BREAKING, "the constant {0!r} became an enum"),
    ("enum", "const"): ("became-not-enum", Level.BREAKING, Level.BREAKING, "the enum became the constant {1!r}"),
    (None, "enum"): ("became-enum", Level.BREAKING, Level.MINOR, "limited to listed values"),
    ("enum", None): ("became-not-enum", Level.BREAKING, Level.BREAKING, "not limited to listed values any more"),
    (None, "const"): ("const-added", Level.BREAKING, Level.MINOR, "limited to the constant {1!r}"),
    ("const", None): ("const-removed", Level.MINOR, Level.BREAKING, "not limited to the constant {0!r} any more"),
}


def compare_values(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    """Yield what differs in `enum` and `const`: the values, and what the members of the generated enum are called."""
    kinds = _kind(old), _kind(new)
    before, after = old.schema.get("const"), new.schema.get("const")
    if kinds == ("enum", "enum"):
        yield from _enums(old, new, place)
    elif kinds in _KINDS and not (kinds == ("const", "const") and _key(before) == _key(after)):
        rule, request, response, text = _KINDS[kinds]
        yield place.typed(rule, text.format(before, after), request, response)


def _kind(schema: Normal) -> str | None:
    return "enum" if schema.enum else "const" if "const" in schema.schema else None


def _enums(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    was, now = ({_key(value): value for value in each.enum} for each in (old, new))
    for key in was.keys() - now.keys():
        yield place.breaking("enum-value-removed", f"{was[key]!r} was removed")
    for key in now.keys() - was.keys():  # enums are open: an older program reads it as `unknown`
        yield place.change("enum-value-added", f"{now[key]!r} was added", Level.MINOR, Level.MINOR)
    before, after = _members(old), _members(new)
    names = {value: name for name, value in after.items()}
    for name, value in before.items():
        if name in after and after[name] != value:
            text = f"the member {name} meant {value} and means {after[name]} now"
            yield place.breaking("enum-member-changed", text)
        elif name not in after and value in names:
            yield place.breaking("enum-member-renamed", f"the member {name} is called {names[value]} now")


def _members(schema: Normal) -> dict[str, str]:
    """Return the values by the names that upstream gives them: of letters, of positions, or of `x-enum-varnames`."""
    names = schema.schema.get("x-enum-varnames")
    try:
        members = EnumProperty.values_from_list(list(schema.enum), _NAMELESS, names if isinstance(names, list) else [])
    except (ValueError, TypeError, AttributeError, IndexError):  # what cannot be generated; lint says so
        return {}
    return dict(zip(members, map(_key, schema.enum), strict=True)) if len(members) == len(schema.enum) else {}


def _key(value: object) -> str:
    """Return what tells values apart that Python takes for one, such as 1 and true."""
    return json.dumps(value, sort_keys=True)
