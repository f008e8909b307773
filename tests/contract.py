"""Does an answer fit `openapi.yaml`? One function for every suite that has answers of a backend in hand.

check_response("GET", "/users/profile", 200, headers, body)
httpx.Client(event_hooks={"response": [check_httpx]})
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import yaml
from openapi_schema_validator import OAS31Validator, oas31_format_checker

_SPEC = Path(__file__).parent.parent / "openapi.yaml"
# Ahead of every operation: no operation of the contract was reached.
_OUTSIDE = {404, 405}


class ContractError(AssertionError):
    """The answer is not what the contract says."""


def check_response(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes | str) -> None:
    """Raise unless the contract knows this answer of this operation.

    `path` may be a whole URL or carry the base path. An answer outside of every operation (404, 405) must have the
    error body all the same.

    Raises:
        ContractError: The text says where the answer differs.
    """
    headers = {name.lower(): value for name, value in headers.items()}
    where = f"{method.upper()} {urlsplit(path).path} {status}"
    operation = _operation(method, path)
    if operation is None or status in _OUTSIDE:
        if status < 400:
            raise ContractError(f"{where}: no such operation in openapi.yaml")
        _check_body(where, {"$ref": "#/components/schemas/Error"}, headers, body)
        return
    documented = _resolved(operation["responses"].get(str(status)) or operation["responses"].get("default"))
    if documented is None:
        raise ContractError(f"{where}: the status is not documented")
    _check_headers(where, documented.get("headers", {}), headers)
    if "content" not in documented:
        if body:
            raise ContractError(f"{where}: a body where none is documented")
        return
    _check_body(where, documented["content"]["application/json"]["schema"], headers, body)


def check_request(method: str, path: str, headers: Mapping[str, str], body: bytes | str) -> None:
    """Raise unless the contract knows this request: body, parameters, and a bearer where and only where one goes.

    Raises:
        ContractError: The text says where the request differs.
    """
    headers = {name.lower(): value for name, value in headers.items()}
    where = f"{method.upper()} {urlsplit(path).path} request"
    operation = _operation(method, path)
    if operation is None:
        raise ContractError(f"{where}: no such operation in openapi.yaml")
    if headers.get("authorization", "").startswith("Bearer ") != bool(operation.get("security")):
        raise ContractError(f"{where}: a bearer is {'missing' if operation.get('security') else 'sent for nothing'}")
    _check_headers(
        where, {one["name"]: one for one in operation.get("parameters", []) if one["in"] == "header"}, headers
    )
    described = _resolved(operation.get("requestBody"))
    if described is None:
        if body:
            raise ContractError(f"{where}: a body where none is documented")
        return
    _check_body(where, described["content"]["application/json"]["schema"], headers, body)


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    """Return every operation of the contract by method and path."""
    methods = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
    return {
        (method.upper(), path): operation
        for path, item in spec()["paths"].items()
        for method, operation in item.items()
        if method in methods
    }


def check_httpx(response: httpx.Response) -> None:
    """Check an answer as httpx has it; fits `event_hooks`."""
    response.read()
    request = response.request
    check_response(request.method, str(request.url), response.status_code, response.headers, response.content)


async def acheck_httpx(response: httpx.Response) -> None:
    """Check an answer of an `httpx.AsyncClient`."""
    await response.aread()
    request = response.request
    check_response(request.method, str(request.url), response.status_code, response.headers, response.content)


@cache
def spec() -> dict[str, Any]:
    """Return the contract."""
    document: dict[str, Any] = yaml.safe_load(_SPEC.read_text(encoding="utf-8"))
    return document


def _operation(method: str, path: str) -> dict[str, Any] | None:
    path = urlsplit(path).path
    base = urlsplit(spec()["servers"][0]["url"]).path
    relative = path.removeprefix(base)
    for template, item in spec()["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), relative):
            found: dict[str, Any] | None = item.get(method.lower())
            return found
    return None


def _resolved(node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        target: Any = spec()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def _check_headers(where: str, documented: dict[str, Any], headers: Mapping[str, str]) -> None:
    for name, described in documented.items():
        header, value = _resolved(described), headers.get(name.lower())
        if value is None:
            if header.get("required"):
                raise ContractError(f"{where}: header {name} is missing")
            continue
        number = header["schema"].get("type") in {"integer", "number"}
        try:
            instance = json.loads(value) if number else value
        except ValueError:
            raise ContractError(f"{where}: header {name} is no number") from None
        _check(f"{where}: header {name}", header["schema"], instance)


def _check_body(where: str, schema: dict[str, Any], headers: Mapping[str, str], body: bytes | str) -> None:
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ContractError(f"{where}: content type {headers.get('content-type')!r}")
    try:
        instance = json.loads(body)
    except ValueError:
        raise ContractError(f"{where}: the body is no JSON") from None
    _check(where, schema, instance)


def _check(where: str, schema: dict[str, Any], instance: Any) -> None:
    # The references inside a schema start at the document's root.
    whole = {**schema, "components": spec()["components"]}
    validator = OAS31Validator(whole, format_checker=oas31_format_checker)
    for error in validator.iter_errors(instance):
        # Place and rule only: the value may be a token.
        place = "/".join(map(str, error.absolute_path))
        raise ContractError(f"{where}: /{place} violates {error.validator} of the schema")
