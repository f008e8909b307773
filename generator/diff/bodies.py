"""Compares what an operation takes and brings: its parameters, its request's body, and each of its answers.

Of an answer the SDK reads the first media type that it can read, so their order says what a method returns. Of a
request it sends what the user gives.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from attrs import define
from openapi_python_client.strings import PythonIdentifier

from generator.diff.change import Change, Level, Place
from generator.diff.normal import Normal, normal
from generator.diff.schemas import Schemas, Slot, attributes, compare_slots
from generator.spec.document import Document
from generator.spec.naming import FIELD_PREFIX
from generator.spec.operations import OperationFacts

_RESERVED: Final = {"client", "url"}
_FORMS: Final = {"application/x-www-form-urlencoded", "multipart/form-data"}
_DEEPEST: Final = 10

Key = tuple[str, str]  # where a parameter stands, and its name there
Contents = dict[str, Any]  # by the media type without its parameters, in the order of the spec


def arguments(document: Document, operation: OperationFacts) -> dict[Key, Slot]:
    """Return the parameters as upstream calls them; those that would meet say where they stand."""
    nodes = {(str(each.get("in")), str(each.get("name"))): each for each in operation.parameters(document)}
    by_name = defaultdict[str, list[Key]](list)
    for key in nodes:
        by_name[PythonIdentifier(key[1], FIELD_PREFIX)].append(key)
    return {
        key: _argument(document, nodes[key], _apart(name, key, keys)) for name, keys in by_name.items() for key in keys
    }


def _argument(document: Document, node: dict[str, Any], python: str) -> Slot:
    name, schema = str(node.get("name")), node.get("schema") or {}
    must = node.get("required") is True and not normal(document, schema).has_default
    return Slot(name, python, schema, must, must, f"{node.get('in')} parameter {name}")


def _apart(name: str, key: Key, keys: list[Key]) -> str:
    if len(keys) == 1 and name not in _RESERVED:
        return name
    if len({where for where, _ in keys}) < len(keys):
        return PythonIdentifier(key[1], FIELD_PREFIX, skip_snake_case=True)
    return PythonIdentifier(f"{name}_{key[0]}", FIELD_PREFIX)


@define(frozen=True)
class Bodies:
    """Compares parameters and bodies of one operation, before and now."""

    schemas: Schemas
    old: OperationFacts
    new: OperationFacts

    def compare(self) -> Iterator[Change]:
        """Yield what differs."""
        place = Place("request", "body", self.new.id)
        slots = arguments(self.schemas.old, self.old), arguments(self.schemas.new, self.new)
        yield from compare_slots(*slots, place, "parameter", self.schemas.compare)
        before = self.schemas.old.resolve(self.old.node.get("requestBody"))
        after = self.schemas.new.resolve(self.new.node.get("requestBody"))
        if before and not after:
            yield place.breaking("removed", "takes no body any more")
        elif after and not before:
            word, level = ("required", Level.BREAKING) if after.get("required") is True else ("optional", Level.MINOR)
            yield place.change(f"added-{word}", "takes a body now", level, level)
        elif before and after:
            yield from self._request(before, after, place)
        yield from self._answers(self.old.node.get("responses") or {}, self.new.node.get("responses") or {})

    def _request(self, before: dict[str, Any], after: dict[str, Any], place: Place) -> Iterator[Change]:
        was, now = before.get("required") is True, after.get("required") is True
        if now != was:
            word, level = ("required", Level.BREAKING) if now else ("optional", Level.MINOR)
            yield place.change(f"became-{word}", f"the body became {word}", level, level)
        if _is_flat(self.schemas.old, self.old, before) != _is_flat(self.schemas.new, self.new, after):
            yield place.breaking("signature-changed", "fields as keyword arguments and one `body` have turned round")
        one, other = contents(before), contents(after)
        pairs = _same_media(one, other)
        for media, to in pairs.items():
            if media != to:
                yield place.change("media-type-changed", f"{media} became {to}", Level.PATCH, Level.PATCH)
            yield from self.schemas.compare(schema_of(one[media]), schema_of(other[to]), place)
        for media in one.keys() - pairs.keys():
            yield place.breaking("media-type-removed", f"{media} was removed")
        for media in other.keys() - set(pairs.values()):
            yield place.change("media-type-added", f"{media} was added", Level.MINOR, Level.MINOR)

    def _answers(self, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
        wider = _wider(before, after)
        for status in before.keys() - after.keys() - wider.keys():
            level = Level.BREAKING if _is_success(status, before) else Level.MINOR
            yield Change(f"response-{_kind(status)}-status-removed", level, self.new.id, f"{status} was removed")
        for status in after.keys() - before.keys() - set(wider.values()):
            yield self._new_answer(status, before, after)
        for status, to in {**{each: each for each in before.keys() & after.keys()}, **wider}.items():
            was = contents(self.schemas.old.resolve(before[status]) or {})
            now = contents(self.schemas.new.resolve(after[to]) or {})
            yield from self._answer(f"{self.new.id}/{to}", was, now)

    def _new_answer(self, status: str, before: dict[str, Any], after: dict[str, Any]) -> Change:
        brought = {_returned(self.schemas.old, each) for at, each in before.items() if _is_success(at, before)}
        widens = _is_success(status, after) and _returned(self.schemas.new, after[status]) not in brought
        text = f"{status} was added" + " and brings a type of its own" * widens
        level = Level.BREAKING if widens else Level.MINOR
        return Change(f"response-{_kind(status)}-status-added", level, self.new.id, text)

    def _answer(self, where: str, before: Contents, after: Contents) -> Iterator[Change]:
        place = Place("response", "body", where)
        if not before or not after:
            if before:
                yield place.breaking("removed", "the answer has no body any more")
            elif after:
                yield place.change("added", "the answer has a body now", Level.MINOR, Level.MINOR)
            return
        was, now = _first(before), _first(after)
        if _read_as(was) != _read_as(now):
            text = f"the SDK reads {now}, which stands first, and read {was}"
            yield Change("response-media-type-changed", Level.BREAKING, where, text)
        else:
            if was != now:
                yield Change("response-media-type-changed", Level.PATCH, where, f"{was} became {now}")
            yield from self.schemas.compare(schema_of(before[was]), schema_of(after[now]), place)
        for verb, medias in (("removed", before.keys() - after.keys()), ("added", after.keys() - before.keys())):
            for media in medias - {was, now}:
                text = f"{media} was {verb}; the SDK reads it not"
                yield Change(f"response-media-type-{verb}", Level.MINOR, where, text)


def contents(node: dict[str, Any]) -> Contents:
    """Return what a body may be."""
    return {str(media).partition(";")[0].strip().lower(): each for media, each in (node.get("content") or {}).items()}


def schema_of(node: Any) -> Any:
    """Return the schema of a media type, the empty one where it has none."""
    return (node.get("schema") if isinstance(node, dict) else None) or {}


def _returned(document: Document, node: Any) -> str:
    """Return what a method returns for an answer, so that equal types are equal texts."""
    bodies = contents(document.resolve(node) or {})
    if not bodies:
        return ""
    media = _first(bodies)
    return f"{_read_as(media)} {_type(document, normal(document, schema_of(bodies[media])))}"


def _type(document: Document, shape: Normal, depth: int = 0) -> str:
    if shape.name or shape.is_class:
        return shape.name or f"a class of its own: {id(shape)}"
    items = shape.schema.get("items")
    is_list = isinstance(items, dict) and depth < _DEEPEST
    inside = f" of {_type(document, normal(document, items), depth + 1)}" if is_list else ""
    members = sorted(_type(document, each, depth + 1) for each in shape.branches)
    return f"{members or sorted(shape.types)}{inside}{' or null' * shape.nullable}"


def _same_media(before: Contents, after: Contents) -> dict[str, str]:
    """Return which media type is which: JSON is JSON, whatever it is called."""
    pairs = {media: media for media in before if media in after}
    left, joined = ([each for each in one if _read_as(each) == "json" and each not in pairs] for one in (before, after))
    return {**pairs, **dict(zip(left, joined, strict=False))}


def _first(bodies: Contents) -> str:
    """Return the media type that is read; of those that cannot be, the first."""
    return next((media for media in bodies if _read_as(media) in {"json", "text", "bytes"}), next(iter(bodies)))


def _read_as(media: str) -> str:
    if media == "application/json" or media.endswith("+json"):
        return "json"
    return "text" if media.startswith("text/") else "bytes" if media == "application/octet-stream" else media


def _is_flat(document: Document, operation: OperationFacts, body: dict[str, Any]) -> bool:
    """Say whether the body's fields are the method's keyword arguments; as `facts.flat_body` decides it."""
    bodies = contents(body)
    if len(bodies) != 1 or body.get("required") is not True:
        return False
    [(media, content)] = bodies.items()
    if _read_as(media) != "json" and media not in _FORMS:
        return False
    schema = normal(document, schema_of(content))
    slots = attributes(document, schema, Place("request", "body", operation.id)).values()
    fields = {slot.python for slot in slots if not slot.hidden}
    if not fields or schema.schema.get("additionalProperties") or schema.branches:
        return False
    return not fields & {slot.python for slot in arguments(document, operation).values()}


def _wider(before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    """Return the statuses that are documented by their class now, such as 2XX."""
    ranges = {status: f"{status[:1]}XX" for status in before.keys() - after.keys()}
    return {status: to for status, to in ranges.items() if to in after and to not in before}


def _is_success(status: str, answers: dict[str, Any]) -> bool:
    return status.startswith("2") or (status == "default" and not any(each.startswith("2") for each in answers))


def _kind(status: str) -> str:
    return "success" if status.startswith("2") else "non-success"
