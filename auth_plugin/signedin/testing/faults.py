"""What can go wrong with one exchange, by name: for `FakeAuthServer.fail`.

A fault is a function of the server's own handling: it may call it (the request arrived and was done) or not.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Handle = "Callable[[httpx.Request], httpx.Response]"
Fault = "Callable[[httpx.Request, Callable[[httpx.Request], httpx.Response]], httpx.Response]"


def _raises(error: type[httpx.TransportError], *, after: bool = False) -> Any:
    def fault(request: httpx.Request, handle: Any) -> httpx.Response:
        if after:
            handle(request)
        raise error(error.__name__, request=request)

    return fault


def _answers(
    status: int, content: bytes = b"", *, after: bool = False, headers: Mapping[str, str] | None = None
) -> Any:
    def fault(request: httpx.Request, handle: Any) -> httpx.Response:
        if after:
            handle(request)
        return httpx.Response(status, content=content, headers=headers or {"content-type": "application/json"})

    return fault


def _says(status: int, message: str, **headers: str) -> Any:
    content = json.dumps({"message": message, "stack": ""}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return _answers(status, content, headers={"content-type": "application/json", **named})


def _tampers(change: Callable[[dict[str, Any]], object]) -> Any:
    """The server did its work, and its answer arrives changed."""

    def fault(request: httpx.Request, handle: Any) -> httpx.Response:
        answer = handle(request)
        return httpx.Response(answer.status_code, json=change(answer.json()))

    return fault


_HTML: Final = {"content-type": "text/html"}
_PAGE: Final = b"<html><body>Sign in to this network</body></html>"

FAULTS: Final[dict[str, Any]] = {
    # The server surely saw nothing.
    "connect error": _raises(httpx.ConnectError),
    "connect timeout": _raises(httpx.ConnectTimeout),
    "pool timeout": _raises(httpx.PoolTimeout),
    # The request may have arrived. "lost" ones did: the server acted, its answer did not come back.
    "read timeout": _raises(httpx.ReadTimeout),
    "read error": _raises(httpx.ReadError),
    "write error": _raises(httpx.WriteError),
    "write timeout": _raises(httpx.WriteTimeout),
    "protocol error": _raises(httpx.RemoteProtocolError),
    "lost read timeout": _raises(httpx.ReadTimeout, after=True),
    "lost reset": _raises(httpx.ReadError, after=True),
    "lost protocol error": _raises(httpx.RemoteProtocolError, after=True),
    "lost 500": _answers(500, b'{"message": "late", "stack": ""}', after=True),
    "lost 502": _answers(502, _PAGE, after=True, headers=_HTML),
    "lost 504": _answers(504, _PAGE, after=True, headers=_HTML),
    # The server, or something before it, is in trouble.
    "500": _says(500, "Cannot read properties of null"),
    "502 html": _answers(502, _PAGE, headers=_HTML),
    "503": _says(503, "Service unavailable."),
    "504 html": _answers(504, _PAGE, headers=_HTML),
    "520": _answers(520, b""),
    "busy 429": _says(429, "Too many requests.", retry_after="2"),
    "busy 429 without time": _says(429, "Too many requests."),
    "busy 503": _says(503, "Service unavailable.", retry_after="2"),
    "busy for an hour": _says(503, "Service unavailable.", retry_after="3600"),
    "404": _says(404, "Not found."),
    "redirect": _answers(307, b"", headers={"location": "https://evil.test/take"}),
    # Refusals, true and false.
    "400": _says(400, "Missing refresh token."),
    "401": _says(401, "Unauthorized"),
    "401 expired": _says(401, "TokenExpiredError"),
    "401 empty": _answers(401, b""),
    "403": _says(403, "Forbidden"),
    "401 html": _answers(401, _PAGE, headers=_HTML),
    "403 html": _answers(403, _PAGE, headers=_HTML),
    # Answers of 200 that are none.
    "html": _answers(200, _PAGE, headers=_HTML),
    "empty": _answers(200, b""),
    "half json": _answers(200, b'{"accessToken": "a'),
    "deep json": _answers(200, b"[" * 60_000),
    "huge": _answers(200, b'{"accessToken": "' + b"a" * 1_000_000 + b'"}'),
    "gzip bomb": _answers(
        200, gzip.compress(gzip.compress(b"\0" * 8_000_000)), headers={"content-encoding": "gzip, gzip"}
    ),
    "null": _tampers(lambda _: None),
    "array": _tampers(lambda said: [said]),
    "string": _tampers(lambda _: "ok"),
    "no access token": _tampers(lambda said: {"refreshToken": said["refreshToken"]}),
    "no refresh token": _tampers(lambda said: {"accessToken": said["accessToken"]}),
    "null access token": _tampers(lambda said: {**said, "accessToken": None}),
    "null refresh token": _tampers(lambda said: {**said, "refreshToken": None}),
    "number for a token": _tampers(lambda said: {**said, "accessToken": 5}),
    "object for a token": _tampers(lambda said: {**said, "refreshToken": {"value": "x"}}),
    "empty access token": _tampers(lambda said: {**said, "accessToken": ""}),
    "empty refresh token": _tampers(lambda said: {**said, "refreshToken": ""}),
    "token with newline": _tampers(lambda said: {**said, "accessToken": said["accessToken"] + "\n"}),
    "token with space": _tampers(lambda said: {**said, "refreshToken": "a b"}),
    "token not ascii": _tampers(lambda said: {**said, "accessToken": "tøken"}),
    "token too long": _tampers(lambda said: {**said, "accessToken": "a" * 20_000}),
    "undefined": _tampers(lambda said: {name + "x": value for name, value in said.items()}),
}
