from ..api.users import get_profile as _get_profile
from ..models.profile import Profile
from ..types import AsyncSend, Send


class UsersResource:
    """The signed-in user."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def get_profile(self) -> Profile:
        """Read the signed-in user."""

        return self._send(_get_profile.call())


class AsyncUsersResource:
    """The signed-in user."""

    def __init__(self, send: AsyncSend) -> None:
        self._send = send

    async def get_profile(self) -> Profile:
        """Read the signed-in user."""

        return await self._send(_get_profile.call())
