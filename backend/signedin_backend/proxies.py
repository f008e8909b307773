"""Whom a request is from where a proxy stands in front: X-Forwarded-For as uvicorn reads it, and one rule more."""

from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from signedin_backend.limits import mapped, network

_PEER = "signedin.peer"


class Proxies:
    """Believes these networks. Of a forwarded text that is no IP address it believes nothing: the peer's own stays."""

    def __init__(self, app: ASGIApp, networks: str) -> None:
        self._app = app
        # A proxy may name the one before it as its own IPv6 socket shows it.
        both = [form for text in networks.split(",") for form in (text, mapped(network(text)))]
        self._believing = ProxyHeadersMiddleware(self._checked, both)  # type: ignore[arg-type]  # uvicorn's scopes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with the address that it is from."""
        await self._believing({**scope, _PEER: scope.get("client")}, receive, send)  # type: ignore[arg-type]

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("client") and not _is_address(scope["client"][0]):
            scope["client"] = scope[_PEER]
        await self._app(scope, receive, send)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
