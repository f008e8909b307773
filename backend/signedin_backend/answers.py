"""Every shape of answer: the pair, the error with its two fields, and how a refusal of any kind becomes one."""

import math
from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from signedin_backend.sessions import Pair
from signedin_backend.storage import User

UNAUTHORIZED = "🚫 Un-Authorized 🚫"
EXPIRED = "TokenExpiredError"


def error(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the contract's error body; `stack` is there for upstream's sake and always empty."""
    return JSONResponse({"message": message, "stack": ""}, status, headers)


def common(request_id: str) -> dict[str, str]:
    """Return the headers of every answer."""
    # no-store everywhere: answers hold tokens or a person's data (RFC 6749, section 5.1).
    return {"X-Request-ID": request_id, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def pair(made: Pair) -> JSONResponse:
    """Return a pair of tokens."""
    return JSONResponse({"accessToken": made.access, "refreshToken": made.refresh})


def profile(user: User) -> JSONResponse:
    """Return what a user may read about themselves."""
    times = {"createdAt": _iso(user.created_at), "updatedAt": _iso(user.updated_at)}
    return JSONResponse({"id": user.id, "email": user.email, **times})


def too_many(seconds: float) -> HTTPException:
    """Return the refusal of a request beyond its rate."""
    return HTTPException(429, "Too many requests.", {"Retry-After": str(math.ceil(seconds))})


def challenge(message: str, attributes: str = "") -> HTTPException:
    """Return a 401 for a bearer (RFC 6750, section 3): without credentials it names no error."""
    return HTTPException(401, message, {"WWW-Authenticate": f'Bearer realm="signedin"{attributes}'})


async def from_http_exception(_: Request, exception: Exception) -> Response:
    """Turn a refusal, the framework's 404 and 405 among them, into the contract's error."""
    if not isinstance(exception, HTTPException):
        raise TypeError
    return error(exception.status_code, exception.detail, dict(exception.headers or {}))


async def unavailable(_: Request, __: Exception) -> Response:
    """Answer that nothing was done and that trying again is right."""
    return error(503, "Service unavailable.", {"Retry-After": "1"})


def _iso(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
