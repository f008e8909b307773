"""Do `x-signedin-refresh` and `x-signedin-tokens` fit the operations that they speak of?"""

from collections.abc import Iterator
from typing import Any, Final

from generator.lint.finding import Finding, Rule, error, shown
from generator.spec.contract import Declared, refreshes, revoking
from generator.spec.document import Document, Pointer
from generator.spec.operations import OperationFacts, operations

_REFRESH: Final = "refresh-contract"
_TOKENS: Final = "tokens-effect"
_KEYS: Final = {"operationId", "request", "response", "expired", "dead"}
_GRACE_KEYS: Final = {"header", "seconds", "times"}
_SEE: Final = "The description of openapi.yaml says what it holds."


def refresh(document: Document) -> Iterator[Finding]:
    """`refresh-contract`: at most one, complete, and true of the operation that it names."""
    declared = list(refreshes(document))
    for extra in declared[1:]:
        message = "A second security scheme has an x-signedin-refresh."
        yield error(document, extra.pointer, _REFRESH, message, "Keep one: a session has one pair of tokens.")
    for each in declared:
        problems = list(_shape(document, each))
        yield from problems or _fit(document, each)


def _shape(document: Document, declared: Declared) -> Iterator[Finding]:
    value, at = declared.value, declared.pointer
    if not isinstance(value, dict) or not value.keys() >= _KEYS or value.keys() - _KEYS - {"grace"}:
        message = f"x-signedin-refresh must have {', '.join(sorted(_KEYS))}, may have grace, and nothing else."
        yield error(document, at, _REFRESH, message, _SEE)
        return
    scheme = document.at(at[:-1])
    if (scheme.get("type"), str(scheme.get("scheme")).lower()) != ("http", "bearer"):
        message = f"Security scheme {shown(declared.owner)} is no http bearer scheme."
        yield error(document, at, _REFRESH, message, "Only bearer tokens are refreshed.")
    yield from _texts(document, (*at, "request"), value["request"], {"refreshToken"})
    yield from _texts(document, (*at, "response"), value["response"], {"accessToken", "refreshToken"})
    yield from _expired(document, (*at, "expired"), value["expired"])
    yield from _dead(document, (*at, "dead"), value["dead"])
    if "grace" in value:
        yield from _grace(document, (*at, "grace"), value["grace"])


def _texts(document: Document, pointer: Pointer, value: object, keys: set[str]) -> Iterator[Finding]:
    if (
        not isinstance(value, dict)
        or value.keys() != keys
        or not all(value[key] and _is_text(value[key]) for key in keys)
    ):
        message = f"{pointer[-1]} must map {' and '.join(sorted(keys))} to the name of a property."
        yield error(document, pointer, _REFRESH, message, _SEE)


def _expired(document: Document, pointer: Pointer, value: object) -> Iterator[Finding]:
    if not isinstance(value, dict) or value.keys() != {"status", "property", "equals"}:
        yield error(document, pointer, _REFRESH, "expired must have status, property and equals.", _SEE)
    elif not _is_refusal(value["status"]) or not _is_text(value["property"]) or not _is_text(value["equals"]):
        message = "expired must have a status from 400 to 499, and strings for property and equals."
        yield error(document, pointer, _REFRESH, message, _SEE)


def _dead(document: Document, pointer: Pointer, value: object) -> Iterator[Finding]:
    if not isinstance(value, list) or not value or not all(map(_is_refusal, value)):
        message = "dead must list statuses from 400 to 499: any other answer is trouble that passes."
        yield error(document, pointer, _REFRESH, message, _SEE)
    elif {408, 425, 429} & set(value):
        message = "dead lists a status that asks to try again later (408, 425, 429)."
        yield error(document, pointer, _REFRESH, message, "Remove it, or users are signed out by a busy server.")


def _grace(document: Document, pointer: Pointer, value: object) -> Iterator[Finding]:
    if not isinstance(value, dict) or value.keys() != _GRACE_KEYS or not _is_text(value["header"]):
        yield error(document, pointer, _REFRESH, "grace must have header, seconds and times.", _SEE)
    elif not _is_number(value["seconds"]) or not isinstance(value["times"], int) or not _is_number(value["times"]):
        message = "grace must have a positive number of seconds, at most a day, and a positive whole number of times."
        yield error(document, pointer, _REFRESH, message, _SEE)


def _fit(document: Document, declared: Declared) -> Iterator[Finding]:
    value, at = declared.value, declared.pointer
    operation = next((each for each in operations(document) if each.id == value["operationId"]), None)
    if operation is None:
        message = f"There is no operation {shown(value['operationId'])}."
        yield error(document, (*at, "operationId"), _REFRESH, message, "Name the operation that refreshes.")
        return
    if operation.auth != "none":
        message = f"{shown(operation.id)} wants authentication: a refresh would wait for itself."
        yield error(document, (*operation.pointer, "security"), _REFRESH, message, "Write `security: []`.")
    if operation.effect != "issues":
        message = f"{shown(operation.id)} refreshes, and does not say that it issues tokens."
        yield error(document, operation.pointer, _REFRESH, message, "Write `x-signedin-tokens: {effect: issues}`.")
    yield from _field(document, (*at, "request"), value["request"]["refreshToken"], _request(document, operation))
    for field in value["response"].values():
        yield from _field(document, (*at, "response"), field, _answer(document, operation, "200"))
    yield from _statuses(document, declared, operation)


def _statuses(document: Document, declared: Declared, operation: OperationFacts) -> Iterator[Finding]:
    for status in declared.value["dead"]:
        documented = operation.node["responses"].keys()
        # A backend may forbid a refresh without documenting it; its other refusals show the shape.
        if status != 403 and not {str(status), f"{str(status)[0]}XX", "default"} & documented:
            message = f"{shown(operation.id)} does not document the answer {status}, which dead lists."
            yield error(document, (*declared.pointer, "dead"), _REFRESH, message, "Document it, or remove it.")
    expired = declared.value["expired"]
    protected = [each for each in operations(document) if each.auth != "none"]
    answers = [_answer(document, each, str(expired["status"])) for each in protected]
    if protected and not any(expired["property"] in _properties(document, answer) for answer in answers):
        message = f"No operation with authentication answers {expired['status']} with a {shown(expired['property'])}."
        yield error(document, (*declared.pointer, "expired"), _REFRESH, message, "Document how an expired token looks.")


def _field(document: Document, pointer: Pointer, name: str, schema: object) -> Iterator[Finding]:
    prop = document.resolve(_properties(document, schema).get(name))
    if not isinstance(prop, dict) or prop.get("type") != "string":
        message = f"The body has no string property {shown(name)}."
        yield error(document, pointer, _REFRESH, message, "Name a property of the operation's JSON body.")


def _request(document: Document, operation: OperationFacts) -> object:
    return _json_schema(document, operation.node.get("requestBody"))


def _answer(document: Document, operation: OperationFacts, status: str) -> object:
    return _json_schema(document, operation.node["responses"].get(status))


def _json_schema(document: Document, node: object) -> object:
    content = (document.resolve(node) or {}).get("content") or {}
    return document.resolve((content.get("application/json") or {}).get("schema"))


def _properties(document: Document, schema: object) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if isinstance(schema, dict):
        for part in schema.get("allOf") or []:
            found |= _properties(document, document.resolve(part))
        found |= schema.get("properties") or {}
    return found


def issuing(document: Document) -> Iterator[Finding]:
    """`tokens-effect`: what issues tokens answers with the pair where the refresh contract says that it stands."""
    for declared in refreshes(document):
        response = declared.value.get("response") if isinstance(declared.value, dict) else None
        names = [name for name in response.values() if isinstance(name, str)] if isinstance(response, dict) else []
        for each in operations(document):
            if each.effect == "issues":
                answer = _properties(document, _answer(document, each, "200"))
                for name in sorted(set(names) - answer.keys()):
                    message = f"{shown(each.id)} issues tokens, and its 200 answer has no {shown(name)}."
                    advice = "Answer with the pair, as the refresh does."
                    yield error(document, (*each.pointer, "x-signedin-tokens"), _TOKENS, message, advice)


def effects(document: Document) -> Iterator[Finding]:
    """`tokens-effect`: a known effect, and a revocation that says where its token goes."""
    for each in operations(document):
        if "x-signedin-tokens" in each.node and each.effect not in {"issues", "revokes"}:
            message = f"{shown(each.id)}: effect must be issues or revokes."
            yield error(document, (*each.pointer, "x-signedin-tokens"), _TOKENS, message, _SEE)
    ending = revoking(document)
    for extra in ending[1:]:
        message = f"{shown(extra.id)} is a second operation that revokes."
        yield error(document, (*extra.pointer, "x-signedin-tokens"), _TOKENS, message, "Keep one: logout calls it.")
    for each in ending:
        pointer = (*each.pointer, "x-signedin-tokens")
        request = each.node["x-signedin-tokens"].get("request")
        name = request.get("refreshToken") if isinstance(request, dict) else None
        if not _is_text(name) or name not in _properties(document, _request(document, each)):
            message = f"{shown(each.id)} revokes, and does not say which property of its body holds the refresh token."
            yield error(document, pointer, _TOKENS, message, "Write `request: {refreshToken: <property>}`.")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_refusal(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 499


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 86_400


RULES: Final[tuple[Rule, ...]] = (refresh, issuing, effects)
