"""Sends the generated calls through an httpx client and turns every way to fail into the one tree of errors.

What an operation says of tokens (`issues`, `revokes`) is left to `_binding`.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from signedin.errors import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    status_error,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signedin_sdk.types import Call

T = TypeVar("T")


@contextlib.contextmanager
def typed_failures(call: Call[Any]) -> Iterator[None]:
    """Turn httpx's exceptions into ours; the cause keeps the original."""
    name = f"{call.operation.method.upper()} {call.operation.path}"
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise APITimeoutError(f"{name}: the server could not be reached in time. Nothing was sent.") from error
    except httpx.PoolTimeout as error:
        raise APITimeoutError(f"{name}: no connection became free in time. Nothing was sent; try again.") from error
    except httpx.TimeoutException as error:
        raise APITimeoutError(
            f"{name}: no answer in time ({type(error).__name__}). Whether the server did it is unknown."
        ) from error
    except httpx.ConnectError as error:
        raise APIConnectionError(
            f"{name}: could not connect to {_host(error)} ({error}). Nothing was sent; is the server running there?"
        ) from error
    except httpx.DecodingError as error:
        raise APIConnectionError(f"{name}: the answer could not be decoded ({error}).") from error
    except httpx.TooManyRedirects as error:
        raise APIConnectionError(f"{name}: the server redirects in circles.") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ConfigurationError(f"{name}: {error}") from error
    except httpx.TransportError as error:
        # Not the error's own text: h11 quotes what it refuses, and that can be a header with a token.
        raise APIConnectionError(
            f"{name}: the connection broke ({type(error).__name__}). Whether the server did it is unknown."
        ) from error


def result_of(call: Call[T], response: httpx.Response) -> T:
    """Return the typed answer.

    Raises:
        APIStatusError: The server said no, by a status of 400 or above.
        APIResponseError: The answer is not what the spec says.
    """
    name = f"{call.operation.method.upper()} {call.operation.path}"
    if response.status_code >= 400:
        raise _refusal(call, response)
    try:
        return call.parse(response)
    except Exception as error:  # noqa: BLE001 -- whatever generated code makes of a foreign answer
        what = f"{type(error).__name__}: {error}" if isinstance(error, TypeError | KeyError) else _shape(response)
        raise APIResponseError(
            f"{name}: the answer (status {response.status_code}) is not what the API's description says ({what}). Is "
            "the base URL right, and the SDK as new as the server?",
            response=response,
        ) from None


def _refusal(call: Call[Any], response: httpx.Response) -> APIStatusError:
    body = call.parse_error(response)
    said = body if body is not None else _decoded(response)
    return status_error(response.status_code)(_message(said, response), response=response, body=said)


def _decoded(response: httpx.Response) -> object:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _message(said: object, response: httpx.Response) -> str:
    """Return the server's own word, where it has one; never a whole body."""
    for name in ("message", "detail", "error_description", "error", "title"):
        word = said.get(name) if isinstance(said, dict) else getattr(said, name, None)
        if isinstance(word, str) and word:
            return word[:500]
    return f"{response.reason_phrase or 'refused'} ({_shape(response)})"


def _shape(response: httpx.Response) -> str:
    kind = response.headers.get("content-type", "nothing").split(";")[0].strip().lower()
    if kind == "application/json":
        try:
            json.loads(response.content)
        except (ValueError, RecursionError):
            return "malformed JSON"
        return "JSON of another shape"
    return f"{kind} instead of JSON"


def _host(error: httpx.RequestError) -> str:
    try:
        return error.request.url.netloc.decode("ascii", "replace")
    except RuntimeError:  # raised by a transport that names no request
        return "the server"
