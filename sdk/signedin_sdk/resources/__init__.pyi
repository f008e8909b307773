"""The operations of the spec, one attribute for each of its tags."""

from functools import cached_property

from ..types import AsyncSend, Send
from .auth import AsyncAuthResource, AuthResource
from .users import AsyncUsersResource, UsersResource

class Resources:
    """Every operation, sent by `send`. A tag's module is imported when the tag is first used."""

    _send: Send
    def __init__(self, send: Send) -> None: ...
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
    @cached_property
    def auth(self) -> AsyncAuthResource:
        """Obtain, renew and revoke a pair of tokens."""

    @cached_property
    def users(self) -> AsyncUsersResource:
        """The signed-in user."""

__all__ = ("AsyncResources", "Resources")
