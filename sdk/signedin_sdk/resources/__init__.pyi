"""The operations of the spec, one attribute for each of its tags."""

from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

import httpx

from ..types import AsyncSend, Send
from ._raw import AsyncRawResources, RawResources
from .auth import AsyncAuthResource, AuthResource
from .users import AsyncUsersResource, UsersResource

T = TypeVar("T")

class RawResponse(NamedTuple, Generic[T]):
    """A typed answer, and the response that it was read from."""

    parsed: T
    http_response: httpx.Response
    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> httpx.Headers: ...
    @property
    def request_id(self) -> str | None:
        """What the server calls the request (`x-request-id`)."""

class Resources:
    """Every operation, sent by `send`. A tag's module is imported when the tag is first used."""

    _send: Send
    def __init__(self, send: Send) -> None: ...
    @property
    def with_raw_response(self) -> RawResources:
        """The same operations, each of which returns a `RawResponse`."""

    @cached_property
    def auth(self) -> AuthResource:
        """Obtain, renew and revoke a pair of tokens."""

    @cached_property
    def users(self) -> UsersResource:
        """The signed-in user."""

class AsyncResources:
    """Every operation, sent and awaited by `send`. A tag's module is imported when the tag is first used."""

    _send: AsyncSend
    def __init__(self, send: AsyncSend) -> None: ...
    @property
    def with_raw_response(self) -> AsyncRawResources:
        """The same operations, each of which returns a `RawResponse`."""

    @cached_property
    def auth(self) -> AsyncAuthResource:
        """Obtain, renew and revoke a pair of tokens."""

    @cached_property
    def users(self) -> AsyncUsersResource:
        """The signed-in user."""

__all__ = ("AsyncResources", "RawResponse", "Resources")
