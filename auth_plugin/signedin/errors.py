"""The one tree of errors. What each tells: what happened, what stays, what to do next.

SignedInError
├── ConfigurationError              an argument or the environment cannot work
├── AuthError                       about the session
│   ├── SignInRequiredError         sign in again, whatever the reason
│   │   ├── NotSignedInError        there is no pair: never signed in, or signed out
│   │   └── SessionExpiredError     the server refused the refresh token
│   ├── RefreshUnavailableError     no usable answer: the pair stays, try later
│   ├── FreshTokenRejectedError     the server refuses tokens that it has just issued
│   └── TokenStoreError             the place where tokens live cannot be read or written
└── APIError                        about one call
    ├── APIConnectionError          no answer came
    │   └── APITimeoutError
    ├── APIResponseError            the answer is not what the spec says
    └── APIStatusError              the server refused the call
        ├── BadRequestError 400     ├── UnauthorizedError 401   ├── ForbiddenError 403
        ├── NotFoundError 404       ├── ConflictError 409       ├── UnprocessableEntityError 422
        └── RateLimitError 429      └── ServerError 5xx
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from datetime import timedelta

    import httpx


class SignedInError(Exception):
    """Base of everything that this package raises on its own account."""


class ConfigurationError(SignedInError, ValueError):
    """An argument, or the environment, cannot work; nothing was sent or stored."""


class AuthError(SignedInError):
    """The session cannot give the request a valid access token."""

    def again(self) -> Self:
        """Return an exception of the same kind and words for one more waiter.

        Raising one object in many threads would grow one traceback for all of them.
        """
        # Not by copy.copy: a store's own error may be made from other arguments than its text.
        twin = type(self).__new__(type(self), *self.args)
        twin.__dict__.update(self.__dict__)
        twin.__cause__ = self.__cause__
        twin.__suppress_context__ = True
        return twin


class SignInRequiredError(AuthError):
    """Only a new sign-in helps: there is no pair, or the server refused its refresh token."""


class NotSignedInError(SignInRequiredError):
    """There is no pair of tokens: never signed in, or signed out."""


class SessionExpiredError(SignInRequiredError):
    """The server refused the refresh token; the pair was cleared. Sign in again."""


class RefreshUnavailableError(AuthError):
    """No usable answer to the refresh; the pair stays. Try again later.

    `retry_after` is how long the server wants to be left alone, or None.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class FreshTokenRejectedError(AuthError):
    """The server keeps refusing tokens that it has just issued; refreshing again would loop.

    `clock_offset` is what the server's clock was last seen to be ahead of the local one.
    """

    def __init__(self, message: str, *, clock_offset: timedelta | None = None) -> None:
        super().__init__(message)
        self.clock_offset = clock_offset


class TokenStoreError(AuthError):
    """The token store cannot be used; what it holds was left as it is, or moved aside as the message says."""


class APIError(SignedInError):
    """One call to the API failed."""


class APIConnectionError(APIError):
    """No answer came: the request may or may not have reached the server."""


class APITimeoutError(APIConnectionError):
    """No answer came in time."""


class APIResponseError(APIError):
    """The answer is not what the spec says; `http_response` holds it."""

    def __init__(self, message: str, *, response: httpx.Response) -> None:
        super().__init__(message)
        self.http_response = response
        self.status_code = response.status_code

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.args, {"status_code": self.status_code})


class APIStatusError(APIError):
    """The server answered with a status that is no success.

    `method` and `path` (as in the spec, without values) name the operation, `message` is the server's own word, `body`
    the typed error where the spec types it (else the decoded JSON, or None), `request_id` the server's name for the
    request, `retry_after` the time that it wants to be left alone.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str,
        path: str,
        response: httpx.Response,
        body: object,
        retry_after: timedelta | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(f"{method} {path}: {response.status_code}: {message}{hint and '.'}{hint}")
        self.method = method
        self.path = path
        self.message = message
        self.status_code: int = response.status_code
        self.body = body
        self.retry_after = retry_after
        self.request_id: str | None = response.headers.get("x-request-id")
        self.http_response = response

    def __reduce__(self) -> tuple[object, ...]:
        names = ("method", "path", "message", "status_code", "retry_after", "request_id")
        return _restored, (type(self), self.args, {name: getattr(self, name) for name in names} | {"body": None})


class BadRequestError(APIStatusError):
    """400."""


class UnauthorizedError(APIStatusError):
    """401, also after a refresh where one could have helped."""


class ForbiddenError(APIStatusError):
    """403."""


class NotFoundError(APIStatusError):
    """404."""


class ConflictError(APIStatusError):
    """409."""


class UnprocessableEntityError(APIStatusError):
    """422."""


class RateLimitError(APIStatusError):
    """429; `retry_after` says when to try again."""


class ServerError(APIStatusError):
    """5xx."""


_BY_STATUS: Final[dict[int, type[APIStatusError]]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def status_error(status_code: int) -> type[APIStatusError]:
    """Return the class for a status; `APIStatusError` itself for one without a class of its own."""
    return _BY_STATUS.get(status_code, ServerError if status_code >= 500 else APIStatusError)


def _restored(kind: type[APIError], args: tuple[object, ...], state: dict[str, object]) -> APIError:
    # A pickle never carries the response: it leads to its request, whose headers and body hold tokens and passwords.
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error
