"""Contains some shared types for properties"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import IO, Any, BinaryIO, Generic, Literal, Protocol, TypeVar

import httpx
from attrs import define, field


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


@define
class File:
    """Contains information for file uploads"""

    payload: BinaryIO
    file_name: str | None = None
    mime_type: str | None = None

    def to_tuple(self) -> FileTypes:
        """Return a tuple representation that httpx will accept for multipart/form-data"""
        return self.file_name, self.payload, self.mime_type


T = TypeVar("T")


@define
class Response(Generic[T]):
    """A response from an endpoint"""

    status_code: int
    content: bytes = field(repr=False)
    headers: MutableMapping[str, str] = field(repr=False)
    parsed: T | None = field(repr=False)


@define(frozen=True)
class Operation:
    """What the spec says about one operation, and no request of it."""

    id: str
    method: str
    path: str
    auth: Literal["required", "optional", "none"]
    tokens: Literal["issues", "revokes"] | None


@define(frozen=True, eq=False)
class Call(Generic[T]):
    """One request of one operation, ready to be sent, and how its answer is read.

    Attributes:
        operation: What is called.
        kwargs: Arguments of `httpx.Client.request`; the URL is relative to the client's base URL.
        parse: Return the typed body of a documented 2xx answer. Any other status raises `errors.UnexpectedStatus`,
            a body that does not fit raises ValueError, TypeError or KeyError.
        parse_error: Return the typed body of a documented refusal, None for every other answer. Never raises.
    """

    operation: Operation
    kwargs: dict[str, Any] = field(repr=False)
    parse: Callable[[httpx.Response], T] = field(repr=False)
    parse_error: Callable[[httpx.Response], object | None] = field(repr=False)


class Send(Protocol):
    """How resources send their calls."""

    def __call__(self, call: Call[T], /) -> T: ...


class AsyncSend(Protocol):
    """How asynchronous resources send their calls."""

    async def __call__(self, call: Call[T], /) -> T: ...


@define(frozen=True)
class ExpiredSignal:
    """The answer that says: the access token has expired."""

    status: int
    property: str
    equals: str


@define(frozen=True)
class Grace:
    """How a refresh token may be presented again after an answer got lost."""

    header: str
    seconds: float
    times: int


@define(frozen=True)
class RefreshContract:
    """How an access token is renewed: the security scheme's `x-signedin-refresh`.

    Attributes:
        scheme: Name of the security scheme in the spec.
        request_refresh_token: Property of the request's body.
        response_access_token: Property of the answer's body.
        response_refresh_token: Property of the answer's body.
        dead: Statuses of the refresh operation that say: this refresh token will never work again.
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
    grace: Grace | None


@define(frozen=True)
class RevokeContract:
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
    "Response",
    "RevokeContract",
    "Send",
    "Unset",
]
