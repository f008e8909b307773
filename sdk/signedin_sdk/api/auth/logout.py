from typing import Any, Final

from ... import _wire
from ...models.error import Error
from ...models.refresh_token import RefreshToken
from ...types import Call, Operation

OPERATION: Final = Operation(
    id="logout",
    method="post",
    path="/auth/logout",
    auth="none",
    tokens="revokes",
)


ANSWERS: Final = _wire.Answers[None](
    {
        204: None,
        400: Error,
        413: Error,
        415: Error,
        429: Error,
        500: Error,
        503: Error,
    }
)


def call(
    *,
    refresh_token: str,
) -> Call[None]:
    """End the session that a refresh token belongs to."""
    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/auth/logout",
    }
    _body = RefreshToken(
        refresh_token=refresh_token,
    )
    _wire.put_json(_kwargs, _body)
    return Call(OPERATION, _kwargs, ANSWERS.read, ANSWERS.read_error)
