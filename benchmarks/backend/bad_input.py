"""What can be wrong with a request, one example of each class.

`make backend-load` measures how long the backend takes to refuse them; `tests/backend/test_bad_input.py` shows that
none of them reaches a hash or the database, but for those with a legal password: these cost one hash like any other.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field
from typing import Final

_JSON: Final = {"Content-Type": "application/json"}
_CHUNKED: Final = {**_JSON, "Transfer-Encoding": "chunked"}
_EMAIL: Final = "ada@example.com"
_PASSWORD: Final = "correct horse battery staple"  # noqa: S105  # of nobody


@dataclass(frozen=True, slots=True)
class Bad:
    """One request, and the status that refuses it."""

    body: bytes = b""
    path: str = "/auth/login"
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=lambda: dict(_JSON))
    status: int = 400
    hashed: bool = False

    def raw(self, request_id: str) -> bytes:
        """Return the bytes to send."""
        length = {"Content-Length": str(len(self.body))} if self.body and self.headers is not _CHUNKED else {}
        headers = {"Host": "localhost", "X-Request-ID": request_id, **length, **self.headers}
        lines = [f"{self.method} /api/v1{self.path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def _sign_in(email: object = _EMAIL, word: object = _PASSWORD, **more: object) -> bytes:
    return json.dumps({"email": email, "password": word, **more}).encode()


def _wrong(email: str = _EMAIL, word: str = _PASSWORD) -> Bad:
    return Bad(_sign_in(email, word), status=403, hashed=True)


def _renew(token: object) -> bytes:
    return json.dumps({"refreshToken": token}).encode()


def _bearer(token: str) -> Bad:
    return Bad(path="/users/profile", method="GET", headers={"Authorization": f"Bearer {token}"}, status=401)


# Each letter becomes two that NFC must sort among the marks behind; the second is legal, 1,024 bytes when that is done.
_HEAVIEST: Final = "\u0f81" * 700 + "\u0334" * 324
_HEAVIEST_LEGAL: Final = "\u0f81" * 100 + "\u0334" * 199
_UNASKED: Final = {"id": "me", "userId": "me", "role": "admin", "createdAt": "1970-01-01", "accessToken": "x"}
_MARKS: Final = "\u0345" * 4_000 + "\u0316" * 4_000
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_CHUNKS: Final = b"1\r\n \r\n" * 60_000
_UNSIGNED: Final = f"eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.{'A' * 43}"

CLASSES: Final = {
    "no body": Bad(headers={}),
    "half an object": Bad(b'{"email":'),
    "an array for an object": Bad(b"[]"),
    "invalid UTF-8": Bad(b'{"email": "\xff\xfe"}'),
    "a NUL in a text": Bad(_sign_in(word="long enough\0")),
    "a lone surrogate": Bad(_sign_in(word="\ud800 and more")),
    "deep JSON, 16 KiB": Bad(b"[" * 16_000),
    "wide JSON, 16 KiB": Bad(b"[" + b"[]," * 5_000 + b"[]]"),
    "quotes, 16 KiB": Bad(b'"\\' * 8_000),
    "huge JSON, 500 kB": Bad(b'"' + b"x" * 500_000 + b'"', status=413),
    "60,000 chunks of one byte": Bad(_CHUNKS, headers=_CHUNKED),
    "a key twice": Bad(b'{"email": "a@b.c", "email": "a@b.c", "password": "x"}'),
    "an object for an e-mail": Bad(_sign_in({"$ne": ""})),
    "an array for a password": Bad(_sign_in(word=["a"]), "/auth/register"),
    "a number for a refresh token": Bad(_renew(5), "/auth/refreshToken"),
    "no address": Bad(_sign_in("a@" + "\u0345\u0316" * 150 + ".c")),
    "a password of 1,025 bytes": Bad(_sign_in(word="x" * 1_025)),
    "a password of 8,000 combining marks": Bad(f'{{"email": "{_EMAIL}", "password": "{_MARKS}"}}'.encode()),
    "a password of 1,024 characters, the heaviest": Bad(_sign_in(word=_HEAVIEST)),
    "a password of 1,024 bytes, the heaviest": _wrong(word=_HEAVIEST_LEGAL),
    "a password of 73 bytes": _wrong(word=_PASSWORD + " " * 45),
    "a password in NFD": _wrong(word=unicodedata.normalize("NFD", "pâté für café")),
    "an address in NFD": _wrong(unicodedata.normalize("NFD", "josé@example.com")),
    "a homoglyph of an address": _wrong("\u0430da@example.com"),
    "a taken address in capitals": Bad(_sign_in(_EMAIL.upper()), "/auth/register", hashed=True),
    "fields that the operation lacks": Bad(_sign_in(**_UNASKED), "/auth/register", hashed=True),
    "a common password": Bad(_sign_in(word="Password123!"), "/auth/register"),
    "a refresh token of 5,000 letters": Bad(_renew("x" * 5_000), "/auth/refreshToken"),
    "a form": Bad(b"email=a%40b.c&password=x", headers=_FORM, status=415),
    "a malformed Idempotency-Key": Bad(_renew("x"), "/auth/refreshToken", headers={**_JSON, "Idempotency-Key": "a b"}),
    "another host": Bad(_sign_in(), headers={**_JSON, "Host": "evil.example"}),
    "a bearer of 20,000 letters": _bearer("x" * 20_000),
    "a bearer that nobody signed": _bearer(_UNSIGNED),
    "no such path": Bad(_sign_in(), "/auth/admin", status=404),
    "no such method": Bad(method="DELETE", headers={}, status=405),
}
