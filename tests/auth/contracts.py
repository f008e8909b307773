"""Contracts of made-up APIs: what a generated package's `contract` module has, in a line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import signedin_sdk
from signedin import AsyncSignedInClient, SignedInClient
from signedin_sdk.types import (
    Carry,
    Constant,
    Expires,
    Grace,
    IssueContract,
    Place,
    RefreshContract,
    RevokeContract,
    Setting,
    Sign,
    TokenRequest,
    TokenResponse,
)

from tests.canaries import SETTING

if TYPE_CHECKING:
    from signedin.testing import FakeAuthServer

    from tests.auth.driving import Drive


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


CSRF = Carry(Place("cookie", "csrf"), Place("header", "X-CSRF-Token"))
KEY = Setting("apikey", Place("header", "apikey"))
CONTRACTS: dict[str, SimpleNamespace] = {
    "as OAuth2 has it": contract(
        request={"encoding": "form", "constants": (Constant(body("grant_type"), "refresh_token"),), "client": "basic"},
        response={"absent": "keep", "expires": Expires(body("expires_in"), "seconds")},
        expired=(Sign(401, Place("header", "WWW-Authenticate"), ('error="invalid_token"',)),),
        dead=(Sign(400, body("error"), ("invalid_grant",)),),
    ),
    "the client in the body": contract(request={"encoding": "form", "client": "body"}),
    "nested": contract(
        request={"refresh_token": body("data/token")},
        response={"access_token": body("data/access"), "refresh_token": body("data/refresh")},
        expired=(Sign(403, body("error/code"), ("expired", 17)),),
    ),
    "a bearer refresh": contract(
        request={"encoding": "none", "refresh_token": Place("bearer")}, response={"absent": "keep"}
    ),
    "cookies with CSRF": contract(
        request={"encoding": "none", "refresh_token": Place("cookie", "rt"), "carry": (CSRF,)},
        response={"access_token": Place("cookie", "at"), "refresh_token": Place("cookie", "rt")},
    ),
    "headers": contract(
        request={"encoding": "none", "refresh_token": Place("header", "X-Refresh", "RT ")},
        response={"access_token": Place("header", "X-Access", "AT "), "refresh_token": Place("header", "X-Refresh")},
        attach=Place("header", "X-Token", "Token "),
    ),
    "a query": contract(request={"method": "GET", "encoding": "none", "refresh_token": Place("query", "token")}),
    "a path and a setting": contract(
        "/{realm}/refresh", request={"settings": (KEY, Setting("realm", Place("path", "realm")))}
    ),
    "the old access token along": contract(request={"access_token": body("access_token")}),
    "one token": contract(
        request={"encoding": "none", "refresh_token": None, "access_token": Place("bearer")},
        response={"refresh_token": None, "absent": "none"},
    ),
    "a subject of its own": contract(subject=("user", "sub")),
    "above the base URL": contract("/../../token", issue={"operation_id": "refresh"}),
    "a refresh that brings no refresh token": contract(
        response={"refresh_token": None, "absent": "keep"},
        issue={"response": TokenResponse(body("data/token"), Place("cookie", "rt"))},
    ),
    "another origin": contract("https://login.test/oauth/token", grace=Grace(None, 60.0, 5)),
}
BOTH = {"access_token": "a2", "refresh_token": "r2"}
SETTINGS = {"apikey": SETTING, "realm": "a realm/1", "client_id": "id:1", "client_secret": SETTING}


def shop(api: Any, *, is_async: bool = False) -> type[Any]:
    """Return a client's class, in four lines as for any package."""
    if is_async:
        return type("AsyncShop", (AsyncSignedInClient, signedin_sdk.resources.AsyncResources), {"api": api})
    return type("Shop", (SignedInClient, signedin_sdk.resources.Resources), {"api": api})


def opened(drive: Drive, server: FakeAuthServer, api: Any, **options: Any) -> Any:
    options = {"transport": server.transport, "clock": server.clock, "settings": SETTINGS, **options}
    return shop(api, is_async=drive.is_async)(server.base_url, **options)
