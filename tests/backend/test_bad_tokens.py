"""Bearers that are not ours: one body for all of them."""

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx
import jwt
import pytest
from signedin_backend.keys import name

from tests.backend.running import KEY, Clock, Served
from tests.canaries import Canaries

HEADER = {"alg": "HS256", "kid": name(KEY), "typ": "at+jwt"}
ONE_BODY = '{"message":"🚫 Un-Authorized 🚫","stack":""}'.encode()
# Where a verifier takes any key for any algorithm, what everybody knows becomes the secret.
PUBLIC_KEY = b"""\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""
JWK = {"kty": "oct", "k": base64.urlsafe_b64encode(KEY).rstrip(b"=").decode()}


@pytest.fixture(scope="module")
def claims(shared: Served) -> dict[str, Any]:
    """What a right token says."""
    payload: dict[str, Any] = jwt.decode(shared.pair()["accessToken"], options={"verify_signature": False})
    return payload


def part(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: Any, payload: Any, key: bytes = KEY, digest: Any = hashlib.sha256) -> str:
    """Sign any claims by hand."""
    text = f"{part(header)}.{part(payload)}"
    return f"{text}.{part(hmac.digest(key, text.encode(), digest))}"


def vectors(good: dict[str, Any], now: int) -> dict[str, str]:
    """Return bearers that look right in every respect but one."""
    right = signed(HEADER, good)
    head, body, signature = right.split(".")

    def claim(**changed: Any) -> str:
        return signed(HEADER, {**good, **changed})

    def without(name: str) -> str:
        return signed(HEADER, {key: value for key, value in good.items() if key != name})

    def header(**changed: Any) -> str:
        return signed({**HEADER, **changed}, good)

    return {
        "no dots": "abc",
        "two parts": f"{head}.{body}",
        "four parts": f"{right}.x",
        "JWE with five parts": f"{right}.a.b",
        "empty signature": f"{head}.{body}.",
        "none": f"{part({'alg': 'none', 'typ': 'at+jwt'})}.{body}.",
        "none with a signature": signed({"alg": "none", "typ": "at+jwt"}, good),
        "NoNe": f"{part({'alg': 'NoNe', 'typ': 'at+jwt'})}.{body}.",
        "no alg": signed({"typ": "at+jwt"}, good),
        "HS384": signed({**HEADER, "alg": "HS384"}, good, digest=hashlib.sha384),
        "HS512": signed({**HEADER, "alg": "HS512"}, good, digest=hashlib.sha512),
        "RS256 over the HMAC key": header(alg="RS256"),
        "ES256": header(alg="ES256"),
        "alg is a list": header(alg=["HS256"]),
        "another key": signed(HEADER, good, key=b"x" * 32),
        "the empty key": signed(HEADER, good, key=b""),
        "a public key as secret": signed(HEADER, good, key=PUBLIC_KEY),
        "JWK as secret": signed(HEADER, good, key=json.dumps(JWK).encode()),
        "key in the header": signed({**HEADER, "jwk": {"kty": "oct", "k": part(b"x" * 32)}}, good, key=b"x" * 32),
        "no kid": signed({"alg": "HS256", "typ": "at+jwt"}, good),
        "the kid of another key": header(kid=name(b"x" * 32)),
        "kid traversal": signed({**HEADER, "kid": "../../../dev/null"}, good, key=b""),
        "kid injection": header(kid="' UNION SELECT 'x"),
        "jku": header(jku="https://evil.example/keys"),
        "x5u": header(x5u="https://evil.example/cert"),
        "x5c": header(x5c=[base64.b64encode(b"certificate").decode()]),
        "unknown crit": header(crit=["unheard-of"], **{"unheard-of": True}),
        "crit that names a claim": header(crit=["exp"], exp=1),
        "empty crit": header(crit=[]),
        "b64 false": header(crit=["b64"], b64=False),
        "zip": header(zip="DEF"),
        "typ JWT": header(typ="JWT"),
        "no typ": signed({"alg": "HS256"}, good),
        "header in another order": signed({"typ": "at+jwt", "alg": "HS256"}, good),
        "header is a deep array": signed(b"[" * 3000, good),
        "header is no JSON": signed(b"x", good),
        "payload is an array": signed(HEADER, b"[]"),
        "payload is no JSON": signed(HEADER, b"\xff\xfe"),
        "payload is deep": signed(HEADER, b"[" * 3000),
        "wrong iss": claim(iss="evil"),
        "iss is a list": claim(iss=["signedin"]),
        "no iss": without("iss"),
        "wrong aud": claim(aud="evil"),
        "aud is a list": claim(aud=["signedin", "evil"]),
        "no aud": without("aud"),
        "no exp": without("exp"),
        "exp is a text": claim(exp=str(now + 300)),
        "exp is true": claim(exp=True),
        "exp is null": claim(exp=None),
        "exp is a fraction": claim(exp=now + 300.5),
        "exp is infinite": signed(HEADER, json.dumps({**good, "exp": float("inf")}).encode()),
        "no iat": without("iat"),
        "iat in an hour": claim(iat=now + 3600, exp=now + 7200),
        "nbf in an hour": claim(nbf=now + 3600),
        "no jti": without("jti"),
        "jti is a number": claim(jti=1),
        "no sid": without("sid"),
        "no sub": without("sub"),
        "no userId": without("userId"),
        "userId of another": claim(userId="another"),
        "both of another": claim(userId="another", sub="another"),
        "sid of nobody": claim(sid="00000000-0000-0000-0000-000000000000"),
        "sid is an object": claim(sid={"$ne": ""}),
        "signature of another token": f"{head}.{part({**good, 'userId': 'x'})}.{signature}",
        "one bit of the signature": f"{head}.{body}.{('B' if signature[0] == 'A' else 'A') + signature[1:]}",
        "stray bits in the signature": right[:-1] + chr(ord(right[-1]) + 1),
        "padded": right + "=",
        "plus for minus": f"{head}.{body}+.{signature}",
        "huge": signed(HEADER, {**good, "extra": "x" * 20_000}),
        "huge and unsigned": "x" * 30_000,
    }


def names() -> list[str]:
    good = dict.fromkeys(("iss", "aud", "sub", "userId", "sid", "jti"), "x")
    return list(vectors({**good, "iat": 0, "exp": 1}, 0))


def test_the_signer_by_hand_makes_right_tokens(shared: Served, claims: dict[str, Any]) -> None:
    assert shared.profile(signed(HEADER, claims)).status_code == 200
    assert len(names()) >= 25


@pytest.mark.parametrize("name", names())
def test_a_bad_token_is_refused_with_the_one_body(shared: Served, claims: dict[str, Any], name: str) -> None:
    answer = shared.profile(vectors(claims, int(shared.clock()))[name])
    assert_refused(answer)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="signedin", error="invalid_token"'


def assert_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.content) == (401, ONE_BODY)


@pytest.mark.parametrize(
    "value", ["Basic YTpi", "Bearer", "Bearer  {}", "{}", "Bearer {} x", "Token {}", "Bearer {},Bearer {}"]
)
def test_another_scheme_or_shape_of_bearer_is_refused(shared: Served, claims: dict[str, Any], value: str) -> None:
    token = signed(HEADER, claims)
    assert_refused(shared.client.get("/users/profile", headers={"Authorization": value.replace("{}", token)}))


def test_the_scheme_has_no_case(shared: Served, claims: dict[str, Any]) -> None:
    header = {"Authorization": f"bEaReR {signed(HEADER, claims)}"}
    assert shared.client.get("/users/profile", headers=header).status_code == 200


def test_two_authorizations_are_none(shared: Served, claims: dict[str, Any]) -> None:
    header = ("Authorization", f"Bearer {signed(HEADER, claims)}")
    assert_refused(shared.client.get("/users/profile", headers=[header, header]))


def test_without_a_bearer_the_challenge_names_no_error(shared: Served) -> None:
    answer = shared.client.get("/users/profile")
    assert_refused(answer)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="signedin"'


def test_a_token_in_query_or_body_is_not_looked_for(shared: Served, claims: dict[str, Any], canaries: Canaries) -> None:
    token = signed(HEADER, claims)
    assert_refused(shared.client.get("/users/profile", params={"access_token": token}))
    assert_refused(shared.client.request("GET", "/users/profile", data={"access_token": token}))
    # httpx's own log quotes the URL that this test asks for; the backend's does not.
    assert set(canaries.taken()) <= {"httpx logged a JWT"}


@pytest.mark.parametrize(
    "wrong", [{"aud": "evil"}, {"iss": "evil"}, {"nbf": 1}, {"userId": "another"}, {"exp": 1.5}, {"iat": None}]
)
def test_only_a_token_that_is_right_otherwise_is_called_expired(
    shared: Served, claims: dict[str, Any], wrong: dict[str, Any]
) -> None:
    now = int(Clock()())
    old = {**claims, "iat": now - 600, "exp": now - 300}
    assert shared.profile(signed(HEADER, old)).json()["message"] == "TokenExpiredError"
    assert_refused(shared.profile(signed(HEADER, {**old, **wrong})))
    assert_refused(shared.profile(signed(HEADER, old, key=b"x" * 32)))
