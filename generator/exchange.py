"""A request and its answer held against the spec: recordings, and in the tests whatever a backend answers.

A line names the place and the rule, never the value: it may be a token.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import define, field
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from generator.contract import base_url
from generator.document import Document
from generator.operations import OperationFacts, operations

Headers = Mapping[str, str]
# Refused for what it says: such a request need not be as the spec says.
_REFUSED_FOR_ITS_BODY: Final = {400, 413, 415, 422}


def _lower(headers: Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@define(frozen=True)
class Message:
    """What went one way."""

    headers: Headers = field(converter=_lower)
    body: bytes | str = field(repr=False)

    @property
    def kind(self) -> str:
        """Return the media type."""
        return self.headers.get("content-type", "").partition(";")[0].strip()


@define(frozen=True)
class Exchange:
    """A request and its answer; the URL may be whole or a path."""

    method: str
    url: str
    request: Message
    status: int
    answer: Message


def problems(document: Document, exchange: Exchange) -> Iterator[str]:
    """Yield how request and answer differ from the spec."""
    method, url, status = exchange.method, exchange.url, exchange.status
    yield from answer_problems(document, method, url, status, exchange.answer)
    if operation_at(document, method, url) and status not in _REFUSED_FOR_ITS_BODY:
        yield from request_problems(document, method, url, exchange.request)


def operation_at(document: Document, method: str, url: str) -> OperationFacts | None:
    """Return the operation of a method and a URL."""
    path = urlsplit(url).path.removeprefix(urlsplit(base_url(document) or "").path)
    return next((each for each in operations(document) if _is_at(each, method.lower(), path)), None)


def _is_at(operation: OperationFacts, method: str, path: str) -> bool:
    pattern = "[^/]+".join(map(re.escape, re.split(r"{[^{}]*}", operation.path)))
    return operation.method == method and re.fullmatch(pattern, path) is not None


def answer_problems(document: Document, method: str, url: str, status: int, answer: Message) -> Iterator[str]:
    """Yield how an answer differs from what the spec says of its operation."""
    where = f"{method.upper()} {urlsplit(url).path} {status}"
    if (operation := operation_at(document, method, url)) is None:
        yield f"{where}: no such operation"
        return
    answers = operation.node.get("responses") or {}
    said = answers.get(str(status)) or answers.get(f"{str(status)[0]}XX") or answers.get("default")
    if not (documented := document.resolve(said)):
        yield f"{where}: the status is not documented"
        return
    yield from _header_problems(document, where, documented.get("headers") or {}, answer.headers)
    yield from _described_body(document, where, documented, answer)


def request_problems(document: Document, method: str, url: str, request: Message) -> Iterator[str]:
    """Yield how a request differs: its bearer, its headers, its body."""
    where = f"{method.upper()} {urlsplit(url).path} request"
    if (operation := operation_at(document, method, url)) is None:
        yield f"{where}: no such operation"
        return
    sent = request.headers.get("authorization", "").startswith("Bearer ")
    if sent != _wants_bearer(document, operation) and operation.auth != "optional":
        yield f"{where}: a bearer is {'sent for nothing' if sent else 'missing'}"
    parameters = [each for each in operation.parameters(document) if each.get("in") == "header"]
    yield from _header_problems(document, where, {each["name"]: each for each in parameters}, request.headers)
    described = document.resolve(operation.node.get("requestBody")) or {}
    if request.body or described.get("required"):
        yield from _described_body(document, where, described, request)


def body_problems(document: Document, where: str, schema: dict[str, Any], message: Message) -> Iterator[str]:
    """Yield how a body of JSON differs from a schema."""
    if message.kind != "application/json":
        yield f"{where}: content type {message.kind!r}"
        return
    try:
        instance = json.loads(message.body)
    except ValueError:
        yield f"{where}: the body is no JSON"
        return
    yield from _schema_problems(document, where, schema, instance)


def _described_body(document: Document, where: str, described: dict[str, Any], message: Message) -> Iterator[str]:
    content = described.get("content") or {}
    if "application/json" in content:
        yield from body_problems(document, where, content["application/json"].get("schema") or {}, message)
    elif message.body and not content:
        yield f"{where}: a body where none is documented"


def _wants_bearer(document: Document, operation: OperationFacts) -> bool:
    schemes = document.at(("components", "securitySchemes")) or {}
    wanted = [schemes.get(name) or {} for each in operation.node.get("security") or [] for name in each]
    return any((each.get("type"), str(each.get("scheme")).lower()) == ("http", "bearer") for each in wanted)


def _header_problems(document: Document, where: str, described: dict[str, Any], headers: Headers) -> Iterator[str]:
    for name, node in described.items():
        header, value = document.resolve(node) or {}, headers.get(name.lower())
        if value is None:
            if header.get("required"):
                yield f"{where}: header {name} is missing"
            continue
        schema = header.get("schema") or {}
        try:
            instance = json.loads(value) if schema.get("type") in {"integer", "number"} else value
        except ValueError:
            yield f"{where}: header {name} is no number"
            continue
        yield from _schema_problems(document, f"{where}: header {name}", schema, instance)


def _schema_problems(document: Document, where: str, schema: dict[str, Any], instance: Any) -> Iterator[str]:
    # The references inside a schema start at the document's root.
    whole = {**schema, "components": document.data.get("components") or {}}
    for error in OAS31Validator(whole, format_checker=oas31_format_checker).iter_errors(instance):
        yield f"{where}: /{'/'.join(map(str, error.absolute_path))} violates {error.validator} of the schema"
