"""Stay signed in: a typed client for a JWT auth backend that refreshes once, whoever shares the session."""

from typing import TYPE_CHECKING

import signedin_sdk.contract
import signedin_sdk.resources
from signedin_sdk.resources import RawResponse
from signedin_sdk.types import Place, Sign

from signedin import stores
from signedin._tokens import TokenPair
from signedin._wire import HttpRefresher
from signedin.auth import BearerAuth
from signedin.client import AsyncSignedInClient, SignedInClient
from signedin.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AuthError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ForbiddenError,
    FreshTokenRejectedError,
    NotFoundError,
    NotSignedInError,
    RateLimitError,
    RefreshUnavailableError,
    ServerError,
    SessionExpiredError,
    SignedInError,
    SignInRequiredError,
    TokenStoreError,
    UnauthorizedError,
    UnprocessableEntityError,
)
from signedin.protocols import Busy, NotSent, Refresher, Refused, Renewed, Stored, TokenStore, Unknown
from signedin.session import TokenSession
from signedin.stores import MemoryStore
from signedin.timing import Timing

if TYPE_CHECKING:
    from signedin.stores import EncryptedStore, FileStore, KeyringStore, NetworkFileSystemWarning, RedisStore
else:  # hidden from type checkers, which would believe any name then

    def __getattr__(name: str) -> object:
        if name in __all__:  # a store that is loaded at its first use
            return getattr(stores, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return __all__


class Client(SignedInClient, signedin_sdk.resources.Resources):
    __doc__ = SignedInClient.__doc__
    api = signedin_sdk.contract
    _variable = "SIGNEDIN_BASE_URL"


class AsyncClient(AsyncSignedInClient, signedin_sdk.resources.AsyncResources):
    __doc__ = AsyncSignedInClient.__doc__
    api = signedin_sdk.contract
    _variable = "SIGNEDIN_BASE_URL"


__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncClient",
    "AsyncSignedInClient",
    "AuthError",
    "BadRequestError",
    "BearerAuth",
    "Busy",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "EncryptedStore",
    "FileStore",
    "ForbiddenError",
    "FreshTokenRejectedError",
    "HttpRefresher",
    "KeyringStore",
    "MemoryStore",
    "NetworkFileSystemWarning",
    "NotFoundError",
    "NotSent",
    "NotSignedInError",
    "Place",
    "RateLimitError",
    "RawResponse",
    "RedisStore",
    "RefreshUnavailableError",
    "Refresher",
    "Refused",
    "Renewed",
    "ServerError",
    "SessionExpiredError",
    "Sign",
    "SignInRequiredError",
    "SignedInClient",
    "SignedInError",
    "Stored",
    "Timing",
    "TokenPair",
    "TokenSession",
    "TokenStore",
    "TokenStoreError",
    "UnauthorizedError",
    "Unknown",
    "UnprocessableEntityError",
]
