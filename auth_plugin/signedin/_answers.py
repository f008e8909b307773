"""What came of a call: its answer typed, its failure one of our errors, without the frames that hold secrets.

Knows generated packages by the protocols below only: any package that the generator writes will do.
"""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import httpx

from signedin._contract import date_of
from signedin.errors import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    SignedInError,
    status_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_UNKNOWN: Final = "Whether the server did it is unknown."
_FAILURES: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], type[SignedInError], str], ...]] = (
    (httpx.ConnectTimeout, APITimeoutError, "the server could not be reached in time. Nothing was sent."),
    (httpx.PoolTimeout, APITimeoutError, "no connection became free in time. Nothing was sent; try again."),
    (httpx.TimeoutException, APITimeoutError, f"no answer in time ({{type}}). {_UNKNOWN}"),
    (
        httpx.ConnectError,
        APIConnectionError,
        "could not connect to {host} ({error}). Nothing was sent; is the server running there?",
    ),
    (httpx.DecodingError, APIConnectionError, "the answer could not be decoded ({error})."),
    (httpx.TooManyRedirects, APIConnectionError, "the server redirects in circles."),
    ((httpx.InvalidURL, httpx.UnsupportedProtocol), ConfigurationError, "{error}"),
    # Not the error's own text: h11 quotes what it refuses, and that can be a header with a token.
    (Exception, APIConnectionError, f"the connection broke ({{type}}). {_UNKNOWN}"),
)

T = TypeVar("T")
_YEAR: Final = 366 * 86_400.0  # seconds; the longest Retry-After that is believed
E = TypeVar("E", bound=BaseException)


class Operation(Protocol):
    """What a generated package says of one operation."""

    id: str
    method: str
    path: str
    auth: str  # "required", "optional" or "none"
    tokens: str | None  # "issues" or "revokes"


class Call(Protocol[T]):
    """One request of one operation, as a generated package makes it, and how its answer is read."""

    operation: Operation
    kwargs: Mapping[str, Any]  # of `httpx.Client.build_request`
    parse: Callable[[httpx.Response], T]
    parse_error: Callable[[httpx.Response], object | None]
    # A call whose answer is read while it arrives also has `is_streamed(response) -> bool`: leave this body unread.


# ------------------------------------------------------------------------------------------------------------- answers


def result_of(call: Call[T], response: httpx.Response, *, now: Callable[[], float], hint: str = "") -> T:
    """Return the typed answer. `hint`: what an error says of further attempts.

    Raises:
        APIStatusError: The server refused it, by a status of 400 or above.
        APIResponseError: The answer is not what the spec says.
    """
    if response.status_code >= 400:
        raise _refusal(call, response, retry_after(response.headers, now()), hint)
    try:
        return call.parse(response)
    except Exception as error:  # noqa: BLE001 -- whatever generated code makes of a foreign answer
        reason = f"{type(error).__name__}: {error}" if isinstance(error, TypeError | KeyError) else _shape(response)
    # Outside of the `except`: the error's frames, which hold the answer, are not to stand in this one's context.
    raise APIResponseError(
        f"{name_of(call.operation)}: the answer (status {response.status_code}) is not what the API's description says "
        f"({reason}). Is the base URL right, and the SDK as new as the server?",
        response=response,
    )


def _refusal(call: Call[Any], response: httpx.Response, wait: float | None, hint: str) -> APIStatusError:
    typed, decoded = call.parse_error(response), None
    with contextlib.suppress(ValueError, RecursionError):
        decoded = response.json()
    body = decoded if typed is None else typed
    message = _message(body, response)
    if response.status_code == 404 and typed is None and not isinstance(body, dict):
        message += ". That is no answer of this API: is the base URL right?"
    return status_error(response.status_code)(
        message,
        method=call.operation.method.upper(),
        path=call.operation.path,
        response=response,
        body=body,
        retry_after=None if wait is None else timedelta(seconds=wait),
        hint=hint,
    )


def _message(body: object, response: httpx.Response) -> str:
    """Return the server's own words, where it has any; never a whole body."""
    for name in ("message", "detail", "error_description", "error", "title"):
        words = body.get(name) if isinstance(body, dict) else getattr(body, name, None)
        if isinstance(words, str) and words:
            return words[:500]
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


def retry_after(headers: httpx.Headers, now: float) -> float | None:
    """Return for how many seconds the server wants to be left alone; of several answers the longest.

    In milliseconds (`retry-after-ms`), seconds or as a date (RFC 9110, section 10.2.3), a date by the server's own
    clock where it sends its time. None where nothing names a time.
    """
    server = date_of(headers)
    return max(_waits(headers, now if server is None else server), default=None)


def _waits(headers: httpx.Headers, now: float) -> Iterator[float]:
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        for value in headers.get_list(name):
            if re.fullmatch(r"\d+(\.\d+)?", value.strip(), re.ASCII):
                yield min(float(value) * unit, _YEAR)
            elif name == "retry-after" and value[:1].isalpha():
                try:
                    date = parsedate_to_datetime(value)
                    yield min(max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now), _YEAR)
                except (ValueError, TypeError, OverflowError):
                    continue


# ------------------------------------------------------------------------------------------------------------ failures


def bare(error: E) -> E:
    """Return the error without the frames below, nor those of its causes.

    Those of httpx, httpcore and h11 are of no use to the user, and their locals hold the request: crash reporters show
    them with its passwords and tokens.
    """
    link: BaseException | None = error
    while link is not None and link.__traceback__ is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


def typed_error(operation: Operation, error: Exception, *, hint: str = "") -> SignedInError:
    """Return our error for one of httpx's. `hint`: what it says of further attempts."""
    kind, words = next((kind, words) for types, kind, words in _FAILURES if isinstance(error, types))
    words = words.format(type=type(error).__name__, error=error, host=_host(error))
    return kind(f"{name_of(operation)}: {words}{hint}")


def broken_stream(operation: Operation, response: httpx.Response, error: Exception) -> SignedInError:
    """Return our error for what ended an answer that was read while it arrived."""
    if isinstance(error, httpx.RequestError | httpx.StreamError):
        return typed_error(operation, bare(error), hint=" What had arrived before is complete.")
    words = "an item of the answer is not what the API's description says"
    return APIResponseError(f"{name_of(operation)}: {words} ({type(error).__name__}).", response=response)


def name_of(operation: Operation) -> str:
    return f"{operation.method.upper()} {operation.path}"


def _host(error: Exception) -> str:
    try:
        return error.request.url.netloc.decode("ascii", "replace") if isinstance(error, httpx.RequestError) else ""
    except RuntimeError:  # raised by a transport that names no request
        return "the server"
