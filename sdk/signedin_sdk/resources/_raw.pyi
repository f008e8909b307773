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
    ) -> RawResponse[TokenPair]:
        """Create an account and sign in.

        Example:
            client.auth.register(email="ada@example.com", password="correct horse battery staple")
        """

    def login(
        self,
        *,
        email: str,
        password: str,
    ) -> RawResponse[TokenPair]:
        """Sign in with an e-mail and a password.

        Example:
            client.auth.login(email="ada@example.com", password="correct horse battery staple")
        """

    def refresh_token(
        self,
        *,
        refresh_token: str,
        idempotency_key: str | Unset = UNSET,
    ) -> RawResponse[TokenPair]:
        """Exchange a refresh token for a new pair.

        The refresh token works once. When the answer got lost, the same token may be presented again with the same
        `Idempotency-Key` inside the grace that `x-signedin-refresh` names, and the same new pair is answered. An older
        token, or one beyond the grace, ends the whole session.

        Args:
            idempotency_key: Random name of this attempt, the same for every re-sending of it.

        Example:
            client.auth.refresh_token(refresh_token="2Yk0m8fVt1nR6xQ3sW9zB4cD7eG5hJ0a")
        """

    def logout(
        self,
        *,
        refresh_token: str,
    ) -> RawResponse[None]:
        """End the session that a refresh token belongs to.

        Every token of the session dies at once. The answer is the same for a token that is unknown or dead already
        (RFC 7009, section 2.2).

        Example:
            client.auth.logout(refresh_token="2Yk0m8fVt1nR6xQ3sW9zB4cD7eG5hJ0a")
        """

class RawUsersResource:
    def get_profile(self) -> RawResponse[Profile]:
        """Read the signed-in user."""

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
    ) -> RawResponse[TokenPair]:
        """Create an account and sign in.

        Example:
            client.auth.register(email="ada@example.com", password="correct horse battery staple")
        """

    async def login(
        self,
        *,
        email: str,
        password: str,
    ) -> RawResponse[TokenPair]:
        """Sign in with an e-mail and a password.

        Example:
            client.auth.login(email="ada@example.com", password="correct horse battery staple")
        """

    async def refresh_token(
        self,
        *,
        refresh_token: str,
        idempotency_key: str | Unset = UNSET,
    ) -> RawResponse[TokenPair]:
        """Exchange a refresh token for a new pair.

        The refresh token works once. When the answer got lost, the same token may be presented again with the same
        `Idempotency-Key` inside the grace that `x-signedin-refresh` names, and the same new pair is answered. An older
        token, or one beyond the grace, ends the whole session.

        Args:
            idempotency_key: Random name of this attempt, the same for every re-sending of it.

        Example:
            client.auth.refresh_token(refresh_token="2Yk0m8fVt1nR6xQ3sW9zB4cD7eG5hJ0a")
        """

    async def logout(
        self,
        *,
        refresh_token: str,
    ) -> RawResponse[None]:
        """End the session that a refresh token belongs to.

        Every token of the session dies at once. The answer is the same for a token that is unknown or dead already
        (RFC 7009, section 2.2).

        Example:
            client.auth.logout(refresh_token="2Yk0m8fVt1nR6xQ3sW9zB4cD7eG5hJ0a")
        """

class AsyncRawUsersResource:
    async def get_profile(self) -> RawResponse[Profile]:
        """Read the signed-in user."""

class AsyncRawResources:
    @cached_property
    def auth(self) -> AsyncRawAuthResource: ...
    @cached_property
    def users(self) -> AsyncRawUsersResource: ...
