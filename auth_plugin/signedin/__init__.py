"""Stay signed in: a typed client for a JWT auth backend that refreshes once, whoever shares the session."""

from typing import TYPE_CHECKING, ClassVar

import signedin_sdk.contract
import signedin_sdk.resources
from signedin_sdk.resources import RawResponse

from signedin import stores
from signedin._tokens import TokenPair
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
from signedin.protocols import Stored, TokenStore
from signedin.session import TokenSession
from signedin.stores import MemoryStore
from signedin.timing import Timing

if TYPE_CHECKING:
    from signedin.stores import EncryptedStore, FileStore, KeyringStore, NetworkFileSystemWarning, RedisStore
else:  # hidden from type checkers, which would believe any name then

    def __getattr__(name: str) -> object:
        if name in __all__:  # a store that is loaded when first asked for
            return getattr(stores, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return __all__


class Client(SignedInClient, signedin_sdk.resources.Resources):
    __doc__ = SignedInClient.__doc__
    api: ClassVar = signedin_sdk.contract


class AsyncClient(AsyncSignedInClient, signedin_sdk.resources.AsyncResources):
    __doc__ = AsyncSignedInClient.__doc__
    api: ClassVar = signedin_sdk.contract


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
    "Client",
    "ConfigurationError",
    "ConflictError",
    "EncryptedStore",
    "FileStore",
    "ForbiddenError",
    "FreshTokenRejectedError",
    "KeyringStore",
    "MemoryStore",
    "NetworkFileSystemWarning",
    "NotFoundError",
    "NotSignedInError",
    "RateLimitError",
    "RawResponse",
    "RedisStore",
    "RefreshUnavailableError",
    "ServerError",
    "SessionExpiredError",
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
    "UnprocessableEntityError",
]
