"""Compares the operations of two documents: names, parameters, bodies, answers, security."""

from collections.abc import Iterator
from typing import Any

from attrs import define, field
from openapi_python_client.strings import PythonIdentifier

from generator.diff.change import Change, Level
from generator.diff.normal import normal
from generator.diff.schemas import Place, Schemas
from generator.document import Document
from generator.operations import FIELD_PREFIX, OperationFacts, operations

_FLAT = {"application/json", "application/x-www-form-urlencoded", "multipart/form-data"}


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
        by_id = {each.id: each for each in after}
        by_place = {(each.method, each.path): each for each in after}
        matched: set[str] = set()
        for old in before:
            at_its_place = by_place.get((old.method, old.path))
            is_another = at_its_place is not None and any(at_its_place.id == each.id for each in before)
            new = by_id.get(old.id) or (None if is_another else at_its_place)
            if new is None:
                yield self._removed(old)
            else:
                matched.add(new.id)
                yield from self._pair(old, new)
        for new in after:
            if new.id not in matched:
                text = f"{new.method.upper()} {new.path} was added"
                yield Change("endpoint-added", Level.MINOR, new.id, text)

    def _removed(self, old: OperationFacts) -> Change:
        whole = "api" if old.path in (self.new.data.get("paths") or {}) else "api-path"
        said = "with" if old.deprecated else "without"
        text = f"{old.method.upper()} {old.path} was removed"
        return Change(f"{whole}-removed-{said}-deprecation", Level.BREAKING, old.id, text)

    def _pair(self, old: OperationFacts, new: OperationFacts) -> Iterator[Change]:
        yield from _naming(old, new)
        yield from _security(old, new)
        yield from self._parameters(old, new)
        yield from self._body(old, new)
        yield from self._answers(old, new)

    def _parameters(self, old: OperationFacts, new: OperationFacts) -> Iterator[Change]:
        before, after = _parameters(self.old, old), _parameters(self.new, new)
        for name in before.keys() - after.keys():
            yield Change("request-parameter-removed", Level.BREAKING, old.id, f"{name} was removed")
        for name in after.keys() - before.keys():
            yield _new_parameter(self.new, new, after[name])
        for name in before.keys() & after.keys():
            yield from self._parameter(new.id, before[name], after[name])

    def _parameter(self, owner: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
        place = Place("request", "parameter", f"{owner}/{new.get('name')}")
        if (was := (old.get("in"), old.get("name"))) != (now := (new.get("in"), new.get("name"))):
            yield Change("request-parameter-moved", Level.PATCH, place.where, f"{was} became {now}")
        was_required, is_required = _must(self.old, old), _must(self.new, new)
        if is_required != was_required:
            verb, level = ("required", Level.BREAKING) if is_required else ("optional", Level.MINOR)
            yield place.change(f"became-{verb}", f"became {verb}", level, level)
        yield from self.schemas.compare(_schema_of(old), _schema_of(new), place)

    def _body(self, old: OperationFacts, new: OperationFacts) -> Iterator[Change]:
        before, after = self.old.resolve(old.node.get("requestBody")), self.new.resolve(new.node.get("requestBody"))
        if not before and not after:
            return
        if not after:
            yield Change("request-body-removed", Level.BREAKING, old.id, "takes no body any more")
        elif not before:
            required = after.get("required") is True
            rule = "request-body-added-required" if required else "request-body-added-optional"
            level = Level.BREAKING if required else Level.MINOR
            yield Change(rule, level, new.id, "takes a body now")
        else:
            yield from self._bodies(old, new, before, after)

    def _bodies(
        self, old: OperationFacts, new: OperationFacts, before: dict[str, Any], after: dict[str, Any]
    ) -> Iterator[Change]:
        was, now = before.get("required") is True, after.get("required") is True
        if now and not was:
            yield Change("request-body-became-required", Level.BREAKING, new.id, "the body became required")
        elif was and not now:
            yield Change("request-body-became-optional", Level.MINOR, new.id, "the body became optional")
        if _is_flat(self.old, old, before) != _is_flat(self.new, new, after):
            text = "fields as keyword arguments and one `body` have turned round"
            yield Change("request-body-signature-changed", Level.BREAKING, new.id, text)
        yield from self._contents(("request", "body"), new.id, _contents(before), _contents(after))

    def _contents(
        self, kind: tuple[Any, str], where: str, before: dict[str, Any], after: dict[str, Any]
    ) -> Iterator[Change]:
        side, word = kind
        prefix = "request-body" if side == "request" else "response"
        for media in before.keys() - after.keys():
            yield Change(f"{prefix}-media-type-removed", Level.BREAKING, where, f"{media} was removed")
        for media in after.keys() - before.keys():
            yield Change(f"{prefix}-media-type-added", Level.MINOR, where, f"{media} was added")
        for media in before.keys() & after.keys():
            yield from self.schemas.compare(
                _schema_of(before[media]), _schema_of(after[media]), Place(side, word, where)
            )

    def _answers(self, old: OperationFacts, new: OperationFacts) -> Iterator[Change]:
        before, after = old.node.get("responses") or {}, new.node.get("responses") or {}
        for status in before.keys() - after.keys():
            word, success = _kind(status), _is_success(status, before)
            level = Level.BREAKING if success else Level.MINOR
            yield Change(f"response-{word}-status-removed", level, new.id, f"{status} was removed")
        for status in after.keys() - before.keys():
            yield self._new_answer(new, status, before, after)
        for status in before.keys() & after.keys():
            one, other = (
                _contents(document.resolve(each) or {})
                for document, each in ((self.old, before[status]), (self.new, after[status]))
            )
            yield from self._answer(f"{new.id}/{status}", one, other)

    def _answer(self, where: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
        if before and not after:
            yield Change("response-body-removed", Level.BREAKING, where, "the answer has no body any more")
        elif after and not before:
            yield Change("response-body-added", Level.MINOR, where, "the answer has a body now")
        else:
            yield from self._contents(("response", "body"), where, before, after)

    def _new_answer(self, new: OperationFacts, status: str, before: dict[str, Any], after: dict[str, Any]) -> Change:
        known = {_answered(self.old, each) for at, each in before.items() if _is_success(at, before)}
        widens = _is_success(status, after) and _answered(self.new, after[status]) not in known
        text = f"{status} was added" + (" and brings a type of its own" if widens else "")
        level = Level.BREAKING if widens else Level.MINOR
        return Change(f"response-{_kind(status)}-status-added", level, new.id, text)


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


def _security(old: OperationFacts, new: OperationFacts) -> Iterator[Change]:
    before, after = _alternatives(old), _alternatives(new)
    removed, added = before.keys() - after.keys(), after.keys() - before.keys()
    accepted = "" in after  # anonymous calls are, so nothing that was sent is refused
    for name in removed:
        level = Level.MINOR if accepted and name else Level.BREAKING
        text = f"{name or 'anonymous'} calls are not accepted any more" if not accepted else f"needs no {name} any more"
        rule = "api-security-removed" if name else "api-security-added"
        yield Change(rule, level, new.id, text)
    for name in added - ({""} if removed else set()):
        if "" in removed:
            continue  # said above, from the other side
        yield Change("api-security-added", Level.MINOR, new.id, f"{name or 'anonymous'} calls are accepted, too")
    for name in before.keys() & after.keys():
        for scope in after[name] - before[name]:
            yield Change("api-security-scope-added", Level.BREAKING, new.id, f"asks for the scope {scope}")
        for scope in before[name] - after[name]:
            yield Change("api-security-scope-removed", Level.MINOR, new.id, f"does not ask for the scope {scope}")


def _alternatives(operation: OperationFacts) -> dict[str, frozenset[str]]:
    security = operation.node.get("security")
    if not isinstance(security, list) or not security:
        return {"": frozenset()}
    return {
        " and ".join(sorted(each)): frozenset(scope for scopes in each.values() for scope in scopes)
        for each in security
        if isinstance(each, dict)
    }


def _parameters(document: Document, operation: OperationFacts) -> dict[str, dict[str, Any]]:
    """Return the parameters by the name of their keyword argument."""
    found: dict[str, dict[str, Any]] = {}
    for owner in (document.at(operation.pointer[:-1]) or {}, operation.node):
        for node in owner.get("parameters") or []:
            parameter = document.resolve(node)
            if isinstance(parameter, dict):
                found[PythonIdentifier(str(parameter.get("name")), FIELD_PREFIX)] = parameter
    return found


def _new_parameter(document: Document, operation: OperationFacts, parameter: dict[str, Any]) -> Change:
    must = _must(document, parameter)
    rule, level = (
        ("new-required-request-parameter", Level.BREAKING) if must else ("new-optional-request-parameter", Level.MINOR)
    )
    return Change(rule, level, operation.id, f"{parameter.get('in')} parameter {parameter.get('name')} was added")


def _must(document: Document, parameter: dict[str, Any]) -> bool:
    """Say whether the argument must be given: what has a default is sent by the SDK itself."""
    has_default = normal(document, _schema_of(parameter)).schema.get("default") is not None
    return parameter.get("required") is True and not has_default


def _schema_of(node: Any) -> Any:
    return (node.get("schema") if isinstance(node, dict) else None) or {}


def _contents(node: dict[str, Any]) -> dict[str, Any]:
    return {str(media).partition(";")[0].strip().lower(): each for media, each in (node.get("content") or {}).items()}


def _is_flat(document: Document, operation: OperationFacts, body: dict[str, Any]) -> bool:
    """Say whether the body's fields are the method's keyword arguments; as `facts.flat_body` decides it."""
    contents = _contents(body)
    if len(contents) != 1 or body.get("required") is not True or not contents.keys() <= _FLAT:
        return False
    [content] = contents.values()
    schema = normal(document, _schema_of(content))
    fields = {PythonIdentifier(name, FIELD_PREFIX) for name in schema.properties}
    is_open = bool(schema.schema.get("additionalProperties"))
    return bool(fields) and not is_open and not schema.branches and not fields & _parameters(document, operation).keys()


def _is_success(status: str, answers: dict[str, Any]) -> bool:
    return status.startswith("2") or (status == "default" and not any(each.startswith("2") for each in answers))


def _kind(status: str) -> str:
    return "success" if status.startswith("2") else "non-success"


def _answered(document: Document, node: Any) -> str:
    contents = _contents(document.resolve(node) or {})
    return "|".join(sorted(normal(document, _schema_of(each)).key for each in contents.values()))
