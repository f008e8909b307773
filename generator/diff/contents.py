"""Compares bodies: what a request takes, what an answer brings, in which media types.

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
from generator.diff.schemas import Schemas, belonging
from generator.spec.document import Document
from generator.spec.naming import FIELD_PREFIX
from generator.spec.operations import OperationFacts

# Compares the parameters of an operation by what they are called as keyword arguments.


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
    """Say whether the argument is required: what has a default is sent by the SDK itself."""
    return parameter.get("required") is True and not normal(document, parameter.get("schema")).has_default


Contents = dict[str, Any]  # by the media type without its parameters, in the order of the spec
_FORMS: Final = {"application/x-www-form-urlencoded", "multipart/form-data"}
_DEEPEST: Final = 10


@define(frozen=True)
class Bodies:
    """Compares the bodies of one operation, before and now."""

    schemas: Schemas
    old: OperationFacts
    new: OperationFacts

    def requests(self) -> Iterator[Change]:
        """Yield what differs in the body that it takes."""
        before, after = (
            document.resolve(each.node.get("requestBody"))
            for document, each in ((self.schemas.old, self.old), (self.schemas.new, self.new))
        )
        if before and not after:
            yield Change("request-body-removed", Level.BREAKING, self.old.id, "takes no body any more")
        elif after and not before:
            required = after.get("required") is True
            rule = "request-body-added-required" if required else "request-body-added-optional"
            yield Change(rule, Level.BREAKING if required else Level.MINOR, self.new.id, "takes a body now")
        elif before and after:
            yield from self._request(before, after)

    def _request(self, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
        was, now = before.get("required") is True, after.get("required") is True
        if now and not was:
            yield Change("request-body-became-required", Level.BREAKING, self.new.id, "the body became required")
        elif was and not now:
            yield Change("request-body-became-optional", Level.MINOR, self.new.id, "the body became optional")
        if _is_flat(self.schemas.old, self.old, before) != _is_flat(self.schemas.new, self.new, after):
            text = "fields as keyword arguments and one `body` have turned round"
            yield Change("request-body-signature-changed", Level.BREAKING, self.new.id, text)
        yield from self._sent(contents(before), contents(after))

    def _sent(self, before: Contents, after: Contents) -> Iterator[Change]:
        place = Place("request", "body", self.new.id)
        pairs = _paired(before, after)
        for media, to in pairs.items():
            if media != to:
                yield place.change("media-type-changed", f"{media} became {to}", Level.PATCH, Level.PATCH)
            yield from self.schemas.compare(schema_of(before[media]), schema_of(after[to]), place)
        for media in before.keys() - pairs.keys():
            yield place.breaking("media-type-removed", f"{media} was removed")
        for media in after.keys() - set(pairs.values()):
            yield place.change("media-type-added", f"{media} was added", Level.MINOR, Level.MINOR)

    def answer(self, where: str, before: Contents, after: Contents) -> Iterator[Change]:
        """Yield what differs in one answer."""
        if before and not after:
            yield Change("response-body-removed", Level.BREAKING, where, "the answer has no body any more")
        elif after and not before:
            yield Change("response-body-added", Level.MINOR, where, "the answer has a body now")
        elif before and after:
            yield from self._read(where, before, after)

    def _read(self, where: str, before: Contents, after: Contents) -> Iterator[Change]:
        was, now = _first(before), _first(after)
        if _kind(was) != _kind(now):
            text = f"the SDK reads {now}, which stands first, and read {was}"
            yield Change("response-media-type-changed", Level.BREAKING, where, text)
        else:
            if was != now:
                yield Change("response-media-type-changed", Level.PATCH, where, f"{was} became {now}")
            yield from self.schemas.compare(
                schema_of(before[was]), schema_of(after[now]), Place("response", "body", where)
            )
        for verb, medias in (("removed", before.keys() - after.keys()), ("added", after.keys() - before.keys())):
            for media in medias - {was, now}:
                yield Change(
                    f"response-media-type-{verb}", Level.MINOR, where, f"{media} was {verb}; the SDK reads it not"
                )


def contents(node: dict[str, Any]) -> Contents:
    """Return what a body may be."""
    return {str(media).partition(";")[0].strip().lower(): each for media, each in (node.get("content") or {}).items()}


def schema_of(node: Any) -> Any:
    """Return the schema of a media type, the empty one where it has none."""
    return (node.get("schema") if isinstance(node, dict) else None) or {}


def answered(document: Document, node: Any) -> str:
    """Return what a method returns for an answer, so that equal types are equal texts."""
    bodies = contents(document.resolve(node) or {})
    if not bodies:
        return ""
    media = _first(bodies)
    return f"{_kind(media)} {_typed(document, normal(document, schema_of(bodies[media])))}"


def _typed(document: Document, shape: Normal, depth: int = 0) -> str:
    if shape.name or shape.is_class:
        return shape.name or f"a class of its own: {id(shape)}"
    items = shape.schema.get("items")
    is_list = isinstance(items, dict) and depth < _DEEPEST
    inside = f" of {_typed(document, normal(document, items), depth + 1)}" if is_list else ""
    members = sorted(_typed(document, each, depth + 1) for each in shape.branches)
    return f"{members or sorted(shape.types)}{inside}{' or null' * shape.nullable}"


def _paired(before: Contents, after: Contents) -> dict[str, str]:
    """Return which media type is which: JSON is JSON, whatever it is called."""
    pairs = {media: media for media in before if media in after}
    left, joined = ([each for each in one if _kind(each) == "json" and each not in pairs] for one in (before, after))
    return {**pairs, **dict(zip(left, joined, strict=False))}


def _first(bodies: Contents) -> str:
    """Return the media type that is read; of those that cannot be, the first."""
    return next((media for media in bodies if _kind(media) in {"json", "text", "bytes"}), next(iter(bodies)))


def _kind(media: str) -> str:
    if media == "application/json" or media.endswith("+json"):
        return "json"
    return "text" if media.startswith("text/") else "bytes" if media == "application/octet-stream" else media


def _is_flat(document: Document, operation: OperationFacts, body: dict[str, Any]) -> bool:
    """Say whether the body's fields are the method's keyword arguments; as `facts.flat_body` decides it."""
    bodies = contents(body)
    if len(bodies) != 1 or body.get("required") is not True:
        return False
    [(media, content)] = bodies.items()
    if _kind(media) != "json" and media not in _FORMS:
        return False
    schema = normal(document, schema_of(content))
    names = belonging(document, schema, Place("request", "body", operation.id))
    fields = {PythonIdentifier(name, FIELD_PREFIX) for name in names}
    is_open = bool(schema.schema.get("additionalProperties"))
    return bool(fields) and not is_open and not schema.branches and not fields & argument_names(document, operation)
