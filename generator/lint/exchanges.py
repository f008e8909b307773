"""Can a request of the contract be sent as its operation takes it, and the tokens be read from what it answers?"""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import define

from generator.lint.finding import Finding, error, shown, warning
from generator.spec import contract
from generator.spec.address import Address, base_url
from generator.spec.contract import TOKENS, where_of
from generator.spec.document import Document, Pointer
from generator.spec.operations import OperationFacts

_URL: Final = re.compile(r"[\x21-\x7e]+")
_LOOPBACK: Final = re.compile(r"localhost|127(\.\d+){3}|::1")
_TEXT: Final = frozenset({"string"})
_MOMENT: Final = frozenset({"string", "integer", "number"})
_DEEPEST: Final = 10
_FILL: Final = "Fill it with a constant or a setting."

Filled = list[tuple[str, str]]


@define(frozen=True)
class Exchange:
    """A request and its answer; findings stand at `at`, where the extension speaks of them."""

    document: Document
    at: Pointer
    rule: str

    def error(self, message: str, advice: str) -> Finding:
        return error(self.document, self.at, self.rule, message, advice)

    def warning(self, message: str, advice: str) -> Finding:
        return warning(self.document, self.at, self.rule, message, advice)

    def origin(self, target: Address) -> Iterator[Finding]:
        """Refuse to send tokens nowhere, or in plain text to another origin than the API's."""
        base = urlsplit(base_url(self.document) or "")
        for url in filter(None, (target.url, target.discovery)):
            parts = urlsplit(url if _URL.fullmatch(url) else "https://")
            if parts.scheme and not parts.hostname:
                yield self.error(f"{shown(url)} is no URL that a request can go to.", "Write an https URL.")
                continue
            if not parts.scheme or (parts.scheme, parts.netloc) == (base.scheme, base.netloc):
                continue
            if parts.scheme != "https" and not (parts.scheme == "http" and _LOOPBACK.fullmatch(parts.hostname or "")):
                message = f"Tokens would go to {shown(url)}, which is another origin, and not encrypted."
                yield self.error(message, "Write an https URL.")

    def request(self, target: Address, request: dict[str, Any], *, is_form: bool) -> Iterator[Finding]:
        """Has the request all that the operation requires, and nothing that it has no place for?"""
        filled, operation = list(_filled(request)), target.operation
        templates = set(re.findall(r"{([^{}]*)}", target.url))
        for name in sorted(templates ^ {name for where, name in filled if where == "path"}):
            problem = "which nothing fills" if name in templates else "which the path does not have"
            advice = "Fill each name in braces with a setting or a constant {in: path}."
            yield self.error(f"The path of the request has {shown(name)}, {problem}.", advice)
        encoding = contract.encoding(self.document, operation, request, is_form=is_form)
        for pointer in contract.in_body(request) if encoding == "form" else ():
            if pointer.count("/") > 1:
                message = f"{shown(pointer)} stands inside of an object, and the body is a form, which has none."
                yield self.error(message, "Name a field of the form.")
        if operation is not None:
            yield from self._parameters(operation, filled)
            yield from self._body(operation, request, encoding)
            yield from self._credentials(operation, filled)

    def _parameters(self, operation: OperationFacts, filled: Filled) -> Iterator[Finding]:
        declared = {_key(each): each.get("required") is True for each in operation.parameters(self.document)}
        for (where, name), is_required in declared.items():
            if is_required and where != "path" and (where, name) not in filled:
                message = f"{shown(operation.id)} requires the {where} parameter {shown(name)}, and nothing fills it."
                yield self.error(message, _FILL)
        credentials = {place for scheme in _schemes(self.document).values() if (place := _credential(scheme))}
        for where, name in filled:
            if where != "path" and (where, name) not in {*declared, *credentials, ("header", "authorization")}:
                message = f"{shown(operation.id)} does not declare the {where} {shown(name)}, which the request has."
                yield self.warning(message, "Check the name; declare the parameter, if you may.")

    def _body(self, operation: OperationFacts, request: dict[str, Any], encoding: str) -> Iterator[Finding]:
        sent, schemas = contract.in_body(request), contract.body_schemas(self.document, operation)
        body = self.document.resolve(operation.node.get("requestBody")) or {}
        if body.get("content") and not schemas:
            kinds = ", ".join(map(shown, body["content"]))
            message = f"{shown(operation.id)} takes {kinds}: the request can be written as JSON or as a form."
            yield self.error(message, "Describe a JSON body or a form, if the server takes one.")
        if encoding not in schemas:
            return
        schema, tokens = schemas[encoding], {each for each in map(request.get, TOKENS) if isinstance(each, str)}
        is_closed = (self.document.resolve(schema) or {}).get("additionalProperties") is False
        for pointer in sent:
            places = list(contract.targets(self.document, schema, pointer))
            if any(_may_be(self.document, each, _TEXT, "readOnly") for each in places):
                continue
            message = f"The body of {shown(operation.id)} has no text {shown(pointer)} that a request may hold."
            # What is sent beside the token, and is not declared, most servers ignore.
            matters = places or pointer in map(contract.pointer, tokens) or is_closed
            yield (self.error if matters else self.warning)(message, "Name a property of the operation's body.")
        for name in sorted(_required(self.document, schema) - {pointer.split("/")[1] for pointer in sent}):
            yield self.error(f"The body of {shown(operation.id)} requires {shown(name)}, and nothing fills it.", _FILL)

    def _credentials(self, operation: OperationFacts, filled: Filled) -> Iterator[Finding]:
        """An operation that asks for credentials gets those that the request has, and no others."""
        if operation.auth != "required":
            return
        schemes = _schemes(self.document)
        choices = [[_credential(schemes.get(name)) for name in each] for each in operation.node["security"]]
        if not any(all(place is None or place in filled for place in each) for each in choices):
            message = f"{shown(operation.id)} wants authentication, and the request has none."
            advice = "Write `security: []`, or where its credentials stand: a token {in: bearer}, client, a setting."
            yield self.error(message, advice)

    def response(
        self, operation: OperationFacts, response: dict[str, Any], explicit: dict[str, Any]
    ) -> Iterator[Finding]:
        """Has each success the tokens where they are read; what only a preset names may be absent."""
        responses = operation.node.get("responses") or {}
        nodes = [self.document.resolve(node) or {} for status, node in responses.items() if status.startswith("2")]
        nodes = [node for node in nodes if node.get("content") or len(nodes) == 1]
        for name in (*TOKENS, "expires"):
            value = response.get(name)
            if value is None or (name not in explicit and name != "accessToken"):
                continue
            for node in nodes:
                yield from self._answer(operation, node, value, name)

    def _answer(self, operation: OperationFacts, node: dict[str, Any], value: Any, name: str) -> Iterator[Finding]:
        where, key, _ = where_of(value["at"] if name == "expires" else value)
        if where == "body":
            yield from self._json(operation, node, contract.pointer(key), _MOMENT if name == "expires" else _TEXT)
            return
        headers = {each.lower() for each in node.get("headers") or {}}
        if (key.lower() if where == "header" else "set-cookie") not in headers:
            message = f"{shown(operation.id)} does not declare the {where} {shown(key)}, which {name} names."
            yield self.warning(message, "Check the name; declare the header, if you may.")

    def _json(
        self, operation: OperationFacts, node: dict[str, Any], pointer: str, types: frozenset[str]
    ) -> Iterator[Finding]:
        if not any(map(contract.is_json, node.get("content") or {})):
            message = f"{shown(operation.id)} answers no JSON, where {shown(pointer)} is to stand."
            yield self.error(message, "Describe a JSON body, or read a header or a cookie.")
            return
        schema = contract.json_schema(self.document, node)
        places = [] if schema is None else list(contract.targets(self.document, schema, pointer))
        if schema is not None and not any(_may_be(self.document, each, types, "writeOnly") for each in places):
            message = f"The success of {shown(operation.id)} has no {shown(pointer)} that a response may hold."
            yield self.error(message, "Name a property of the operation's JSON answer.")


def _filled(request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a request fills outside of its body, by where it stands and its name."""
    if request.get("client") == "basic":
        yield "header", "authorization"
    for where, name, _ in map(where_of, contract.request_places(request)):
        if where == "bearer":
            yield "header", "authorization"
        elif where != "body":
            yield where, name.lower() if where == "header" else name


def _key(parameter: dict[str, Any]) -> tuple[str, str]:
    where, name = str(parameter.get("in")), str(parameter.get("name"))
    return where, name.lower() if where == "header" else name


def _schemes(document: Document) -> dict[str, Any]:
    return document.at(("components", "securitySchemes")) or {}


def _credential(scheme: Any) -> tuple[str, str] | None:
    """Return where a scheme has its credentials."""
    kind = scheme.get("type") if isinstance(scheme, dict) else None
    if kind == "apiKey":
        return _key(scheme)
    return ("header", "authorization") if kind in ("http", "oauth2", "openIdConnect") else None


def _required(document: Document, schema: Any, depth: int = _DEEPEST) -> set[str]:
    """Return the properties that a request must have: without those that only a response has."""
    node = document.resolve(schema)
    if not isinstance(node, dict) or not depth:
        return set()
    properties = node.get("properties") or {}
    names = {name for name in node.get("required") or () if not _marked(document, properties.get(name), "readOnly")}
    return names.union(*(_required(document, each, depth - 1) for each in node.get("allOf") or ()))


def _may_be(document: Document, schema: Any, types: frozenset[str], forbidden: str, depth: int = _DEEPEST) -> bool:
    """Say whether a value of these types may stand there; in a schema that says nothing any may."""
    node = document.resolve(schema)
    if not isinstance(node, dict) or not depth or _marked(document, schema, forbidden):
        return False
    kinds = node.get("type")
    if kinds is not None and types.isdisjoint(kinds if isinstance(kinds, list) else [kinds]):
        return False
    if not all(_may_be(document, each, types, forbidden, depth - 1) for each in node.get("allOf") or ()):
        return False
    choices = [each for key in ("anyOf", "oneOf") for each in node.get(key) or ()]
    return not choices or any(_may_be(document, each, types, forbidden, depth - 1) for each in choices)


def _marked(document: Document, schema: Any, direction: str) -> bool:
    return any(isinstance(node, dict) and node.get(direction) is True for node in (schema, document.resolve(schema)))
