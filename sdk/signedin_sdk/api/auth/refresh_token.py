from typing import Any, Final

from ... import _wire
from ...models.error import Error
from ...models.refresh_token import RefreshToken
from ...models.token_pair import TokenPair
from ...types import UNSET, Call, Operation, Unset

OPERATION: Final = Operation(
    id="refreshToken",
    method="post",
    path="/auth/refreshToken",
    auth="none",
    tokens="issues",
)


ANSWERS: Final = _wire.Answers[TokenPair](
    {
        200: TokenPair,
        400: Error,
        401: Error,
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
    idempotency_key: str | Unset = UNSET,
) -> Call[TokenPair]:
    """Exchange a refresh token for a new pair."""
    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/auth/refreshToken",
        "headers": _wire.texts(
            {
                "Idempotency-Key": idempotency_key,
            }
        ),
    }
    _body = RefreshToken(
        refresh_token=refresh_token,
    )
    _wire.put_json(_kwargs, _body)
    return Call(OPERATION, _kwargs, ANSWERS.read, ANSWERS.read_error)
