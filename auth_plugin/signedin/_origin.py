"""Where the bearer may go: origins (RFC 6454), over https or on this machine."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

import httpx

from signedin.errors import APIConnectionError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection

_PORTS: Final = {"http": 80, "https": 443}
# Set on requests that carry a session's token, and on generated calls, whose bodies may carry a password; httpx copies
# extensions to every hop of a redirect.
MARK: Final = "signedin.home"


def origin_of(url: httpx.URL) -> str:
    """Return scheme, host and port; two URLs of one origin give equal strings."""
    return f"{url.scheme}://{url.raw_host.decode('ascii').lower()}:{url.port or _PORTS.get(url.scheme, 0)}"


def allowed_origin(url: str | httpx.URL, *, allow_http: bool) -> str:
    """Return the origin of a URL that the bearer may be sent to.

    Raises:
        ConfigurationError: It is no absolute http or https URL, or plain http to another machine.
    """
    shown = repr(str(url).rpartition("@")[2])  # what stands before it may be a password
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        why = "" if "@" in str(url) else f": {error}"  # httpx quotes
        raise ConfigurationError(f"{shown} is no URL{why}") from None
    if parsed.scheme not in _PORTS or not parsed.host:
        raise ConfigurationError(f"{shown} is no absolute URL; write for example https://api.example.com/v1.")
    if parsed.userinfo:
        raise ConfigurationError("The base URL holds a user name or password; sign in instead.")
    if parsed.scheme == "http" and not allow_http and not _is_loopback(parsed.host):
        raise ConfigurationError(
            f"{shown} is plain http to another machine: everybody on the way could read the tokens. Use https, or "
            "pass allow_http=True for a network that you trust."
        )
    return origin_of(parsed)


def stay_home(request: httpx.Request, origins: Collection[str]) -> None:
    """Keep token and body from leaving by a redirect; for each request before it is sent.

    httpx drops the header itself on most of these hops, and sends the body along on a 307 or 308 to anywhere.

    Raises:
        APIConnectionError: It has a body, and goes elsewhere.
    """
    if not request.extensions.get(MARK) or origin_of(request.url) in origins:
        return
    request.headers.pop("authorization", None)
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        raise APIConnectionError(
            f"The server redirected a request with a body to {origin_of(request.url)}, which is no origin of this "
            "client. Nothing was sent there; pass it in `origins` if it is meant."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
