"""What stands in the cassettes in place of every secret: fakes that a person recognises and a client believes.

One fake for one real value, numbered in order of appearance, so that rotation stays visible and a replay matches on
the token that was sent. Fakes have lengths of their own: those of the secrets are told by nothing.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

# Fakes expire on the last day of the year 9999. Their `iat` is the server's time of the recording, and a client
# measures its own clock against it: at any date it takes a fake for a token just issued.
FAR: Final = 253_402_214_400
ATTEMPT: Final = "00000000000000000000000000000000"  # in place of every Idempotency-Key
_USER = "00000000-0000-4000-8000-{:012d}"
_SESSION = "00000000-0000-4000-9000-{:012d}"
_IDENTITY = re.compile(r"00000000-0000-4000-[89]000-\d{12}")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: real credentials at a recording, fakes in the cassettes and at a replay."""

    email: str = "ada@example.com"
    password: str = "correct horse battery staple"
    wrong_password: str = "wrong horse battery staple"


FAKE_CAST: Final = Cast()
# Sent as they are, at a recording and at a replay: nobody's secrets.
UNKNOWN_TOKEN: Final = "never-issued"
OVERSIZED: Final = "far too large " * 30
PUBLIC: Final = frozenset({"", UNKNOWN_TOKEN, OVERSIZED})


class DisguiseError(AssertionError):
    """A value that nobody knows how to disguise; the text names its place, never the value."""


def access_token(number: int, *, user: str, session: str, issued_at: int) -> str:
    """Return a JWT in every respect but the signature, which says what it is."""
    payload = {
        "iss": "signedin",
        "aud": "signedin",
        "sub": user,
        "userId": user,
        "sid": session,
        "jti": f"fake-access-token-{number:03d}",
        "iat": issued_at,
        "exp": FAR,
    }
    header = _encoded(_json({"alg": "HS256", "typ": "at+jwt"}))
    return f"{header}.{_encoded(_json(payload))}.{_encoded(f'fake signature, access token {number:03d}'.encode())}"


def refresh_token(number: int) -> str:
    """Return 32 bytes in base64url, as the backend's own have, that say what they are."""
    return _encoded(f"a fake, refresh token number {number:03d}!".ljust(32, "!").encode()[:32])


def is_fake(text: str) -> bool:
    """Say whether something that looks like a token or an identity is one of ours, byte for byte."""
    if text in {ATTEMPT, *PUBLIC} or _IDENTITY.fullmatch(text):
        return True
    numbers = range(1, 100)
    if "." not in text:
        return text in {refresh_token(number) for number in numbers}
    said = payload_of(text)
    if said is None or not all(_IDENTITY.fullmatch(str(said.get(name))) for name in ("userId", "sid")):
        return False
    who = {"user": said["userId"], "session": said["sid"], "issued_at": said.get("iat")}
    return text in {access_token(number, **who) for number in numbers}


def payload_of(token: str) -> dict[str, Any] | None:
    """Return what a JWT says, or None for anything else."""
    try:
        _, payload, _ = token.split(".")
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


@dataclass(slots=True)
class Disguise:
    """Replaces real values by fakes, in one recording; it learns them from the bodies, in the order of the answers."""

    cast: Cast
    _fakes: dict[str, str] = field(default_factory=dict, repr=False)
    _counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.cast.__slots__:
            self._fakes[getattr(self.cast, name)] = getattr(FAKE_CAST, name)

    def learn(self, body: bytes) -> None:
        """Take note of every secret in a JSON body, and refuse one of an unknown kind."""
        for name, value in _leaves(body):
            if value in PUBLIC or value in self._fakes:
                continue
            match name:
                case "accessToken":
                    self._fakes[value] = self._access_token(value)
                case "refreshToken":
                    self._fakes[value] = refresh_token(self._next("refresh"))
                case "id":
                    self._fakes[value] = _USER.format(self._next("user"))
                case "email" | "password":
                    raise DisguiseError(f"an unknown {name} in a body")

    def cover(self, text: str) -> str:
        """Return the text with each real value replaced, the longest first."""
        for real in sorted(self._fakes, key=len, reverse=True):
            text = text.replace(real, self._fakes[real])
        return text

    def _access_token(self, real: str) -> str:
        said = payload_of(real)
        if said is None:
            raise DisguiseError("an access token that is no JWT")
        user, session = str(said["userId"]), str(said["sid"])
        if user not in self._fakes:
            self._fakes[user] = _USER.format(self._next("user"))
        if session not in self._fakes:
            self._fakes[session] = _SESSION.format(self._next("session"))
        return access_token(
            self._next("access"), user=self._fakes[user], session=self._fakes[session], issued_at=said["iat"]
        )

    def _next(self, kind: str) -> int:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind]


def _leaves(body: bytes) -> Iterator[tuple[str, str]]:
    try:
        said = json.loads(body)
    except ValueError:
        return
    if isinstance(said, dict):
        yield from ((name, value) for name, value in said.items() if isinstance(value, str))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
