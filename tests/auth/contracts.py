"""Contracts of made-up APIs: what a generated package's `contract` module has, in a line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Literal

from signedin_sdk.types import (
    IssueContract,
    Place,
    RefreshContract,
    RevokeContract,
    Sign,
    TokenRequest,
    TokenResponse,
)


def body(name: str) -> Place:
    return Place("body", f"/{name}")


def contract(
    url: str = "/refresh",
    *,
    request: dict[str, Any] | Literal["none"] | None = None,
    response: dict[str, Any] | None = None,
    revoke: dict[str, Any] | None = None,
    issue: dict[str, Any] | None = None,
    **refresh: Any,
) -> Any:
    """Return a contract of OAuth2's property names; the arguments replace fields of its parts."""
    tokens = TokenResponse(
        **{"access_token": body("access_token"), "refresh_token": body("refresh_token")} | (response or {})
    )
    parts: dict[str, Any] = {
        "operation_id": None,
        "method": "POST",
        "encoding": "json",
        "refresh_token": body("refresh_token"),
    }
    refresh_request = None if request == "none" else TokenRequest(**parts | {"url": url} | (request or {}))
    signs = {"expired": (Sign(401),), "dead": (Sign(400), Sign(401), Sign(403))}
    return SimpleNamespace(
        __name__="signedin_sdk.contract",  # whose operations it has
        REFRESH=RefreshContract(scheme="bearer", request=refresh_request, response=tokens, **signs | refresh),
        REVOKE=None if revoke is None else RevokeContract(TokenRequest(**parts | {"url": "/revoke"} | revoke)),
        ISSUES=(IssueContract(**{"operation_id": "login", "response": tokens} | (issue or {})),),
        DEFAULT_BASE_URL=None,
        VERSION="1",
    )
