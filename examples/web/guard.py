"""What every answer carries, and what is refused before a page sees it: other sites' forms, and large bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY: Final = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_HEADERS: Final = {
    "Cache-Control": "no-store",  # after signing out, the back button asks the server again
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_LONGEST_BODY: Final = 8 * 1024  # bytes of a form with an e-mail and a password


class Guard:
    """Stands before the app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what another site sends, and put the headers on every answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = _refusal(scope["method"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, guarded)


def _refusal(method: str, headers: Headers) -> PlainTextResponse | None:
    if method in {"GET", "HEAD"}:
        return None
    # Fetch Metadata says which site a form stands on; a browser that is too old for it sends Origin with a POST.
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    same = site in {"same-origin", "none"} if site else origin is None or origin.partition("://")[2] == headers["host"]
    if not same:
        return PlainTextResponse("This form belongs to another site.", 403)
    length = headers.get("content-length", "")
    if not length.isdecimal() or int(length) > _LONGEST_BODY:
        return PlainTextResponse("The form is too large.", 413)
    return None
