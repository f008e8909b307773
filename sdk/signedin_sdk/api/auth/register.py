from typing import Any, Final

from ... import _wire
from ...models.credentials import Credentials
from ...models.error import Error
from ...models.token_pair import TokenPair
from ...types import Call, Operation

OPERATION: Final = Operation(
    id="register",
    method="post",
    path="/auth/register",
    auth="none",
    tokens="issues",
)


ANSWERS: Final = _wire.Answers[TokenPair](
    {
        200: TokenPair,
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
    email: str,
    password: str,
) -> Call[TokenPair]:
    """Create an account and sign in."""
    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/auth/register",
    }
    _body = Credentials(
        email=email,
        password=password,
    )
    _wire.put_json(_kwargs, _body)
    return Call(OPERATION, _kwargs, ANSWERS.read, ANSWERS.read_error)
