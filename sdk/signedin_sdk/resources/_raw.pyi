"""The operations as `with_raw_response` has them. For type checkers only: at run time the resources themselves serve."""

from functools import cached_property

from ..models.profile import Profile
from ..models.token_pair import TokenPair
from ..types import UNSET, Unset
from . import RawResponse

class RawAuthResource:
    def register(
        self,
        *,
        email: str,
        password: str,
    ) -> RawResponse[TokenPair]: ...
    def login(
        self,
        *,
        email: str,
        password: str,
    ) -> RawResponse[TokenPair]: ...
    def refresh_token(
        self,
        *,
        refresh_token: str,
        idempotency_key: str | Unset = UNSET,
    ) -> RawResponse[TokenPair]: ...
    def logout(
        self,
        *,
        refresh_token: str,
    ) -> RawResponse[None]: ...

class RawUsersResource:
    def get_profile(self) -> RawResponse[Profile]: ...

class RawResources:
    @cached_property
    def auth(self) -> RawAuthResource: ...
    @cached_property
    def users(self) -> RawUsersResource: ...

class AsyncRawAuthResource:
    async def register(
        self,
        *,
        email: str,
        password: str,
    ) -> RawResponse[TokenPair]: ...
    async def login(
        self,
        *,
        email: str,
        password: str,
    ) -> RawResponse[TokenPair]: ...
    async def refresh_token(
        self,
        *,
        refresh_token: str,
        idempotency_key: str | Unset = UNSET,
    ) -> RawResponse[TokenPair]: ...
    async def logout(
        self,
        *,
        refresh_token: str,
    ) -> RawResponse[None]: ...

class AsyncRawUsersResource:
    async def get_profile(self) -> RawResponse[Profile]: ...

class AsyncRawResources:
    @cached_property
    def auth(self) -> AsyncRawAuthResource: ...
    @cached_property
    def users(self) -> AsyncRawUsersResource: ...
