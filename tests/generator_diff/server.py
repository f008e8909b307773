"""A server that does what a spec says: refuses what does not fit, answers the most or the least that may come."""

import json
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
from openapi_schema_validator import OAS30Validator, OAS31Validator, oas31_format_checker

from generator.diff.normal import Normal, normal
from generator.spec.document import Document
from generator.spec.operations import operations

_SCALARS: Any = {
    "string": "text",
    "integer": 7,
    "number": 7.5,
    "boolean": True,
    "string:date": "2026-01-02",
    "string:date-time": "2026-01-02T03:04:05Z",
}
_FORM: Final = "application/x-www-form-urlencoded"
# It sends nothing. With a transport it reads no certificates, which would take most of the time of a call.
_CLIENT: Final = httpx.Client(
    base_url="https://base.example/v1", transport=httpx.MockTransport(lambda _: httpx.Response(500))
)


class RefusedError(Exception):
    """The request is not what the spec allows."""


class Server:
    """Plays the backend of one spec, at the end of a `Send`."""

    def __init__(self, document: Document, *, least: bool) -> None:
        self.document, self.least = document, least
        self.signed_in = False

    def send(self, call: Any) -> Any:
        """Send as somebody who has a bearer token without scopes."""
        return self._answer(call, {"bearerAuth"})

    def anonymous(self, call: Any) -> Any:
        """Send as somebody who has no token."""
        return self._answer(call, set())

    def _answer(self, call: Any, schemes: set[str]) -> Any:
        request = _CLIENT.build_request(**call.kwargs)
        operation = next(each for each in operations(self.document) if each.id == call.operation.id)
        self._check_security(operation.node, {each for each in schemes if self._is_bearer(each)})
        self._check_parameters(operation, request)
        self._check_body(operation.node, request)
        self.signed_in |= call.operation.tokens == "issues"
        return call.parse(self._response(operation.node, request))

    def _check_security(self, node: Any, schemes: set[str]) -> None:
        alternatives = node.get("security") or [{}]
        if not any(each.keys() <= schemes and not any(each.values()) for each in alternatives):
            raise RefusedError("401")

    def _is_bearer(self, scheme: str) -> bool:
        return bool(self.document.data["components"]["securitySchemes"][scheme]["type"] == "http")

    def _check_parameters(self, operation: Any, request: httpx.Request) -> None:
        query = parse_qs(urlsplit(str(request.url)).query, keep_blank_values=True)
        for parameter in operation.node.get("parameters") or []:
            sent = {"query": query.get(parameter["name"], [None])[0], "header": request.headers.get(parameter["name"])}
            value = sent.get(parameter["in"])
            if value is None:
                if parameter.get("required") and parameter["in"] in sent:
                    raise RefusedError(f"{parameter['name']} is missing")
                continue
            self._fits(parameter["schema"], _read(value, self._types(parameter["schema"])))

    def _types(self, schema: Any) -> frozenset[str]:
        return normal(self.document, schema).types

    def _check_body(self, node: Any, request: httpx.Request) -> None:
        body = self.document.resolve(node.get("requestBody"))
        if body and not request.content and body.get("required"):
            raise RefusedError("the body is missing")
        if body and request.content:
            schema = body["content"][request.headers["content-type"]]["schema"]
            self._fits(schema, self._sent(request, normal(self.document, schema)))

    def _sent(self, request: httpx.Request, schema: Normal) -> Any:
        if request.headers["content-type"] != _FORM:
            value = json.loads(request.content)
        else:
            fields = parse_qs(request.content.decode()).items()
            value = {name: _read(text, self._types(schema.properties.get(name))) for name, [text] in fields}
        for name in value if isinstance(value, dict) else ():
            if self._is(schema.properties.get(name), "readOnly"):
                raise RefusedError(f"{name} is read-only")
        return value

    def _is(self, schema: Any, mark: str) -> bool:
        return normal(self.document, schema).schema.get(mark) is True

    def _fits(self, schema: Any, value: Any) -> None:
        whole = {"components": self.document.data["components"], **schema}
        kind = OAS30Validator if self.document.data["openapi"].startswith("3.0") else OAS31Validator
        validator = kind(whole, format_checker=oas31_format_checker)
        for error in validator.iter_errors(value):
            raise RefusedError(error.message)

    def _response(self, node: Any, request: httpx.Request) -> httpx.Response:
        statuses = sorted(each for each in node["responses"] if each.startswith("2"))
        status = statuses[0 if self.least else -1]
        content = self.document.resolve(node["responses"][status]).get("content")
        if not content:
            return httpx.Response(int(status), request=request)
        [media, first] = next(iter(content.items()))  # who asks for nothing gets the first
        value = self._sample(first["schema"])
        headers = {"content-type": media}
        body = value if media == "text/plain" else json.dumps(value)
        return httpx.Response(int(status), content=body, headers=headers, request=request)

    def _sample(self, schema: Any, depth: int = 0) -> Any:
        shape = normal(self.document, schema)
        if shape.nullable and self.least:
            return None
        if shape.branches:
            return self._sample(shape.branches[-1].schema, depth)
        if "const" in shape.schema:
            return shape.schema["const"]
        if shape.enum:
            return shape.enum[0 if self.least else -1]
        make: Any = {
            "array": lambda: [self._sample(shape.schema["items"], depth + 1)],
            "object": lambda: self._object(shape, depth),
        }
        [kind, *_] = sorted(shape.types)
        return make[kind]() if kind in make else _SCALARS[kind]

    def _object(self, shape: Any, depth: int) -> dict[str, Any]:
        names = shape.required if self.least or depth > 2 else shape.properties
        shown = [name for name in names if not self._is(shape.properties[name], "writeOnly")]
        return {name: self._sample(shape.properties[name], depth + 1) for name in shown}


def _read(text: str, types: frozenset[str]) -> Any:
    if types & {"integer", "number"} and not types & {"string"}:
        return json.loads(text)
    return text
