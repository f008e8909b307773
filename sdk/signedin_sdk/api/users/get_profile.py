from typing import Any, Final

from ... import _wire
from ...models.error import Error
from ...models.profile import Profile
from ...types import Call, Operation

OPERATION: Final = Operation(
    id="getProfile",
    method="get",
    path="/users/profile",
    auth="required",
    tokens=None,
)


ANSWERS: Final = _wire.Answers[Profile](
    {
        200: Profile,
        401: Error,
        429: Error,
        500: Error,
        503: Error,
    }
)


def call() -> Call[Profile]:
    """Read the signed-in user."""
    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/users/profile",
    }
    return Call(OPERATION, _kwargs, ANSWERS.read, ANSWERS.read_error)
