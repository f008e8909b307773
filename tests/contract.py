"""Does an answer fit `openapi.yaml`? One function for every suite that has answers of a backend in hand.

check_response("GET", "/users/profile", 200, headers, body)
httpx.Client(event_hooks={"response": [check_httpx]})

The judgement is the generator's, which holds recordings against the spec in the same way.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from generator.recordings import exchange
from generator.spec.document import Document, load

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
    is_outside = exchange.operation_at(document(), method, path) is None or status in _OUTSIDE
    if is_outside and status >= 400:
        where, schema = f"{method.upper()} {urlsplit(path).path} {status}", {"$ref": "#/components/schemas/Error"}
        _refuse(exchange.body_problems(document(), where, schema, exchange.Message(headers, body)))
    else:
        _refuse(exchange.answer_problems(document(), method, path, status, exchange.Message(headers, body)))


def check_exchange(one: exchange.Exchange) -> None:
    """Raise unless the contract knows this request and this answer.

    Raises:
        ContractError: The text says where they differ.
    """
    _refuse(exchange.problems(document(), one))


def _refuse(problems: Iterator[str]) -> None:
    for problem in problems:
        raise ContractError(problem)


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


@cache
def document() -> Document:
    """Return the contract with its places."""
    return load(_SPEC)


def spec() -> dict[str, Any]:
    """Return the contract."""
    return document().data
