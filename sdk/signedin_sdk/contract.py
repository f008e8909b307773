"""What the spec says about staying signed in, as data: the security scheme's `x-signedin-refresh` and its company."""

from typing import Final

from .types import ExpiredSignal, Grace, RefreshContract, RevokeContract

VERSION: Final = "1.0.0"  # of the API, `info.version`

DEFAULT_BASE_URL: Final[str | None] = "http://localhost:5000/api/v1"

REFRESH: Final[RefreshContract | None] = RefreshContract(
    scheme="bearerAuth",
    operation_id="refreshToken",
    method="post",
    path="/auth/refreshToken",
    request_refresh_token="refreshToken",
    response_access_token="accessToken",
    response_refresh_token="refreshToken",
    expired=ExpiredSignal(
        status=401,
        property="message",
        equals="TokenExpiredError",
    ),
    dead=frozenset({400, 401, 403}),
    error_properties=frozenset({"message", "stack"}),
    grace=Grace(
        header="Idempotency-Key",
        seconds=60.0,
        times=5,
    ),
)

REVOKE: Final[RevokeContract | None] = RevokeContract(
    operation_id="logout",
    method="post",
    path="/auth/logout",
    request_refresh_token="refreshToken",
)
