"""The two kinds of token: signed access tokens that are read, random refresh tokens that are only compared."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import jwt

ALGORITHM, TYPE = "HS256", "at+jwt"
# Unpadded base64url only, and of the signature's last letter only the form with no stray bits: one token, one text.
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_LONGEST = 8192
# Seconds that another host's clock may be ahead of ours; expiry gets none.
_SKEW = 30


class InvalidAccessTokenError(Exception):
    """Not a token of ours, or not any more."""


class ExpiredAccessTokenError(Exception):
    """Ours in every respect, and its time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims of an access token; times in whole seconds.

    `issuance` names the key, issuer and audience that it was written with.
    """

    user_id: str
    session_id: str
    token_id: str
    issued_at: int
    expires_at: int
    issuance: str = ""


class AccessTokens:
    """Signs and reads access tokens: one algorithm, and one header for each key, with its name (`kid`).

    Of each list the first is written, and all are read; `issuance` names the first three. Whether a token of another
    combination may still be alive is recorded in the database.
    """

    def __init__(self, keys: Mapping[str, bytes], *, issuers: Sequence[str], audiences: Sequence[str]) -> None:
        self._issuers, self._audiences = issuers, audiences
        self._name, self._key = next(iter(keys.items()))
        self._keys = {_signed({}, key, name).partition(".")[0]: (name, key) for name, key in keys.items()}
        self.issuance = _issuance(self._name, issuers[0], audiences[0])

    def encode(self, claims: Claims) -> str:
        """Return the token; the same claims give the same bytes."""
        return _signed(
            {
                "iss": self._issuers[0],
                "aud": self._audiences[0],
                "sub": claims.user_id,
                "userId": claims.user_id,
                "sid": claims.session_id,
                "jti": claims.token_id,
                "iat": claims.issued_at,
                "exp": claims.expires_at,
            },
            self._key,
            self._name,
        )

    def decode(self, token: str, *, now: float) -> Claims:
        """Return the claims of a valid token.

        The header is compared as text with those that we write, one for each key, so any other `alg` or `kid`, `jku`,
        `crit` and whatever comes next are refused unread (RFC 8725, sections 3.1 and 3.10). Expired comes last, for a
        token that is right in every other respect.
        """
        named = self._keys.get(token.partition(".")[0])
        if len(token) > _LONGEST or not _SHAPE.fullmatch(token) or named is None:
            raise InvalidAccessTokenError
        claims = self._verified(token, *named)
        if claims.issued_at > now + _SKEW:
            raise InvalidAccessTokenError
        if claims.expires_at <= now:
            raise ExpiredAccessTokenError
        return claims

    def _verified(self, token: str, name: str, key: bytes) -> Claims:
        try:
            payload = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuers,
                options={
                    "require": ["iss", "aud", "sub", "jti", "iat", "exp"],
                    "verify_aud": False,  # as below: PyJWT takes a list of them for one of several in the token
                    # Times are judged by the backend's own clock, which tests turn.
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError:
            raise InvalidAccessTokenError from None
        if not isinstance(payload["aud"], str) or payload["aud"] not in self._audiences:
            raise InvalidAccessTokenError
        return replace(_claims(payload), issuance=_issuance(name, payload["iss"], payload["aud"]))


def _issuance(name: str, issuer: str, audience: str) -> str:
    return fingerprint(f"{name}\n{issuer}\n{audience}")  # None of them holds a line break.


def _signed(payload: dict[str, str | int], key: bytes, name: str) -> str:
    return jwt.encode(payload, key, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": name})


def _claims(payload: dict[str, object]) -> Claims:
    texts = [payload.get(name) for name in ("userId", "sid", "jti")]
    times = [payload.get(name) for name in ("iat", "exp")]
    # `type(...) is int`: a boolean is no time. `nbf` is a claim that we never write.
    if not all(isinstance(text, str) for text in texts) or not all(type(time) is int for time in times):
        raise InvalidAccessTokenError
    if payload["sub"] != payload["userId"] or "nbf" in payload:
        raise InvalidAccessTokenError
    (user_id, session_id, token_id), (issued_at, expires_at) = map(str, texts), (int(str(time)) for time in times)
    return Claims(user_id=user_id, session_id=session_id, token_id=token_id, issued_at=issued_at, expires_at=expires_at)


def first_refresh_token() -> str:
    """Return 256 random bits, the first refresh token of a session."""
    return secrets.token_urlsafe(32)


def next_refresh_token(key: bytes, parent: str, salt: bytes) -> str:
    """Return the successor of `parent`.

    Computed, so that the parent presented again within the grace gets the same child byte for byte without the child
    being stored anywhere. It takes three things from three places: the server's key (not in the database), the
    parent itself (the database has its hash only) and 256 random bits of this rotation (the database, until the next
    one overwrites them). A stolen database, a stolen key with an old backup, or a stolen old token give nothing.
    """
    return base64.urlsafe_b64encode(hmac.digest(key, parent.encode() + salt, hashlib.sha256)).rstrip(b"=").decode()


def fingerprint(token: str) -> str:
    """Return what is stored of a refresh token; plain SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()
