"""A request and its answer held against the spec: recordings, and in the tests whatever a backend answers.

A line names the place and the rule, never the value: it may be a token. Cassettes are read as vcrpy writes them
(version 1); whether they are free of secrets and cover enough is for their recorder.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import define, field
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from generator.lint.losses import is_form, is_json
from generator.recordings.wire import form_problems, header_problems, query_problems, value_problems
from generator.spec.address import base_url
from generator.spec.contract import answer_of
from generator.spec.document import Document
from generator.spec.operations import OperationFacts, operations
from generator.spec.schemas import kind_of

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
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@define(frozen=True)
class Exchange:
    """A request and its answer; the URL may be whole or a path."""

    method: str
    url: str
    request: Message
    status: int
    answer: Message


def stale(document: Document, folder: Path) -> list[str]:
    """Return what in the recordings is not as the spec says, a line for each."""
    return list(
        dict.fromkeys(line for path in sorted(folder.rglob("*.yaml")) for line in _file(document, folder, path))
    )


def _file(document: Document, folder: Path, path: Path) -> Iterator[str]:
    name = f"stale cassette: {path.relative_to(folder).as_posix()}"
    try:
        interactions = YAML(typ="safe").load(path)["interactions"]
        exchanges = [_exchange(each["request"], each["response"]) for each in interactions]
    except (YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        yield f"{name}: no cassette ({type(error).__name__})"
        return
    yield from (f"{name}: {line}" for each in exchanges for line in problems(document, each))


def _exchange(request: dict[str, Any], response: dict[str, Any]) -> Exchange:
    sent = Message(_headers(request), request.get("body") or "")
    answer = Message(_headers(response), response["body"]["string"])
    return Exchange(request["method"], request["uri"], sent, int(response["status"]["code"]), answer)


def _headers(node: dict[str, Any]) -> dict[str, str]:
    return {name: values[0] if isinstance(values, list) else values for name, values in node["headers"].items()}


def problems(document: Document, exchange: Exchange) -> Iterator[str]:
    """Yield how request and answer differ from the spec."""
    method, url, status = exchange.method, exchange.url, exchange.status
    yield from answer_problems(document, method, url, status, exchange.answer)
    if operation_at(document, method, url) and status not in _REFUSED_FOR_ITS_BODY:
        yield from request_problems(document, method, url, exchange.request)


def operation_at(document: Document, method: str, url: str) -> OperationFacts | None:
    """Return the operation of a method and a URL: of several the one whose path has the first part without braces."""
    path = urlsplit(url).path.removeprefix(urlsplit(base_url(document) or "").path)
    matching = [each for each in operations(document) if _is_at(each, method.lower(), path)]
    return min(matching, key=lambda each: ["{" in part for part in each.path.split("/")], default=None)


def _is_at(operation: OperationFacts, method: str, path: str) -> bool:
    pattern = "[^/]+".join(map(re.escape, re.split(r"{[^{}]*}", operation.path)))
    return operation.method == method and re.fullmatch(pattern, path) is not None


def answer_problems(document: Document, method: str, url: str, status: int, answer: Message) -> Iterator[str]:
    """Yield how an answer differs from what the spec says of its operation."""
    where = f"{method.upper()} {urlsplit(url).path} {status}"
    if (operation := operation_at(document, method, url)) is None:
        yield f"{where}: no such operation"
        return
    if not (documented := document.resolve(answer_of(operation, status))):
        yield f"{where}: the status is not documented"
        return
    yield from header_problems(document, where, documented.get("headers") or {}, answer.headers)
    if method.upper() != "HEAD":  # which has the headers of a body, and none
        yield from _described_body(document, where, documented, answer)


def request_problems(document: Document, method: str, url: str, request: Message) -> Iterator[str]:
    """Yield how a request differs: its bearer, its query, its headers, its body."""
    where = f"{method.upper()} {urlsplit(url).path} request"
    if (operation := operation_at(document, method, url)) is None:
        yield f"{where}: no such operation"
        return
    sent = request.headers.get("authorization", "").startswith("Bearer ")
    if sent != _wants_bearer(document, operation) and operation.auth != "optional":
        yield f"{where}: a bearer is {'sent for nothing' if sent else 'missing'}"
    parameters = list(operation.parameters(document))
    yield from query_problems(document, where, parameters, _keys_of_queries(document), url)
    named = {each["name"]: each for each in parameters if each.get("in") == "header"}
    yield from header_problems(document, where, named, request.headers)
    described = document.resolve(operation.node.get("requestBody")) or {}
    if request.body or described.get("required"):
        yield from _described_body(document, where, described, request)


def body_problems(document: Document, where: str, schema: dict[str, Any], message: Message) -> Iterator[str]:
    """Yield how a body of JSON differs from a schema."""
    if not is_json(message.kind):
        yield f"{where}: content type {message.kind!r}"
        return
    try:
        instance = json.loads(message.body)
    except ValueError:
        yield f"{where}: the body is no JSON"
        return
    yield from value_problems(document, where, schema, instance)


def _described_body(document: Document, where: str, described: dict[str, Any], message: Message) -> Iterator[str]:
    content = described.get("content") or {}
    media = _media(content, message.kind)
    if not content:
        yield from [f"{where}: a body where none is documented"] if message.body else []
    elif media is None:
        yield f"{where}: content type {message.kind!r}"
    elif is_json(message.kind):
        yield from body_problems(document, where, media.get("schema") or {}, message)
    elif is_form(message.kind):
        yield from form_problems(document, where, media.get("schema") or {}, message.kind, message.body)


def _media(content: dict[str, Any], kind: str) -> dict[str, Any] | None:
    """Return what the spec has for a media type: under its own name, or under one with stars."""
    by_kind = {kind_of(name).lower() or name: media for name, media in content.items()}
    wanted = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return next((by_kind[each] or {} for each in wanted if each in by_kind), None)


def _keys_of_queries(document: Document) -> Iterator[str]:
    for scheme in (document.at(("components", "securitySchemes")) or {}).values():
        if isinstance(scheme, dict) and scheme.get("in") == "query":
            yield str(scheme.get("name"))


def _wants_bearer(document: Document, operation: OperationFacts) -> bool:
    schemes = document.at(("components", "securitySchemes")) or {}
    wanted = [schemes.get(name) or {} for each in operation.node.get("security") or [] for name in each]
    return any((each.get("type"), str(each.get("scheme")).lower()) == ("http", "bearer") for each in wanted)
