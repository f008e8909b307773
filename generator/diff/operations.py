"""Compares the operations of two documents: which there are, what they are called, who may call them."""

from collections.abc import Iterator
from typing import Any

from generator.diff.bodies import Bodies
from generator.diff.change import Change, Level
from generator.diff.schemas import Schemas
from generator.spec.document import Document
from generator.spec.operations import OperationFacts, operations

Alternative = dict[str, frozenset[str]]  # the scopes by the scheme; without schemes it is an anonymous call


def compare_operations(old: Document, new: Document) -> Iterator[Change]:
    """Yield what differs."""
    schemas = Schemas(old, new)
    before, after = list(operations(old)), list(operations(new))
    pairs = _paired(before, after)
    for was in before:
        if (now := pairs.get(was.id)) is None:
            whole = "api" if was.path in (new.data.get("paths") or {}) else "api-path"
            rule = f"{whole}-removed-{'with' if was.deprecated else 'without'}-deprecation"
            yield Change(rule, Level.BREAKING, was.id, f"{was.method.upper()} {was.path} was removed")
            continue
        yield from _naming(was, now)
        yield from _compare_security(_alternatives(old, was), _alternatives(new, now), now.id)
        yield from Bodies(schemas, was, now).compare()
    matched = {each.id for each in pairs.values()}
    for now in after:
        if now.id not in matched:
            yield Change("endpoint-added", Level.MINOR, now.id, f"{now.method.upper()} {now.path} was added")
    yield from schemas.rest()
    schemes = [
        {name for each in every for one in _alternatives(document, each) for name in one}
        for document, every in ((old, before), (new, after))
    ]
    yield from _compare_schemes(old, new, schemes[0] & schemes[1])


def _paired(before: list[OperationFacts], after: list[OperationFacts]) -> dict[str, OperationFacts]:
    """Return what became of the operations, by their old ids: the same id or method, or what stands at the place."""
    by_id = {each.id: each for each in after}
    by_method = {(each.resource, each.module): each for each in after}
    by_place = {(each.method, each.path): each for each in after}
    ids = {each.id for each in before}
    result = {}
    for old in before:
        at_its_place = by_place.get((old.method, old.path))
        same = by_id.get(old.id) or by_method.get((old.resource, old.module))
        if new := same or (at_its_place if at_its_place and at_its_place.id not in ids else None):
            result[old.id] = new
    return result


def _naming(old: OperationFacts, new: OperationFacts) -> Iterator[Change]:
    if old.module != new.module:
        yield Change("api-operation-id-removed", Level.BREAKING, old.id, f"{old.module} is called {new.module} now")
    elif (old.method, old.path) != (new.method, new.path):
        text = f"{old.method.upper()} {old.path} became {new.method.upper()} {new.path}; the method stays"
        yield Change("api-path-changed", Level.PATCH, new.id, text)
    if old.resource != new.resource:
        yield Change("api-tag-removed", Level.BREAKING, new.id, f"moved from {old.resource} to {new.resource}")
    if new.deprecated and not old.deprecated:
        yield Change("endpoint-deprecated", Level.MINOR, new.id, "is deprecated: calls warn")
    elif old.deprecated and not new.deprecated:
        yield Change("endpoint-reactivated", Level.PATCH, new.id, "is not deprecated any more")


def _alternatives(document: Document, operation: OperationFacts) -> list[Alternative]:
    security = operation.node.get("security", document.data.get("security"))
    requirements = [each for each in security if isinstance(each, dict)] if isinstance(security, list) else []
    return [{name: frozenset(scopes or ()) for name, scopes in each.items()} for each in requirements] or [{}]


def _compare_security(before: list[Alternative], after: list[Alternative], where: str) -> Iterator[Change]:
    """Yield what differs: each call that was accepted must be, a new one costs nobody anything."""
    accepted_by = [_accepting(one, after) for one in before]
    for one, by in zip(before, accepted_by, strict=True):
        yield from _asks_less(one, by, where) if by is not None else [_refused(one, after, where)]
    if {} in before and None in accepted_by:
        return  # reported above, from the other side
    for one in after:
        if one.keys() not in [each.keys() for each in before] and one not in accepted_by:
            yield Change("api-security-added", Level.MINOR, where, f"{_names(one)} calls are accepted, too")


def _accepting(one: Alternative, after: list[Alternative]) -> Alternative | None:
    """Return the alternative that takes the credentials of another: the same, or what asks for least."""
    fulfilled = [each for each in after if all(name in one and each[name] <= one[name] for name in each)]
    return (
        one if one in after else min(fulfilled, key=lambda each: sum(map(len, each.values()), len(each)), default=None)
    )


def _refused(one: Alternative, after: list[Alternative], where: str) -> Change:
    same = next((each for each in after if each.keys() == one.keys()), None)
    if same is not None and one:
        text = f"asks for the scope {' and '.join(sorted(scope for name in one for scope in same[name] - one[name]))}"
        return Change("api-security-scope-added", Level.BREAKING, where, text)
    rule = "api-security-removed" if one else "api-security-added"
    return Change(rule, Level.BREAKING, where, f"{_names(one)} calls are not accepted any more")


def _asks_less(one: Alternative, by: Alternative, where: str) -> Iterator[Change]:
    if gone := one.keys() - by.keys():
        text = f"needs no {' and '.join(sorted(gone))} any more"
        yield Change("api-security-removed", Level.MINOR, where, text)
    for scope in sorted(scope for name, scopes in by.items() for scope in one[name] - scopes):
        yield Change("api-security-scope-removed", Level.MINOR, where, f"does not ask for the scope {scope}")


def _names(alternative: Alternative) -> str:
    return " and ".join(sorted(alternative)) or "anonymous"


def _compare_schemes(old: Document, new: Document, names: set[str]) -> Iterator[Change]:
    """Yield which of the schemes are others under the same name."""
    for name in sorted(names):
        place = ("components", "securitySchemes", name)
        before, after = (each.resolve(each.at(place)) for each in (old, new))
        if not isinstance(before, dict) or not isinstance(after, dict):
            continue
        if (was := _way(before)) != (now := _way(after)):
            text = f"{' '.join(was)} became {' '.join(now)}"
            yield Change("api-security-scheme-changed", Level.BREAKING, "/".join(place), text)
        elif any(before.get(each) != after.get(each) for each in ("flows", "openIdConnectUrl")):
            text = "a token is to be had in another way or at another address"
            yield Change("api-security-scheme-flow-changed", Level.MINOR, "/".join(place), text)


def _way(scheme: dict[str, Any]) -> tuple[str, ...]:
    """Return how the credentials go over the wire."""
    parts = {"http": ("scheme",), "apiKey": ("in", "name")}.get(str(scheme.get("type")), ())
    return (str(scheme.get("type")), *(str(scheme.get(part)).lower() for part in parts))
