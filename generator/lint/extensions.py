"""Do `x-signedin-refresh` and `x-signedin-tokens` fit the operations that they speak of?

What could not be sent or read is an error; what the document does not declare, and a server may still do, is at most a
warning. `shapes` has the fields, `exchanges` holds a request and an answer against an operation.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from attrs import evolve

from generator.lint import shapes
from generator.lint.exchanges import Exchange
from generator.lint.finding import Finding, Rule, error, shown, warning
from generator.spec import contract
from generator.spec.address import address, address_of
from generator.spec.contract import DEAD, TOKENS, Declared, issuing, refreshes, revoking, signs
from generator.spec.document import Document, Pointer
from generator.spec.operations import OperationFacts, operations

_REFRESH: Final = "refresh-contract"
_TOKENS: Final = "tokens-effect"
_SEE: Final = "docs/contract.md describes the fields."


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
    at, scheme = declared.pointer, declared.scheme
    kind, detail = scheme.get("type"), {"http": "scheme", "apiKey": "in"}.get(str(scheme.get("type")))
    way = str(scheme.get(detail)).lower() if detail else ""
    if (kind, way) not in [("http", "bearer"), ("apiKey", "header"), ("oauth2", ""), ("openIdConnect", "")]:
        message = f"Security scheme {shown(declared.owner)} puts no token into a header."
        advice = "Write it on a scheme http bearer, oauth2, openIdConnect, or apiKey in a header."
        yield error(document, at, _REFRESH, message, advice)
    if kind == "apiKey" and (problem := shapes.header(scheme.get("name"))):
        text = f"The name of security scheme {shown(declared.owner)} {problem}."
        yield error(document, (*at[:-1], "name"), _REFRESH, text, "Name the header that takes the token.")
    problems = shapes.problems(shapes.REFRESH, declared.value)
    for inner, message in problems:
        text = shapes.labelled(inner, message, shapes.REFRESH)
        yield error(document, (*at, *inner), _REFRESH, text, _SEE)
    if not problems:
        yield from _complete(document, declared)


def _complete(document: Document, declared: Declared) -> Iterator[Finding]:
    value, renew = declared.completed, declared.value.get("renew", "refresh")
    request, missing = value.get("request") or {}, list[str]()
    if renew == "refresh" and request.get("refreshToken") is None:
        missing.append("request.refreshToken")
    if renew == "ahead" and not any(request.get(name) is not None for name in TOKENS):
        missing.append("request.accessToken")
    if (value.get("response") or {}).get("accessToken") is None:
        missing.append("response.accessToken")
    if renew != "ahead" and "expired" not in value:
        missing.append("expired")
    for name in missing:
        yield error(document, declared.pointer, _REFRESH, f"x-signedin-refresh has no {name}.", _SEE)
    if {"operationId", "url"} <= declared.value.keys():
        message = "x-signedin-refresh has operationId and url: a refresh goes to one of them."
        yield error(document, (*declared.pointer, "url"), _REFRESH, message, "Remove one.")


def _fit(document: Document, declared: Declared) -> Iterator[Finding]:
    value, at = declared.completed, declared.pointer
    response = (*at, "response") if "response" in declared.value else at
    if value.get("renew") == "signIn":
        yield from _renewed_by_sign_in(document, declared, value)
        yield from _signs(document, declared, value, None)
        yield from _grace(document, declared, "renew: signIn")
        return
    target = address(document, declared.scheme, value)
    if target is None:
        yield from _nowhere(document, declared)
        return
    yield from Exchange(document, at, _REFRESH).origin(target)
    request = (*at, "request") if "request" in declared.value else at
    yield from Exchange(document, request, _REFRESH).request(target, value["request"], is_form="preset" in value)
    if operation := target.operation:
        if operation.effect != "issues" and "operationId" in declared.value:
            message = f"{shown(operation.id)} refreshes, and does not say that it issues tokens."
            advice = "Write `x-signedin-tokens: {effect: issues}`, or a call by hand would lose the tokens."
            yield error(document, operation.pointer, _REFRESH, message, advice)
        explicit = declared.value.get("response") or {}
        yield from Exchange(document, response, _REFRESH).response(operation, value["response"], explicit)
    yield from _signs(document, declared, value, target.operation)
    if value["request"].get("refreshToken") is None:
        yield from _grace(document, declared, "the request")


def _nowhere(document: Document, declared: Declared) -> Iterator[Finding]:
    if "operationId" in declared.value:
        message = f"There is no operation {shown(declared.value['operationId'])}."
        yield error(
            document, (*declared.pointer, "operationId"), _REFRESH, message, "Name the operation that refreshes."
        )
        return
    advice = "Write operationId or url; with `preset: oauth2` a flow's refreshUrl or tokenUrl, or openIdConnectUrl, do."
    yield error(document, declared.pointer, _REFRESH, "x-signedin-refresh does not say where a refresh goes.", advice)


def _renewed_by_sign_in(document: Document, declared: Declared, value: dict[str, Any]) -> Iterator[Finding]:
    if contract.sign_in(document, value) is None:
        message = f"renew: signIn needs one operation that issues tokens; there are {len(issuing(document))}."
        advice = "Name it with operationId, and write `x-signedin-tokens: {effect: issues}` on it."
        yield error(document, (*declared.pointer, "renew"), _REFRESH, message, advice)


def _grace(document: Document, declared: Declared, what: str) -> Iterator[Finding]:
    if "grace" in declared.completed:
        message = f"grace speaks of a refresh token, and {what} sends none."
        yield error(document, (*declared.pointer, "grace"), _REFRESH, message, "Remove grace.")


def _signs(
    document: Document, declared: Declared, value: dict[str, Any], operation: OperationFacts | None
) -> Iterator[Finding]:
    """Do the operations document what an expired token and a dead one look like?"""
    protected = [each for each in operations(document) if each.auth != "none"]
    at = (*declared.pointer, "expired")
    for sign in signs(value.get("expired")):
        answers = _answers(document, protected, sign["status"])
        if protected and not answers:
            yield _undocumented(document, at, protected, sign)
        yield from _has_sign(document, at, answers, sign)
    at = (*declared.pointer, "dead")
    for sign in signs(declared.value.get("dead")) if operation else ():
        answers = _answers(document, [operation], sign["status"]) if operation else []
        if not answers and sign["status"] not in DEAD:
            message = (
                f"{shown(operation and operation.id)} does not document the answer {sign['status']}, which dead lists."
            )
            yield warning(document, at, _REFRESH, message, "Check the status; document it, if you may.")
        yield from _has_sign(document, at, answers, sign)


def _answers(document: Document, protected: Iterable[OperationFacts], status: int) -> list[dict[str, Any]]:
    nodes = (contract.answer_of(each, status) for each in protected)
    return [document.resolve(node) or {} for node in nodes if node is not None]


def _has_sign(
    document: Document, at: Pointer, answers: list[dict[str, Any]], sign: dict[str, Any]
) -> Iterator[Finding]:
    """A property that no documented answer has would never be seen."""
    name = sign.get("property", sign.get("at"))
    schemas = [contract.json_schema(document, each) for each in answers if each.get("content")]
    if name is None or not schemas or None in schemas:
        return
    if not any(list(contract.targets(document, each, contract.pointer(name))) for each in schemas):
        message = f"No documented answer {sign['status']} has a {shown(name)}."
        yield error(document, at, _REFRESH, message, "Name a property of the error's body, or document it.")


def _undocumented(document: Document, at: Pointer, protected: list[OperationFacts], sign: dict[str, Any]) -> Finding:
    """Show the overlay that documents the status, for documents that somebody else writes."""
    status, first = sign["status"], protected[0]
    steps = "".join(f"[{step!r}]" for step in first.pointer)
    more = f" and {len(protected) - 1} more" if len(protected) > 1 else ""
    message = f"No operation with authentication documents the answer {status}: {shown(first.id)}{more}."
    action = f'{{target: "${steps}.responses", update: {{"{status}": {{description: The token has expired.}}}}}}'
    return warning(document, at, _REFRESH, message, f"With --overlay: actions: [{action}]")


def effects(document: Document) -> Iterator[Finding]:
    """`tokens-effect`: fields that exist, one revocation, and a contract that says how tokens look."""
    declared = next(refreshes(document), None)
    is_sound = not declared or not shapes.problems(shapes.REFRESH, declared.value)
    for each in operations(document):
        if "x-signedin-tokens" in each.node:
            yield from _effect(document, each, declared, is_sound=is_sound)
    for extra in revoking(document)[1:]:
        message = f"{shown(extra.id)} is a second operation that revokes."
        yield error(document, (*extra.pointer, "x-signedin-tokens"), _TOKENS, message, "Keep one: logout calls it.")


def _effect(
    document: Document, operation: OperationFacts, declared: Declared | None, *, is_sound: bool
) -> Iterator[Finding]:
    value, at = operation.node["x-signedin-tokens"], (*operation.pointer, "x-signedin-tokens")
    if operation.effect is None or operation.effect not in shapes.EFFECTS:
        message = f"{shown(operation.id)}: effect must be issues or revokes."
        yield error(document, at, _TOKENS, message, _SEE)
        return
    problems = shapes.problems(operation.effect, value)
    for inner, message in problems:
        text = shapes.labelled(inner, message, "x-signedin-tokens")
        yield error(document, (*at, *inner), _TOKENS, text, _SEE)
    if problems or not is_sound:
        return
    if operation.effect == "revokes":
        yield from _revocation(document, operation, at, declared)
    elif declared:
        yield from _issue(document, operation, at, declared)
    else:
        message = f"{shown(operation.id)} issues tokens, and no security scheme has an x-signedin-refresh."
        yield error(document, at, _TOKENS, message, "Write one: it says where the tokens stand.")


def _revocation(
    document: Document, operation: OperationFacts, at: Pointer, declared: Declared | None
) -> Iterator[Finding]:
    request = contract.revocation(operation, declared) or {}
    if not any(request.get(name) is not None for name in TOKENS):
        message = f"{shown(operation.id)} revokes, and does not say where the request has the token."
        yield error(document, at, _TOKENS, message, "Write `request: {refreshToken: <property>}`.")
        return
    target = address_of(document, operation)
    exchange = Exchange(document, at, _TOKENS)
    yield from exchange.origin(target)
    yield from exchange.request(target, request, is_form=contract.is_oauth2(declared))


def _issue(document: Document, operation: OperationFacts, at: Pointer, declared: Declared) -> Iterator[Finding]:
    tokens, when = operation.node["x-signedin-tokens"], operation.node["x-signedin-tokens"].get("when")
    response = contract.issue_response(operation, declared.completed)
    explicit = {**(declared.value.get("response") or {}), **(tokens.get("response") or {})}
    is_refresh = operation.id == declared.value.get("operationId") and "response" not in tokens
    if response.get("accessToken") is not None and not is_refresh:  # which `refresh` has held against it
        yield from Exchange(document, at, _TOKENS).response(operation, response, explicit)
    if when and when["in"] == "body":
        schemas = contract.body_schemas(document, operation).values()
        if not any(list(contract.targets(document, each, contract.pointer(when["name"]))) for each in schemas):
            message = f"The body of {shown(operation.id)} has no {shown(when['name'])}, which when names."
            yield error(document, (*at, "when"), _TOKENS, message, "Name a property of the operation's body.")


def overlays(document: Document) -> Iterator[Finding]:
    """`overlay`: an action that selects nothing, perhaps since the owner of the spec changed it."""
    for overlay, pointer in document.overlaid.idle if document.overlaid else ():
        message = f"The target {shown(overlay.at((*pointer, 'target')))} selects nothing."
        advice = "Mend the path, or remove the action."
        yield evolve(warning(overlay, (*pointer, "target"), "overlay", message, advice), file=overlay.path)


RULES: Final[tuple[Rule, ...]] = (refresh, effects, overlays)
