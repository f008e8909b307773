"""One generated call: sent through an httpx client, its answer typed, its failure one of our errors, its tokens stored.

Knows generated packages by the protocols below only: any package that the generator writes will do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import httpx

from signedin._tokens import TokenPair, claims_of, clock_offset, is_token
from signedin._wire import date_of
from signedin.errors import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    SignedInError,
    status_error,
)
from signedin.session import renewal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from signedin._renewal import Renewal
    from signedin.protocols import Clock
    from signedin.session import TokenSession

T = TypeVar("T")
Http = TypeVar("Http", httpx.Client, httpx.AsyncClient)
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


class Tokens(Protocol):
    """How an API names the tokens in its bodies, and which operation renews them."""

    operation_id: str
    response_access_token: str
    response_refresh_token: str


@dataclass(frozen=True, slots=True)
class _Sender(Generic[Http]):
    """What the calls of one client have in common. `signed_in` is called with the answer that brought a new user."""

    http: Http
    session: TokenSession
    base_url: str
    tokens: Tokens
    clock: Clock
    signed_in: Callable[[httpx.Response], None] | None

    def request(self, call: Call[Any]) -> httpx.Request:
        # Built apart from being sent: the frames that hold its arguments, a password say, are gone when sending fails.
        return self.http.build_request(**{**call.kwargs, "url": self.base_url + call.kwargs["url"]})

    def settle(self, call: Call[Any], response: httpx.Response, *, sent: float, received: float) -> None:
        """Store or clear the session's pair where a successful answer asks for it, by `x-signedin-tokens`."""
        renewal: Renewal = renewal_of(self.session)
        if call.operation.tokens == "revokes":
            if _presents(call, renewal):
                renewal.sign_out(revoke=False)  # the server has ended it
            return
        renews = call.operation.id == self.tokens.operation_id
        if renews and not _presents(call, renewal):
            return  # somebody refreshed a pair of their own by hand
        pair = _pair_in(response, self.tokens)
        claims, date = claims_of(pair.access_token), date_of(response.headers)
        offset = clock_offset(claims, sent=sent, received=received, date=date)
        renewal.sign_in(pair, clock_offset=offset, replaces=not renews)
        if not renews and self.signed_in is not None:
            self.signed_in(response)


class Sender(_Sender[httpx.Client]):
    """Sends generated calls for one session, blocking."""

    def __call__(self, call: Call[T], /) -> T:
        """Return the typed answer, after storing or clearing the pair where the operation says so."""
        sent = self.clock.wall()
        try:
            response = self.http.send(self.request(call), **_auth(call))
        except SignedInError as error:
            raise bare(error)  # noqa: B904 -- the same error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise typed_error(call.operation, error) from bare(error)
        received = self.clock.wall()
        result = result_of(call, response)
        if call.operation.tokens is not None:
            self.settle(call, response, sent=sent, received=received)
        return result


class AsyncSender(_Sender[httpx.AsyncClient]):
    """Sends generated calls for one session, awaiting."""

    async def __call__(self, call: Call[T], /) -> T:
        """Return the typed answer, after storing or clearing the pair where the operation says so."""
        sent = self.clock.wall()
        try:
            response = await self.http.send(self.request(call), **_auth(call))
        except SignedInError as error:
            raise bare(error)  # noqa: B904 -- the same error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise typed_error(call.operation, error) from bare(error)
        received = self.clock.wall()
        result = result_of(call, response)
        if call.operation.tokens is not None:  # the store's I/O is not for the event loop
            renewal: Renewal = renewal_of(self.session)
            await renewal.in_thread(lambda: self.settle(call, response, sent=sent, received=received))
        return result


def _auth(call: Call[Any]) -> dict[str, Any]:
    # An operation without security gets no token: signing in must work while the old session is over.
    return {"auth": None} if call.operation.auth == "none" else {}


def _presents(call: Call[Any], renewal: Renewal) -> bool:
    """Say whether the call sent the session's own refresh token."""
    body, held = call.kwargs.get("json"), renewal.held
    if not isinstance(body, dict):
        return False
    pair = held.record.pair if held is not None else None
    if pair is None or pair.refresh_token not in body.values():
        pair = renewal.load()  # perhaps another process has refreshed
    return pair is not None and pair.refresh_token in body.values()


def _pair_in(response: httpx.Response, tokens: Tokens) -> TokenPair:
    # No local holds the answer: crash reporters show those of every frame.
    names = tokens.response_access_token, tokens.response_refresh_token
    for name in names:
        if not is_token(response.json().get(name)):
            raise APIResponseError(f"The answer has no usable {name}; nothing was stored.", response=response)
    return TokenPair(*(response.json()[name] for name in names))


# ------------------------------------------------------------------------------------------------------------- answers


def result_of(call: Call[T], response: httpx.Response) -> T:
    """Return the typed answer.

    Raises:
        APIStatusError: The server said no, by a status of 400 or above.
        APIResponseError: The answer is not what the spec says.
    """
    if response.status_code >= 400:
        raise _refusal(call, response)
    try:
        return call.parse(response)
    except Exception as error:  # noqa: BLE001 -- whatever generated code makes of a foreign answer
        reason = f"{type(error).__name__}: {error}" if isinstance(error, TypeError | KeyError) else _shape(response)
    # Outside of the `except`: the error's frames, which hold the answer, are not to stand in this one's context.
    raise APIResponseError(
        f"{_name(call.operation)}: the answer (status {response.status_code}) is not what the API's description says "
        f"({reason}). Is the base URL right, and the SDK as new as the server?",
        response=response,
    )


def _refusal(call: Call[Any], response: httpx.Response) -> APIStatusError:
    operation, typed = call.operation, call.parse_error(response)
    body = typed if typed is not None else _decoded(response)
    message = _message(body, response)
    if response.status_code == 404 and typed is None and not isinstance(body, dict):
        message += ". That is no answer of this API: is the base URL right?"
    return status_error(response.status_code)(
        message, method=operation.method.upper(), path=operation.path, response=response, body=body
    )


def _decoded(response: httpx.Response) -> object:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


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


def typed_error(operation: Operation, error: httpx.RequestError | httpx.InvalidURL) -> SignedInError:
    """Return our error for one of httpx's."""
    name = _name(operation)
    match error:
        case httpx.ConnectTimeout():
            return APITimeoutError(f"{name}: the server could not be reached in time. Nothing was sent.")
        case httpx.PoolTimeout():
            return APITimeoutError(f"{name}: no connection became free in time. Nothing was sent; try again.")
        case httpx.TimeoutException():
            words = f"no answer in time ({type(error).__name__}). Whether the server did it is unknown."
            return APITimeoutError(f"{name}: {words}")
        case httpx.ConnectError():
            return APIConnectionError(
                f"{name}: could not connect to {_host(error)} ({error}). Nothing was sent; is the server running there?"
            )
        case httpx.DecodingError():
            return APIConnectionError(f"{name}: the answer could not be decoded ({error}).")
        case httpx.TooManyRedirects():
            return APIConnectionError(f"{name}: the server redirects in circles.")
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return ConfigurationError(f"{name}: {error}")
        case _:
            # Not the error's own text: h11 quotes what it refuses, and that can be a header with a token.
            words = f"the connection broke ({type(error).__name__}). Whether the server did it is unknown."
            return APIConnectionError(f"{name}: {words}")


def _name(operation: Operation) -> str:
    return f"{operation.method.upper()} {operation.path}"


def _host(error: httpx.RequestError) -> str:
    try:
        return error.request.url.netloc.decode("ascii", "replace")
    except RuntimeError:  # raised by a transport that names no request
        return "the server"
