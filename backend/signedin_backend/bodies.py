"""Read a JSON body strictly: bounded in bytes, depth and time, UTF-8, no key twice, no number that is none.

Whatever is wrong with a body, the answer is the contract's: 413, 415, or 400 with the operation's own message.
"""

import json
import re
from typing import Any

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from signedin_backend.state import State

DEEPEST = 8
# A body somewhat too large is read to its end and dropped: closing on a client that still writes resets the connection,
# and the answer is lost with it. So many times the limit.
_DRAINED = 64
# Possessive: linear in the length, whatever the quotes are.
_STRINGS = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
# Of what may stand outside of strings, only brackets stay.
_NESTING = dict.fromkeys(range(128)) | str.maketrans("[{]}", "(())")


async def texts(request: Request, *names: str, message: str) -> tuple[str, ...]:
    """Return these fields of the body; each must be a non-empty string without NUL. Others are ignored."""
    raw = await _bytes(request, message)
    if not raw or not _is_json(request):
        # A request without any body says nothing about its type.
        raise HTTPException(415, "Send the body as application/json.") if raw else HTTPException(400, message)
    try:
        body = _parsed(raw)
        return tuple(_text(body[name]) for name in names)
    except (ValueError, KeyError, TypeError):
        raise HTTPException(400, message) from None


def _is_json(request: Request) -> bool:
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    return kind.strip().lower() == "application/json" and charset in {"", "charset=utf-8", "charset=utf8"}


async def _bytes(request: Request, message: str) -> bytes:
    settings = State.of(request).settings
    data, limit, size = bytearray(), settings.body_limit, 0
    try:
        with anyio.fail_after(settings.body_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= limit:
                    data += chunk
                elif size > limit * _DRAINED:
                    break
    except (TimeoutError, ClientDisconnect):
        raise HTTPException(400, message) from None
    if size > limit:
        raise HTTPException(413, "The request body is too large.")
    return bytes(data)


def _parsed(raw: bytes) -> dict[str, Any]:
    source = raw.decode()
    _check_depth(source)
    body = json.loads(source, object_pairs_hook=_unique, parse_constant=_no_constant)
    if not isinstance(body, dict):
        raise TypeError
    return body


def _check_depth(source: str) -> None:
    # Before the parser, which recurses. Each round takes the innermost level away: what is left is too deep or no JSON.
    nesting = _STRINGS.sub("", source).translate(_NESTING)
    for _ in range(DEEPEST):
        nesting = nesting.replace("()", "")
    if nesting:
        raise ValueError


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) != len(pairs):
        raise ValueError
    return members


def _no_constant(_: str) -> None:
    raise ValueError  # NaN and Infinity are no JSON.


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError
    value.encode()  # A lone surrogate is no text.
    return value
