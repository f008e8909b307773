"""What the spec says about staying signed in, as data: the security scheme's `x-signedin-refresh` and its company."""

from typing import Final

from .types import Grace, IssueContract, Place, RefreshContract, RevokeContract, Sign, TokenRequest, TokenResponse

VERSION: Final = "1.0.0"  # of the API, `info.version`

DEFAULT_BASE_URL: Final[str | None] = "http://localhost:5000/api/v1"

REFRESH: Final[RefreshContract | None] = RefreshContract(
    scheme="bearerAuth",
    request=TokenRequest(
        operation_id="refreshToken",
        method="post",
        url="/auth/refreshToken",
        encoding="json",
        refresh_token=Place(where="body", name="/refreshToken"),
    ),
    response=TokenResponse(
        access_token=Place(where="body", name="/accessToken"), refresh_token=Place(where="body", name="/refreshToken")
    ),
    expired=(Sign(status=401, place=Place(where="body", name="/message"), values=("TokenExpiredError",)),),
    dead=(
        Sign(status=400),
        Sign(status=401),
        Sign(status=403),
    ),
    error_properties=frozenset({"message", "stack"}),
    grace=Grace(header="Idempotency-Key", seconds=60.0, times=5),
)

REVOKE: Final[RevokeContract | None] = RevokeContract(
    request=TokenRequest(
        operation_id="logout",
        method="post",
        url="/auth/logout",
        encoding="json",
        refresh_token=Place(where="body", name="/refreshToken"),
    )
)

ISSUES: Final[tuple[IssueContract, ...]] = (
    IssueContract(
        operation_id="register",
        response=TokenResponse(
            access_token=Place(where="body", name="/accessToken"),
            refresh_token=Place(where="body", name="/refreshToken"),
        ),
    ),
    IssueContract(
        operation_id="login",
        response=TokenResponse(
            access_token=Place(where="body", name="/accessToken"),
            refresh_token=Place(where="body", name="/refreshToken"),
        ),
    ),
    IssueContract(
        operation_id="refreshToken",
        response=TokenResponse(
            access_token=Place(where="body", name="/accessToken"),
            refresh_token=Place(where="body", name="/refreshToken"),
        ),
    ),
)
