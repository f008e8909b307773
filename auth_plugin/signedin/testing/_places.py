"""A login's contract from the server's side: places are read in a request, and filled in a response."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signedin_sdk.types import Place, Sign, TokenRequest


class Presented:
    """A request that carries tokens, as the server reads it."""

    def __init__(self, request: httpx.Request, contract: TokenRequest, base_url: str) -> None:
        self._request, self._contract = request, contract
        self._body = _body(request, contract.encoding)
        self._path = _pattern(contract, base_url).fullmatch(_url(request))

    def at(self, place: Place | None) -> Any:
        """Return the value at a place; None where there is none."""
        match place and place.where:
            case "body":
                return pointed(self._body, place.name)  # type: ignore[union-attr]  # a place, as it has `where`
            case "query":
                return self._request.url.params.get(place.name)  # type: ignore[union-attr]
            case "path":
                return unquote(self._path[place.name]) if self._path else None  # type: ignore[union-attr]
            case "cookie":
                pairs = (pair.strip().partition("=") for pair in self._request.headers.get("cookie", "").split(";"))
                return {name: value for name, _, value in pairs}.get(place.name)  # type: ignore[union-attr]
            case "header":
                return bearer(self._request, place.name, place.prefix)  # type: ignore[union-attr]
            case "bearer":
                return bearer(self._request)
            case _:
                return None

    @property
    def is_complete(self) -> bool:
        """Whether all is there that the contract asks for beside the tokens."""
        request = self._contract
        constants = all(self.at(place) == value for place, value in request.constants)
        settings = all(self.at(place) for _, place in request.settings)
        client = {"basic": bearer(self._request, prefix="Basic "), "body": self._body.get("client_secret"), None: "-"}
        return bool(constants and settings and client[request.client])


def goes_to(request: httpx.Request, contract: TokenRequest | None, base_url: str) -> bool:
    """Say whether a request is the contract's."""
    if contract is None or request.method != contract.method.upper():
        return False
    return _pattern(contract, base_url).fullmatch(_url(request)) is not None


def answer(status: int, values: Iterable[tuple[Place | None, Any]], **body: Any) -> httpx.Response:
    """Return a response with values at places; `body`: further properties."""
    headers: list[tuple[str, str]] = []
    for place, value in values:
        if place is None or value is None:
            continue
        if place.where == "body":
            *outer, last = place.name.split("/")[1:]
            inner = body
            for step in outer:
                inner = inner.setdefault(step, {})
            inner[last] = value
        elif place.where == "header":
            headers.append((place.name, f"{place.prefix}{value}"))
        else:
            headers.append(("set-cookie", f"{place.name}={value}; HttpOnly; Path=/"))
    return httpx.Response(status, headers=headers, json=body)


def showing(sign: Sign, properties: Iterable[str]) -> httpx.Response:
    """Return a response that shows a sign, with the properties of every refusal."""
    return answer(sign.status, [(sign.place, sign.values[0] if sign.values else None)], **dict.fromkeys(properties, ""))


def bearer(request: httpx.Request, name: str = "authorization", prefix: str = "Bearer ") -> str | None:
    """Return what stands in a header behind its prefix."""
    value = request.headers.get(name)
    return value.removeprefix(prefix) if value and value.startswith(prefix) else None


def pointed(body: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        body = body.get(step) if isinstance(body, dict) else None
    return body


def _url(request: httpx.Request) -> str:
    return str(request.url.copy_with(query=None))


def _pattern(contract: TokenRequest, base_url: str) -> re.Pattern[str]:
    url = httpx.URL(contract.url if "://" in contract.url else base_url + contract.url)  # "/../token" leaves the base
    parts = re.split(r"%7B(\w+)%7D", str(url))
    return re.compile("".join(f"(?P<{part}>[^/]+)" if n % 2 else re.escape(part) for n, part in enumerate(parts)))


def _body(request: httpx.Request, encoding: str) -> dict[str, Any]:
    if encoding == "form":
        return dict(parse_qsl(request.content.decode()))
    try:
        body = json.loads(request.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
