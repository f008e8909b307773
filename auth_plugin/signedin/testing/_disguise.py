"""What stands in a cassette in place of every secret: fakes that a person recognises and a client believes.

One fake for one value, numbered in the order of first appearance, so that rotation stays visible. Values that a request
brought up are numbered apart from those of responses: a replay sees only the requests anew, and must number them alike.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from signedin.protocols import Contract

# Fake JWTs end on the last day of the year 9999. Their `iat` is that of the recording, and a client measures its own
# clock against it: at any date it takes a fake for a token just issued.
FAR: Final = 253_402_214_400
ATTEMPT: Final = "0" * 32  # in place of every idempotency key
BASIC: Final = "Basic fake"
LONG: Final = 8  # characters; shorter secrets are replaced only where a name tells that they are one
JWT: Final = re.compile(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
UUID: Final = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_TOKEN_NAME: Final = re.compile(r"token$", re.IGNORECASE)
_SECRET_NAME: Final = re.compile(
    r"pass(word|phrase|code|wd)|secret|otp|api_?key|assertion|credential|^pin$", re.IGNORECASE
)
_FORMS: Final[dict[str, str]] = {
    "token": "fake-token-{:03d}",
    "sent token": "fake-sent-token-{:03d}",
    "password": "fake-password-{}",
    "sent password": "fake-password-{}",
    "email": "owner-{}@example.com",
    "sent email": "user-{}@example.com",
    "id": "00000000-0000-4000-8000-{:012d}",
    "sent id": "00000000-0000-4000-9000-{:012d}",
    "subject": "fake-subject-{}",
    "sent subject": "fake-subject-{}",
}
_FAKE: Final = re.compile(
    r"fake-(sent-)?token-\d{3}|fake-(password|subject)-\d+|(owner|user)-\d+@example\.com|Basic fake|0{32}"
    r"|00000000-0000-4000-[89]000-\d{12}"
)


class Names:
    """Where the contract of a login puts what is secret, by the names of properties, headers and cookies."""

    def __init__(self, contract: Contract) -> None:
        refresh, revoke, issues = contract.REFRESH, contract.REVOKE, contract.ISSUES
        requests = [one for one in (refresh.request, revoke and revoke.request) if one]
        responses = [refresh.response, *(one.response for one in issues)]
        tokens = [place for one in (*requests, *responses) for place in (one.access_token, one.refresh_token)]
        settings = [setting.place for one in requests for setting in one.settings]
        carried = [place for one in requests for carry in one.carry for place in (carry.source, carry.target)]
        places = [place for place in (*tokens, *settings, *carried, refresh.attach) if place is not None]
        self.prefixes: dict[str, str] = {one.name.lower(): one.prefix for one in places if one.where == "header"}
        self.cookies: set[str] = {one.name for one in places if one.where == "cookie"}
        self.properties: set[str] = {one.name.rpartition("/")[2] for one in places if one.where in {"body", "query"}}
        self.attempt = ((refresh.grace and refresh.grace.header) or "Idempotency-Key").lower()
        self.subject: tuple[str, ...] = refresh.subject
        self.ends = {one.expires.place.name.rpartition("/")[2]: one.expires.unit for one in responses if one.expires}

    def kind(self, name: str, value: str) -> str | None:
        """Return which kind of secret a value under a name is."""
        if not value:
            return None
        if name in self.properties or _TOKEN_NAME.search(name) or JWT.fullmatch(value):
            return "token"
        if _SECRET_NAME.search(name):
            return "password"
        return "email" if EMAIL.fullmatch(value) else "id" if UUID.fullmatch(value) else None


class Disguise:
    """Replaces real values by fakes, in one cassette. `replace`: further texts and what stands in their place."""

    def __init__(self, names: Names, replace: Mapping[str, str]) -> None:
        self._names = names
        self._fakes = dict(replace)
        self._counts: Counter[str] = Counter()

    @property
    def secrets(self) -> set[str]:
        """The real values that were replaced, those that are long enough to be searched for."""
        return {real for real in self._fakes if len(real) >= LONG}

    def header(self, name: str, value: str, *, sent: bool) -> str:
        """Return the value of a header."""
        if name == self._names.attempt:
            return ATTEMPT
        if name == "retry-after":
            return "1"  # a replay does not wait
        if name in {"cookie", "set-cookie"}:
            return self._cookies(value, sent=sent)
        if name == "authorization" and value.startswith("Basic "):
            return BASIC
        prefix = self._names.prefixes.get(name, "Bearer " if name == "authorization" else None)
        if prefix is None:
            return self._text(value, sent=sent)
        token = value.removeprefix(prefix)
        return prefix * value.startswith(prefix) + self.fake("token", token, sent=sent)

    def url(self, url: str) -> str:
        """Return the URL of a request."""
        parts = urlsplit(self._covered(url))
        pairs = [(n, self._value(n, value, sent=True)) for n, value in parse_qsl(parts.query, keep_blank_values=True)]
        query = urlencode(pairs) if pairs != parse_qsl(parts.query, keep_blank_values=True) else parts.query
        return self._text(parts._replace(query=query).geturl(), sent=True)

    def body(self, body: bytes, *, form: bool, sent: bool) -> bytes:
        """Return a body; one that is no text stays as it is."""
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return body
        try:
            if form:
                pairs = parse_qsl(text, keep_blank_values=True)
                text = urlencode([(name, self._value(name, value, sent=sent)) for name, value in pairs])
            elif text[:1] in {"{", "["}:
                parsed = json.loads(text)
                if (fake := self._walked("", parsed, sent=sent)) != parsed:
                    text = json.dumps(fake, ensure_ascii=False, separators=(",", ":"))
        except ValueError:
            pass  # not what it is called; what looks like a secret is replaced all the same
        return self._text(text, sent=sent).encode()

    def fake(self, kind: str, value: str, *, sent: bool) -> str:
        """Return the fake of a value, always the same one."""
        if not value or is_fake(value):
            return value
        if value not in self._fakes:
            claims = payload_of(value) if kind == "token" else None
            numbered = f"sent {kind}" if sent else kind
            self._counts[numbered] += 1
            fake = _FORMS[numbered].format(self._counts[numbered])
            self._fakes[value] = fake if claims is None else self._jwt(claims, fake, sent=sent)
        return self._fakes[value]

    def _jwt(self, claims: dict[str, Any], name: str, *, sent: bool) -> str:
        fakes: dict[str, Any] = {"iat": claims["iat"]} if "iat" in claims else {}
        fakes |= {"exp": FAR} if "exp" in claims else {}
        for claim in self._names.subject:
            if (value := claims.get(claim)) is not None:
                kind = self._names.kind("", str(value)) or "subject"
                fakes[claim] = self.fake(kind, str(value), sent=sent)
        return jwt({**fakes, "jti": name})

    def _walked(self, name: str, node: Any, *, sent: bool) -> Any:
        if isinstance(node, dict):
            return {key: self._walked(key, value, sent=sent) for key, value in node.items()}
        if isinstance(node, list):
            return [self._walked(name, value, sent=sent) for value in node]
        if (unit := self._names.ends.get(name)) in {"epoch", "date-time"} and not sent:
            return FAR if unit == "epoch" else "9999-12-31T00:00:00Z"
        return self._value(name, node, sent=sent) if isinstance(node, str) else node

    def _value(self, name: str, value: str, *, sent: bool) -> str:
        kind = self._names.kind(name, value)
        return self.fake(kind, value, sent=sent) if kind else value

    def _cookies(self, value: str, *, sent: bool) -> str:
        pairs = [part.strip().partition("=") for part in (value.split(";") if sent else value.split(";")[:1])]
        named = [(name, self.fake("token", text, sent=sent)) for name, _, text in pairs if name in self._names.cookies]
        return "; ".join(f"{name}={text}" for name, text in named) + "; Path=/" * (not sent and bool(named))

    def _text(self, text: str, *, sent: bool) -> str:
        """Return a text without the values that were seen before, and without what looks like a secret."""
        text = self._covered(text)
        for kind, pattern in (("token", JWT), ("email", EMAIL), ("id", UUID)):
            text = pattern.sub(self._replacing(kind, sent=sent), text)
        return text

    def _replacing(self, kind: str, *, sent: bool) -> Callable[[re.Match[str]], str]:
        def replace(match: re.Match[str]) -> str:
            if kind == "token" and payload_of(match[0]) is None:
                return match[0]  # a host's name, say
            return self.fake(kind, match[0], sent=sent)

        return replace

    def _covered(self, text: str) -> str:
        for real in sorted(self.secrets, key=len, reverse=True):
            for encode in (str, _escaped, quote, quote_plus):
                text = text.replace(encode(real), encode(self._fakes[real]))
        return text


def is_fake(text: str) -> bool:
    """Say whether a value is a fake, byte for byte."""
    if _FAKE.fullmatch(text):
        return True
    claims = payload_of(text)
    if claims is None or text != jwt(claims):
        return False
    texts = [value for value in claims.values() if isinstance(value, str)]
    return all(map(_FAKE.fullmatch, texts)) and claims.get("exp", FAR) == FAR


def jwt(claims: dict[str, Any]) -> str:
    """Return a JWT in every respect but the signature, which says what it is."""
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    head = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{head}.{_base64(b'fake signature')}"


def payload_of(token: str) -> dict[str, Any] | None:
    """Return the claims of a JWT, or None for anything else."""
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return None
    return claims if isinstance(claims, dict) else None


def leaves(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts of a JSON value, each with the name of its property."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value, name)
    elif isinstance(node, str):
        yield name, node


def _escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
