"""Compares the operations of two documents: which there are, and what they are called.

`parameters`, `contents` and `security` compare what is in them.
"""

from collections.abc import Iterator
from typing import Any

from attrs import define, field

from generator.diff.change import Change, Level
from generator.diff.contents import Bodies, answered, contents
from generator.diff.parameters import compare_parameters
from generator.diff.schemas import Schemas
from generator.diff.security import compare_schemes, compare_security, schemes
from generator.spec.document import Document
from generator.spec.operations import OperationFacts, operations


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
        said = "with" if old.deprecated else "without"
        text = f"{old.method.upper()} {old.path} was removed"
        return Change(f"{whole}-removed-{said}-deprecation", Level.BREAKING, old.id, text)

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
        known = {answered(self.old, each) for at, each in before.items() if _is_success(at, before)}
        widens = _is_success(status, after) and answered(self.new, after[status]) not in known
        text = f"{status} was added" + (" and brings a type of its own" if widens else "")
        level = Level.BREAKING if widens else Level.MINOR
        return Change(f"response-{_kind(status)}-status-added", level, where, text)


def _paired(before: list[OperationFacts], after: list[OperationFacts]) -> dict[str, OperationFacts]:
    """Return what became of the operations, by their old ids: the same id or method, or what stands at the place."""
    by_id = {each.id: each for each in after}
    by_method = {(each.resource, each.module): each for each in after}
    by_place = {(each.method, each.path): each for each in after}
    ids = {each.id for each in before}
    found = {}
    for old in before:
        at_its_place = by_place.get((old.method, old.path))
        same = by_id.get(old.id) or by_method.get((old.resource, old.module))
        if new := same or (at_its_place if at_its_place and at_its_place.id not in ids else None):
            found[old.id] = new
    return found


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
