"""Compares the operations of two documents: which there are, and what they are called.

`parameters`, `contents` and `security` compare what is in them.
"""

from collections.abc import Iterator
from typing import Any

from attrs import define, field

from generator.diff.change import Change, Level
from generator.diff.contents import Bodies, answered, compare_parameters, contents
from generator.diff.schemas import Schemas
from generator.spec.document import Document
from generator.spec.operations import OperationFacts, operations

# Compares who may call an operation: the alternatives of `security`, and what the schemes in them are.


Alternative = dict[str, frozenset[str]]  # the scopes by the scheme; without schemes it is an anonymous call


def compare_security(
    documents: tuple[Document, Document], old: OperationFacts, new: OperationFacts
) -> Iterator[Change]:
    """Yield what differs: each call that was accepted must be, a new one costs nobody anything."""
    before, after = (_alternatives(*each) for each in zip(documents, (old, new), strict=True))
    accepted_by = [_accepting(one, after) for one in before]
    for one, by in zip(before, accepted_by, strict=True):
        if by is None:
            yield _refused(one, after, new.id)
        else:
            yield from _asks_less(one, by, new.id)
    if {} in before and None in accepted_by:
        return  # reported above, from the other side
    for one in after:
        if one.keys() not in [each.keys() for each in before] and one not in accepted_by:
            yield Change("api-security-added", Level.MINOR, new.id, f"{_told(one)} calls are accepted, too")


def _accepting(one: Alternative, after: list[Alternative]) -> Alternative | None:
    """Return the alternative that takes the credentials of another: the same, or what asks for least."""
    return one if one in after else min((each for each in after if _fulfils(one, each)), key=_demands, default=None)


def _fulfils(credentials: Alternative, required: Alternative) -> bool:
    return all(name in credentials and scopes <= credentials[name] for name, scopes in required.items())


def _demands(alternative: Alternative) -> int:
    return sum(1 + len(scopes) for scopes in alternative.values())


def _refused(one: Alternative, after: list[Alternative], where: str) -> Change:
    same = next((each for each in after if each.keys() == one.keys()), None)
    if same is not None and one:
        scopes = sorted(scope for name in one for scope in same[name] - one[name])
        text = f"asks for the scope {' and '.join(scopes)}"
        return Change("api-security-scope-added", Level.BREAKING, where, text)
    rule = "api-security-removed" if one else "api-security-added"
    return Change(rule, Level.BREAKING, where, f"{_told(one)} calls are not accepted any more")


def _asks_less(one: Alternative, by: Alternative, where: str) -> Iterator[Change]:
    if gone := one.keys() - by.keys():
        text = f"needs no {' and '.join(sorted(gone))} any more"
        yield Change("api-security-removed", Level.MINOR, where, text)
    for scope in sorted(scope for name, scopes in by.items() for scope in one[name] - scopes):
        yield Change("api-security-scope-removed", Level.MINOR, where, f"does not ask for the scope {scope}")


def _told(alternative: Alternative) -> str:
    return " and ".join(sorted(alternative)) or "anonymous"


def _alternatives(document: Document, operation: OperationFacts) -> list[Alternative]:
    security = operation.node.get("security", document.data.get("security"))
    requirements = [each for each in security if isinstance(each, dict)] if isinstance(security, list) else []
    return [{name: frozenset(scopes or ()) for name, scopes in each.items()} for each in requirements] or [{}]


def compare_schemes(old: Document, new: Document, names: set[str]) -> Iterator[Change]:
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


def schemes(document: Document, operation: OperationFacts) -> set[str]:
    """Return the names of the schemes that the operation accepts."""
    return {name for each in _alternatives(document, operation) for name in each}


def _way(scheme: dict[str, Any]) -> tuple[str, ...]:
    """Return how the credentials go over the wire."""
    parts = {"http": ("scheme",), "apiKey": ("in", "name")}.get(str(scheme.get("type")), ())
    return (str(scheme.get("type")), *(str(scheme.get(part)).lower() for part in parts))


@define(eq=False)
class Operations:
    """Compares the operations of two documents."""

    old: Document
    new: Document
    schemas: Schemas = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.schemas = Schemas(self.old, self.new)

    def compare(self) -> Iterator[Change]:
        """Yield what differs."""
        before, after = list(operations(self.old)), list(operations(self.new))
        pairs = _paired(before, after)
        for old in before:
            if (new := pairs.get(old.id)) is None:
                yield self._removed(old)
            else:
                yield from self._pair(old, new)
        matched = {each.id for each in pairs.values()}
        for new in after:
            if new.id not in matched:
                text = f"{new.method.upper()} {new.path} was added"
                yield Change("endpoint-added", Level.MINOR, new.id, text)
        yield from self.schemas.rest()
        was, now = (
            {name for each in one for name in schemes(document, each)}
            for document, one in ((self.old, before), (self.new, after))
        )
        yield from compare_schemes(self.old, self.new, was & now)

    def _removed(self, old: OperationFacts) -> Change:
        whole = "api" if old.path in (self.new.data.get("paths") or {}) else "api-path"
        requirements = "with" if old.deprecated else "without"
        text = f"{old.method.upper()} {old.path} was removed"
        return Change(f"{whole}-removed-{requirements}-deprecation", Level.BREAKING, old.id, text)

    def _pair(self, old: OperationFacts, new: OperationFacts) -> Iterator[Change]:
        yield from _naming(old, new)
        yield from compare_security((self.old, self.new), old, new)
        yield from compare_parameters(self.schemas, old, new)
        bodies = Bodies(self.schemas, old, new)
        yield from bodies.requests()
        yield from self._answers(bodies, old.node.get("responses") or {}, new.node.get("responses") or {})

    def _answers(self, bodies: Bodies, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
        where = bodies.new.id
        wider = _wider(before, after)
        for status in before.keys() - after.keys() - wider.keys():
            word, success = _kind(status), _is_success(status, before)
            level = Level.BREAKING if success else Level.MINOR
            yield Change(f"response-{word}-status-removed", level, where, f"{status} was removed")
        for status in after.keys() - before.keys() - set(wider.values()):
            yield self._new_answer(where, status, before, after)
        for status, to in {**{each: each for each in before.keys() & after.keys()}, **wider}.items():
            one, other = (
                contents(document.resolve(each) or {})
                for document, each in ((self.old, before[status]), (self.new, after[to]))
            )
            yield from bodies.answer(f"{where}/{to}", one, other)

    def _new_answer(self, where: str, status: str, before: dict[str, Any], after: dict[str, Any]) -> Change:
        answers_before = {answered(self.old, each) for at, each in before.items() if _is_success(at, before)}
        widens = _is_success(status, after) and answered(self.new, after[status]) not in answers_before
        text = f"{status} was added" + (" and brings a type of its own" if widens else "")
        level = Level.BREAKING if widens else Level.MINOR
        return Change(f"response-{_kind(status)}-status-added", level, where, text)


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


def _wider(before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    """Return the statuses that are documented by their class now, such as 2XX."""
    ranges = {status: f"{status[:1]}XX" for status in before.keys() - after.keys()}
    return {status: to for status, to in ranges.items() if to in after and to not in before}


def _is_success(status: str, answers: dict[str, Any]) -> bool:
    return status.startswith("2") or (status == "default" and not any(each.startswith("2") for each in answers))


def _kind(status: str) -> str:
    return "success" if status.startswith("2") else "non-success"
