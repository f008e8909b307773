from uuid import uuid4 as _uuid4

from ..api.auth import login as _login
from ..api.auth import logout as _logout
from ..api.auth import refresh_token as _refresh_token
from ..api.auth import register as _register
from ..models.token_pair import TokenPair
from ..types import UNSET, AsyncSend, Send, Unset


class AuthResource:
    """Obtain, renew and revoke a pair of tokens."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def register(
        self,
        *,
        email: str,
        password: str,
    ) -> TokenPair:
        """Create an account and sign in.

        Example:
            client.auth.register(email="ada@example.com", password="correct horse battery staple")
        """

        # A traceback shows the locals of this frame. No name of a spec becomes `_call_`.
        _call_ = _register.call(
            email=email,
            password=password,
        )
        del email, password
        return self._send(_call_)

    def login(
        self,
        *,
        email: str,
        password: str,
    ) -> TokenPair:
        """Sign in with an e-mail and a password.

        Example:
            client.auth.login(email="ada@example.com", password="correct horse battery staple")
        """

        # A traceback shows the locals of this frame. No name of a spec becomes `_call_`.
        _call_ = _login.call(
            email=email,
            password=password,
        )
        del email, password
        return self._send(_call_)

    def refresh_token(
        self,
        *,
        refresh_token: str,
        idempotency_key: str | Unset = UNSET,
    ) -> TokenPair:
        """Exchange a refresh token for a new pair.

        The refresh token works once. When the answer got lost, the same token may be presented again with the same
        `Idempotency-Key` inside the grace that `x-signedin-refresh` names, and the same new pair is answered. An older
        token, or one beyond the grace, ends the whole session.

        Args:
            idempotency_key: Random name of this attempt, the same for every re-sending of it.

        Example:
            client.auth.refresh_token(refresh_token="2Yk0m8fVt1nR6xQ3sW9zB4cD7eG5hJ0a")
        """

        # A traceback shows the locals of this frame. No name of a spec becomes `_call_`.
        _call_ = _refresh_token.call(
            refresh_token=refresh_token,
            idempotency_key=_uuid4().hex if idempotency_key is UNSET else idempotency_key,
        )
        del refresh_token
        return self._send(_call_)

    def logout(
        self,
        *,
        refresh_token: str,
    ) -> None:
        """End the session that a refresh token belongs to.

        Every token of the session dies at once. The answer is the same for a token that is unknown or dead already
        (RFC 7009, section 2.2).

        Example:
            client.auth.logout(refresh_token="2Yk0m8fVt1nR6xQ3sW9zB4cD7eG5hJ0a")
        """

        # A traceback shows the locals of this frame. No name of a spec becomes `_call_`.
        _call_ = _logout.call(
            refresh_token=refresh_token,
        )
        del refresh_token
        return self._send(_call_)


class AsyncAuthResource:
    """Obtain, renew and revoke a pair of tokens."""

    def __init__(self, send: AsyncSend) -> None:
        self._send = send

    async def register(
        self,
        *,
        email: str,
        password: str,
    ) -> TokenPair:
        """Create an account and sign in.

        Example:
            client.auth.register(email="ada@example.com", password="correct horse battery staple")
        """

        # A traceback shows the locals of this frame. No name of a spec becomes `_call_`.
        _call_ = _register.call(
            email=email,
            password=password,
        )
        del email, password
        return await self._send(_call_)

    async def login(
        self,
        *,
        email: str,
        password: str,
    ) -> TokenPair:
        """Sign in with an e-mail and a password.

        Example:
            client.auth.login(email="ada@example.com", password="correct horse battery staple")
        """

        # A traceback shows the locals of this frame. No name of a spec becomes `_call_`.
        _call_ = _login.call(
            email=email,
            password=password,
        )
        del email, password
        return await self._send(_call_)

    async def refresh_token(
        self,
        *,
        refresh_token: str,
        idempotency_key: str | Unset = UNSET,
    ) -> TokenPair:
        """Exchange a refresh token for a new pair.

        The refresh token works once. When the answer got lost, the same token may be presented again with the same
        `Idempotency-Key` inside the grace that `x-signedin-refresh` names, and the same new pair is answered. An older
        token, or one beyond the grace, ends the whole session.

        Args:
            idempotency_key: Random name of this attempt, the same for every re-sending of it.

        Example:
            client.auth.refresh_token(refresh_token="2Yk0m8fVt1nR6xQ3sW9zB4cD7eG5hJ0a")
        """

        # A traceback shows the locals of this frame. No name of a spec becomes `_call_`.
        _call_ = _refresh_token.call(
            refresh_token=refresh_token,
            idempotency_key=_uuid4().hex if idempotency_key is UNSET else idempotency_key,
        )
        del refresh_token
        return await self._send(_call_)

    async def logout(
        self,
        *,
        refresh_token: str,
    ) -> None:
        """End the session that a refresh token belongs to.

        Every token of the session dies at once. The answer is the same for a token that is unknown or dead already
        (RFC 7009, section 2.2).

        Example:
            client.auth.logout(refresh_token="2Yk0m8fVt1nR6xQ3sW9zB4cD7eG5hJ0a")
        """

        # A traceback shows the locals of this frame. No name of a spec becomes `_call_`.
        _call_ = _logout.call(
            refresh_token=refresh_token,
        )
        del refresh_token
        return await self._send(_call_)
