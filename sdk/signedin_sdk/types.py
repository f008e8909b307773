"""Contains some shared types for properties, and what the spec says of operations and tokens as records"""

# Every program that imports the package pays for this module: neither httpx nor attrs, no class made by a decorator.
from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    import httpx


class Unset:
    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"  # copies and pickles stay the one that `is UNSET` asks for


UNSET: Unset = Unset()

# The types that `httpx.Client(files=)` can accept, copied from that library.
FileContent = IO[bytes] | bytes | str
FileTypes = (
    # (filename, file (or bytes), content_type)
    tuple[str | None, FileContent, str | None]
    # (filename, file (or bytes), content_type, headers)
    | tuple[str | None, FileContent, str | None, Mapping[str, str]]
)
RequestFiles = list[tuple[str, FileTypes]]


class File:
    """Contains information for file uploads"""

    __slots__ = ("file_name", "mime_type", "payload")

    def __init__(self, payload: BinaryIO, file_name: str | None = None, mime_type: str | None = None) -> None:
        self.payload = payload
        self.file_name = file_name
        self.mime_type = mime_type

    def __repr__(self) -> str:
        return f"File(file_name={self.file_name!r}, mime_type={self.mime_type!r})"

    def to_tuple(self) -> FileTypes:
        """Return a tuple representation that httpx will accept for multipart/form-data"""
        name = self.file_name or PurePath(str(getattr(self.payload, "name", "upload"))).name
        return name, self.payload, self.mime_type  # a part without a file name is no file


T = TypeVar("T")


class Operation(NamedTuple):
    """What the spec says about one operation, and no request of it."""

    id: str
    method: str
    path: str
    auth: Literal["required", "optional", "none"]
    tokens: Literal["issues", "revokes"] | None


class Call(Generic[T]):
    """One request of one operation, ready to be sent, and how its answer is read.

    Attributes:
        operation: What is called.
        kwargs: Arguments of `httpx.Client.request`; the URL is relative to the client's base URL.
        parse: Return the typed body of a documented 2xx answer. Any other status raises `errors.UnexpectedStatus`,
            a body that does not fit raises ValueError, TypeError or KeyError.
        parse_error: Return the typed body of a documented refusal, None for every other answer. Never raises.
    """

    __slots__ = ("kwargs", "operation", "parse", "parse_error")

    def __init__(
        self,
        operation: Operation,
        kwargs: dict[str, Any],
        parse: Callable[[httpx.Response], T],
        parse_error: Callable[[httpx.Response], object | None],
    ) -> None:
        self.operation: Final = operation
        self.kwargs: Final = kwargs
        self.parse: Final = parse
        self.parse_error: Final = parse_error

    def __repr__(self) -> str:
        return f"Call(operation={self.operation!r})"  # what is sent may be a secret


class Send(Protocol):
    """How resources send their calls."""

    def __call__(self, call: Call[T], /) -> T: ...


class AsyncSend(Protocol):
    """How asynchronous resources send their calls."""

    async def __call__(self, call: Call[T], /) -> T: ...


if TYPE_CHECKING:
    from typing_extensions import deprecated
else:

    def deprecated(message: str) -> Callable[[Any], Any]:
        """Warn at each call, as `warnings.deprecated` of Python 3.13 does."""

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(function)
            def warn(*args: Any, **kwargs: Any) -> Any:
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                return function(*args, **kwargs)

            return warn

        return decorate


class ExpiredSignal(NamedTuple):
    """The answer that says: the access token has expired."""

    status: int
    property: str
    equals: str


class Grace(NamedTuple):
    """How a refresh token may be presented again after an answer got lost."""

    header: str
    seconds: float
    times: int


class RefreshContract(NamedTuple):
    """How an access token is renewed: the security scheme's `x-signedin-refresh`.

    Attributes:
        scheme: Name of the security scheme in the spec.
        request_refresh_token: Property of the request's body.
        response_access_token: Property of the answer's body.
        response_refresh_token: Property of the answer's body.
        dead: Statuses of the refresh operation that say: this refresh token will never work again.
        error_properties: What the body of every documented refusal has; an answer without them is not the API's.
        grace: None for a backend that forbids to present a refresh token twice.
    """

    scheme: str
    operation_id: str
    method: str
    path: str
    request_refresh_token: str
    response_access_token: str
    response_refresh_token: str
    expired: ExpiredSignal
    dead: frozenset[int]
    error_properties: frozenset[str]
    grace: Grace | None


class RevokeContract(NamedTuple):
    """How a refresh token is revoked: the operation with `x-signedin-tokens.effect: revokes`."""

    operation_id: str
    method: str
    path: str
    request_refresh_token: str


__all__ = [
    "UNSET",
    "AsyncSend",
    "Call",
    "ExpiredSignal",
    "File",
    "FileTypes",
    "Grace",
    "Operation",
    "RefreshContract",
    "RequestFiles",
    "RevokeContract",
    "Send",
    "Unset",
    "deprecated",
]
