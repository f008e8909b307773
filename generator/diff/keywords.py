"""Compares the keywords that are not taken apart: what they demand is another thing, so requests may be refused.

A keyword that nobody here knows may demand something as well. A change of it is said and never taken for a text: in a
request it counts as breaking, in an answer, which the SDK does not validate, as minor. `x-` is documentation.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from generator.diff.change import Change, Level
from generator.diff.normal import Normal
from generator.diff.place import Place
from generator.spec.document import Document, pointer_of

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
# The printed package follows it in both directions.
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
    said = stated(document, value, names=keyword in _NAMES)
    if keyword not in {"not", "contains"} and said in _DEMANDS_NOTHING:
        return None
    return None if value is None else json.dumps(said, sort_keys=True)


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
    kept = node if names else {key: node[key] for key in node.keys() - _TEXTS if not key.startswith("x-")}
    return {
        key: value if key in _VALUES and not names else stated(document, value, seen, names=key in _NAMES and not names)
        for key, value in kept.items()
    }
