"""Where a refresh goes: an operation, a URL, a flow of OAuth 2.0 or a discovery document, as the contract names it."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import define

from generator.spec.document import Document
from generator.spec.operations import OperationFacts, operations

_FLOWS: Final = ("authorizationCode", "password", "clientCredentials", "implicit")


@define(frozen=True)
class Address:
    """A request line; `url` is absolute, a path below the base URL, or empty where a discovery document has it."""

    operation: OperationFacts | None
    method: str
    url: str
    discovery: str | None = None


def address(document: Document, scheme: dict[str, Any], value: dict[str, Any]) -> Address | None:
    """Return where the extension's request goes, None where it does not say."""
    if isinstance(name := value.get("operationId"), str):
        operation = operation_of(document, name)
        return address_of(document, operation) if operation else None
    if isinstance(url := value.get("url"), str):
        return _linked(document, resolved(document, url))
    if value.get("preset") != "oauth2":
        return None
    if scheme.get("type") == "openIdConnect" and isinstance(discovery := scheme.get("openIdConnectUrl"), str):
        return Address(None, "post", "", resolved(document, discovery))
    flows = scheme.get("flows") if scheme.get("type") == "oauth2" else None
    flows = flows if isinstance(flows, dict) else {}
    present = [flows[name] for name in _FLOWS if isinstance(flows.get(name), dict)]
    urls = [flow.get(key) for key in ("refreshUrl", "tokenUrl") for flow in present]
    url = next((each for each in urls if isinstance(each, str) and each), None)
    return _linked(document, resolved(document, url)) if url else None


def operation_of(document: Document, name: str) -> OperationFacts | None:
    """Return the operation of an operationId."""
    return next((each for each in operations(document) if each.id == name), None)


def address_of(document: Document, operation: OperationFacts) -> Address:
    """Return the address of an operation; servers of its own, or of its path, take the place of the document's."""
    item = document.at(operation.pointer[:-1]) or {}
    url = operation.path
    if servers := operation.node.get("servers") or item.get("servers"):
        url = resolved(document, f"{server_url(servers[0]).rstrip('/')}{operation.path}")
    return Address(operation, operation.method, url)


def _linked(document: Document, url: str) -> Address:
    """Return the address of a URL, with the operation that the document has there."""
    posts = (each for each in operations(document) if each.method == "post" and each.path == url)
    return Address(next(posts, None), "post", url)


def base_url(document: Document) -> str | None:
    """Return the first server's absolute URL, its variables at their defaults."""
    url = server_url(document.at(("servers", "0")))
    return url if re.match(r"https?://[^/]", url) and "{" not in url else None


def server_url(server: object) -> str:
    """Return a server's URL, its variables at their defaults; an empty one where there is none."""
    if not isinstance(server, dict) or not isinstance(url := server.get("url"), str):
        return ""
    variables = server.get("variables") or {}
    return re.sub(r"{([^{}]*)}", lambda name: str(variables.get(name[1], {}).get("default", name[0])), url)


def resolved(document: Document, url: str) -> str:
    """Return a URL of the document as an absolute one, or as a path below the base URL that a client may override.

    Relative ones stand against the server (RFC 3986, section 5, the server's URL as a folder). A path outside of the
    server's climbs with "..", so that it follows a client to another base URL, too.
    """
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", url):
        return url
    if not url.startswith("/"):
        return f"/{url.removeprefix('./')}"
    base = urlsplit(server_url(document.at(("servers", "0")))).path.rstrip("/")
    if not base or url.startswith(f"{base}/"):
        return url.removeprefix(base)
    return "/.." * base.count("/") + url
