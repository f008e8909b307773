"""The operations of the spec, one attribute for each of its tags."""

from functools import cached_property
from typing import TYPE_CHECKING

from ..types import AsyncSend, Send

if TYPE_CHECKING:
    from .auth import AsyncAuthResource, AuthResource
    from .users import AsyncUsersResource, UsersResource


class Resources:
    """Every operation, sent by `send`. A tag's module is imported when the tag is first used."""

    def __init__(self, send: Send) -> None:
        self._send = send

    @cached_property
    def auth(self) -> "AuthResource":
        """Obtain, renew and revoke a pair of tokens."""
        from .auth import AuthResource

        return AuthResource(self._send)

    @cached_property
    def users(self) -> "UsersResource":
        """The signed-in user."""
        from .users import UsersResource

        return UsersResource(self._send)


class AsyncResources:
    """Every operation, sent and awaited by `send`. A tag's module is imported when the tag is first used."""

    def __init__(self, send: AsyncSend) -> None:
        self._send = send

    @cached_property
    def auth(self) -> "AsyncAuthResource":
        """Obtain, renew and revoke a pair of tokens."""
        from .auth import AsyncAuthResource

        return AsyncAuthResource(self._send)

    @cached_property
    def users(self) -> "AsyncUsersResource":
        """The signed-in user."""
        from .users import AsyncUsersResource

        return AsyncUsersResource(self._send)


__all__ = ("AsyncResources", "Resources")
