"""Stay signed in: a typed client for a JWT auth backend that refreshes once, whoever shares the session."""

from signedin._tokens import TokenPair
from signedin.auth import BearerAuth
from signedin.client import AsyncClient, Client
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
    TokenStoreError,
    UnauthorizedError,
    UnprocessableEntityError,
)
from signedin.session import TokenSession
from signedin.stores import FileStore, KeyringStore, MemoryStore, NetworkFileSystemWarning, RedisStore
from signedin.timing import Timing
from signedin.typing import TokenStore

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncClient",
    "AuthError",
    "BadRequestError",
    "BearerAuth",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "FileStore",
    "ForbiddenError",
    "FreshTokenRejectedError",
    "KeyringStore",
    "MemoryStore",
    "NetworkFileSystemWarning",
    "NotFoundError",
    "NotSignedInError",
    "RateLimitError",
    "RedisStore",
    "RefreshUnavailableError",
    "ServerError",
    "SessionExpiredError",
    "SignedInError",
    "Timing",
    "TokenPair",
    "TokenSession",
    "TokenStore",
    "TokenStoreError",
    "UnauthorizedError",
    "UnprocessableEntityError",
]
