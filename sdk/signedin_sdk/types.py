"""Contains some shared types for properties, and what the spec says of operations and tokens as records"""

# Every program that imports the package pays for this module: neither httpx nor attrs, no class made by a decorator,
# and no deferred annotations, which make a NamedTuple half as slow again to create.
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
        parse: Callable[["httpx.Response"], T],
        parse_error: Callable[["httpx.Response"], object | None],
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


class Place(NamedTuple):
    """Where a value stands in a request or a response.

    Attributes:
        where: In a request one of body, header, bearer, cookie, query, path; in a response body, header or cookie.
        name: Of the property, header, cookie or parameter; in a body a JSON pointer (RFC 6901), as `/accessToken`.
        prefix: What stands before the value in a header.
    """

    where: Literal["body", "header", "bearer", "cookie", "query", "path"]
    name: str = ""
    prefix: str = ""


class Constant(NamedTuple):
    """A value that the spec fixes."""

    place: Place
    value: str


class Setting(NamedTuple):
    """A value that only the user has, by its name in `settings=`; a secret."""

    name: str
    place: Place


class Carry(NamedTuple):
    """A value of the last response that goes back with the next refresh, as a CSRF token."""

    source: Place
    target: Place


class TokenRequest(NamedTuple):
    """A request that carries a token: a refresh or a revocation.

    Attributes:
        operation_id: None where it is no operation of the document.
        url: A path below the base URL; or absolute, on another origin; or empty, from the discovery document.
        encoding: Of the body.
        client: How the client authenticates with the settings client_id and client_secret (RFC 6749, section 2.3.1).
    """

    operation_id: str | None
    method: str
    url: str
    encoding: Literal["json", "form", "none"]
    refresh_token: Place | None
    access_token: Place | None = None
    constants: tuple[Constant, ...] = ()
    settings: tuple[Setting, ...] = ()
    client: Literal["basic", "body"] | None = None
    carry: tuple[Carry, ...] = ()


class Expires(NamedTuple):
    """Where a response says when the access token ends, and in which unit."""

    place: Place
    unit: Literal["seconds", "milliseconds", "epoch", "date-time"]


class TokenResponse(NamedTuple):
    """Where a pair of tokens stands in a response.

    Attributes:
        refresh_token: None where there never is one.
        absent: What a response without refresh token means: no usable answer; the old one stays in force (RFC 6749,
            section 6); or there is none.
        expires: None where only the access token itself says when it ends.
    """

    access_token: Place
    refresh_token: Place | None
    absent: Literal["refuse", "keep", "none"] = "refuse"
    expires: Expires | None = None


class Sign(NamedTuple):
    """What a response looks like: its status and, unless `place` is None, one of `values` at a place.

    In a body the value is equal; in a header it is contained.
    """

    status: int
    place: Place | None = None
    values: tuple[str | int | bool | None, ...] = ()


class Grace(NamedTuple):
    """How a refresh token may be presented again after a response got lost.

    Attributes:
        header: Takes the same value with each presentation; None where the server needs none.
    """

    header: str | None
    seconds: float
    times: int


class IssueContract(NamedTuple):
    """An operation that issues tokens.

    Attributes:
        when: Issues only where this value stands in the request: one operation for sign-in and refresh.
        optional: Whether a success without tokens is no error (a second factor comes first).
    """

    operation_id: str
    response: TokenResponse
    when: Constant | None = None
    optional: bool = False


class RefreshContract(NamedTuple):
    """How an access token is renewed: the security scheme's `x-signedin-refresh`.

    Attributes:
        scheme: Name of the security scheme in the spec.
        request: None where there is no refresh: a token is renewed by signing in anew.
        expired: Any of these responses says that the access token has expired.
        dead: Any of these responses to a refresh says that the refresh token will never work again.
        error_properties: What the body of every documented refusal has; a response without them is not the API's.
        grace: None for a backend that forbids to present a refresh token twice.
        attach: Where the access token goes in each request.
        subject: Claims of which the first present says whose token it is.
        renew: By a refresh; by signing in anew (`credentials=`); by a refresh ahead of the end, also while idle.
        sign_in: The operation that `renew: signIn` calls, one of ISSUES.
        discovery: URL of the OpenID Connect discovery document that names the endpoints whose url is empty.
    """

    scheme: str
    request: TokenRequest | None
    response: TokenResponse
    expired: tuple[Sign, ...]
    dead: tuple[Sign, ...]
    error_properties: frozenset[str] = frozenset()
    grace: Grace | None = None
    attach: Place = Place("header", "Authorization", "Bearer ")
    subject: tuple[str, ...] = ("sub", "userId")
    renew: Literal["refresh", "signIn", "ahead"] = "refresh"
    sign_in: str | None = None
    discovery: str | None = None


class RevokeContract(NamedTuple):
    """How a session is ended at the server: the operation with `x-signedin-tokens.effect: revokes`."""

    request: TokenRequest


__all__ = [
    "UNSET",
    "AsyncSend",
    "Call",
    "Carry",
    "Constant",
    "Expires",
    "File",
    "FileTypes",
    "Grace",
    "IssueContract",
    "Operation",
    "Place",
    "RefreshContract",
    "RequestFiles",
    "RevokeContract",
    "Send",
    "Setting",
    "Sign",
    "TokenRequest",
    "TokenResponse",
    "Unset",
    "deprecated",
]
