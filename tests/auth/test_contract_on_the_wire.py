"""A contract on the wire: what a refresh sends, and what its responses and discovery documents mean."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx
import pytest
from signedin import ConfigurationError, HttpRefresher, NotSent, Refused, Renewed, TokenPair, Unknown
from signedin._contract import Received
from signedin_sdk.types import Constant, Expires, Place, Sign

from tests.auth.contracts import BOTH, CONTRACTS, SETTINGS, body, contract, shop
from tests.canaries import SETTING

if TYPE_CHECKING:
    from signedin.protocols import Answer


PAIR = TokenPair("a1", "r1", carried={"cookie:csrf": "c1"})
BASIC = "Basic " + base64.b64encode(b"id%3A1:the+client+secret+of+a+test").decode()


def sent(api: Any, *, revokes: bool = False, base_url: str = "https://auth.test/v1", **options: Any) -> httpx.Request:
    """Return the request that a refresh, or a revocation, sends."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(httpx.Request(request.method, request.url, headers=request.headers, content=request.content))
        return httpx.Response(500)

    def client() -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(answer), headers={"X-Api-Key": "k", "User-Agent": "us/1"})

    refresher = HttpRefresher(api, base_url, settings=SETTINGS, client=client, **options)
    if revokes:
        refresher.revoke(PAIR, timeout=5.0)
    else:
        refresher.refresh(PAIR, attempt="an id", timeout=5.0)
    (request,) = requests
    return request


@pytest.mark.parametrize(
    ("name", "url", "headers", "content"),
    [
        ("as OAuth2 has it", "/refresh", {"authorization": BASIC},
         {"refresh_token": ["r1"], "grant_type": ["refresh_token"]}),
        ("the client in the body", "/refresh", {},
         {"refresh_token": ["r1"], "client_id": ["id:1"], "client_secret": [SETTING]}),
        ("nested", "/refresh", {"content-type": "application/json"}, b'{"data":{"token":"r1"}}'),
        ("a bearer refresh", "/refresh", {"authorization": "Bearer r1"}, b""),
        ("cookies with CSRF", "/refresh", {"cookie": "rt=r1", "x-csrf-token": "c1"}, b""),
        ("headers", "/refresh", {"x-refresh": "RT r1"}, b""),
        ("a query", "/refresh?token=r1", {}, b""),
        ("a path and a setting", "/a%20realm%2F1/refresh", {"apikey": SETTING}, b'{"refresh_token":"r1"}'),
        ("the old access token along", "/refresh", {}, b'{"refresh_token":"r1","access_token":"a1"}'),
        ("one token", "/refresh", {"authorization": "Bearer a1"}, b""),
    ],
)  # fmt: skip
def test_a_refresh_is_sent_as_the_contract_says(name: str, url: str, headers: dict[str, str], content: Any) -> None:
    request = sent(CONTRACTS[name])
    assert str(request.url) == f"https://auth.test/v1{url}"
    assert {name: request.headers[name] for name in headers} == headers
    assert (parse_qs(request.content.decode()) if isinstance(content, dict) else request.content) == content
    assert request.headers["x-api-key"] == "k"


def test_a_refresh_elsewhere_goes_there_and_takes_no_header_of_the_api_along() -> None:
    request = sent(CONTRACTS["another origin"])
    assert str(request.url) == "https://login.test/oauth/token"
    assert "x-api-key" not in request.headers
    assert request.headers["user-agent"] == "us/1"


def test_what_fills_a_url_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for name, secret in (("a query", "r1"), ("a path and a setting", "a%20realm")):
        sent(CONTRACTS[name])
        assert "auth.test/v1/" in caplog.text
        assert secret not in caplog.text


def test_a_revocation_is_sent_as_the_contract_says() -> None:
    oauth2 = {"encoding": "form", "client": "basic", "constants": (Constant(body("token_type_hint"), "refresh_token"),)}
    request = sent(contract(revoke={**oauth2, "refresh_token": body("token")}), revokes=True)
    assert (request.url.path, request.headers["authorization"]) == ("/v1/revoke", BASIC)
    assert parse_qs(request.content.decode()) == {"token": ["r1"], "token_type_hint": ["refresh_token"]}
    bearer = contract(revoke={"refresh_token": None, "access_token": Place("bearer"), "encoding": "none"})
    assert sent(bearer, revokes=True).headers["authorization"] == "Bearer a1"


@pytest.mark.parametrize("url", ["http://login.test/token", "ftp://login.test/token"])
def test_a_refresh_over_plain_http_elsewhere_is_refused_at_construction(url: str) -> None:
    with pytest.raises(ConfigurationError):
        shop(contract(url))("https://auth.test")
    with pytest.raises(ConfigurationError):
        shop(contract(revoke={"url": url}))("https://auth.test")
    with pytest.raises(ConfigurationError):
        shop(contract("", discovery=url))("https://auth.test")
    assert shop(contract("http://localhost:8080/token"))("https://auth.test")


@pytest.mark.parametrize("value", [None, "", "two\nlines", 5])
def test_a_setting_that_cannot_work_is_one_error_that_names_it(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    api = CONTRACTS["a path and a setting"]
    with pytest.raises(ConfigurationError, match="'apikey'") as raised:
        shop(api)("https://auth.test", settings={"apikey": value, "realm": SETTING})
    assert SETTING not in str(raised.value)
    monkeypatch.setenv("SIGNEDIN_SETTING_APIKEY", "k")
    if not value:
        assert SETTING not in repr(shop(api)("https://auth.test", settings={"realm": SETTING})._shared)


DISCOVERED = contract(
    "",
    discovery="https://login.test/.well-known/openid-configuration",
    revoke={"url": "", "refresh_token": body("token")},
)
DOCUMENT = {
    "issuer": "https://login.test",
    "token_endpoint": "https://oauth.login.test/token",
    "revocation_endpoint": "https://login.test/revoke",
}


class Provider:
    """An identity provider: what its document says, and the requests that it got."""

    def __init__(self, **document: Any) -> None:
        self.document: Any = {**DOCUMENT, **document}
        self.status, self.urls = 200, list[str]()
        transport = httpx.MockTransport(self._answer)
        self.client = lambda: httpx.Client(transport=transport)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(str(request.url))
        return httpx.Response(self.status, json=self.document if request.method == "GET" else BOTH)


def test_the_endpoints_of_a_discovery_document_are_read_once() -> None:
    provider = Provider()
    refresher = HttpRefresher(DISCOVERED, "https://auth.test/v1", client=provider.client)
    for _ in range(2):
        assert isinstance(refresher.refresh(PAIR, attempt="a", timeout=5.0), Renewed)
    refresher.revoke(PAIR, timeout=5.0)
    token, revoke = DOCUMENT["token_endpoint"], DOCUMENT["revocation_endpoint"]
    assert provider.urls == ["https://login.test/.well-known/openid-configuration", token, token, revoke]


@pytest.mark.parametrize(
    "document",
    [
        {"token_endpoint": "http://login.test/token"},
        {"token_endpoint": None},
        {"token_endpoint": "/token"},
        {"issuer": "https://evil.test"},
        {"issuer": "http://login.test"},
        {"issuer": 5},
    ],
)
def test_a_discovery_document_that_cannot_be_trusted_leaves_the_pair(document: dict[str, Any]) -> None:
    provider = Provider(**document)
    refresher = HttpRefresher(DISCOVERED, "https://auth.test/v1", client=provider.client)
    assert isinstance(refresher.refresh(PAIR, attempt="a", timeout=5.0), NotSent)
    assert len(provider.urls) == 1
    provider.document = DOCUMENT  # what cannot be used is read anew
    assert isinstance(refresher.refresh(PAIR, attempt="a", timeout=5.0), Renewed)


def test_a_discovery_document_that_cannot_be_read_leaves_the_pair() -> None:
    for status, document in ((503, DOCUMENT), (200, ["html"]), (302, {})):
        provider = Provider()
        provider.status, provider.document = status, document
        refresher = HttpRefresher(DISCOVERED, "https://auth.test/v1", client=provider.client)
        assert isinstance(refresher.refresh(PAIR, attempt="a", timeout=5.0), NotSent)
        refresher.revoke(PAIR, timeout=5.0)


def answer_to(api: Any, status: int, pair: TokenPair = PAIR, **response: Any) -> Answer:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, **response)

    transport = httpx.MockTransport(answer)
    return HttpRefresher(
        api, "https://auth.test", settings=SETTINGS, client=lambda: httpx.Client(transport=transport)
    ).refresh(pair, attempt="a", timeout=5.0)


NO_END: tuple[Any, ...] = ("soon", -5, 0, True, None, [], float("nan"), float("inf"), 1e12)
KEEP, NONE = contract(response={"absent": "keep"}), contract(response={"absent": "none"})
COOKIES, HEADERS = CONTRACTS["cookies with CSRF"], CONTRACTS["headers"]


def cookies(*lines: str) -> dict[str, Any]:
    return {"headers": [("set-cookie", line) for line in lines]}


@pytest.mark.parametrize(
    ("api", "response", "expected"),
    [
        (contract(), {"json": BOTH}, ("a2", "r2")),
        (contract(), {"json": {"access_token": "a2"}}, None),
        (KEEP, {"json": {"access_token": "a2"}}, ("a2", "r1")),
        (KEEP, {"json": {"access_token": "a2", "refresh_token": None}}, ("a2", "r1")),
        (KEEP, {"json": BOTH}, ("a2", "r2")),
        (KEEP, {"json": {"access_token": "a2", "refresh_token": "a\n"}}, None),
        (NONE, {"json": {"access_token": "a2", "refresh_token": ""}}, ("a2", None)),
        (NONE, {"json": {"refresh_token": "r2"}}, None),
        (NONE, {"html": "<html>"}, None),
        (CONTRACTS["nested"], {"json": {"data": {"access": "a2", "refresh": "r2"}}}, ("a2", "r2")),
        (CONTRACTS["nested"], {"json": {"data": [1]}}, None),
        (contract(response={"access_token": body("0/a~1b~0"), "refresh_token": body("1")}),
         {"json": [{"a/b~": "a2"}, "r2"]}, ("a2", "r2")),
        (HEADERS, {"headers": {"x-access": "at a2", "x-refresh": "r2"}}, ("a2", "r2")),
        (HEADERS, {"headers": {"x-access": "a2", "x-refresh": "r2"}}, None),
        (COOKIES, cookies("at=a2; Path=/", 'rt="r2"; HttpOnly', "other=1"), ("a2", "r2")),
        (COOKIES, cookies("at=a2", "rt=r2", "rt=r3"), ("a2", "r3")),
        (COOKIES, cookies("at=a2", "rt=; Max-Age=0"), None),
        (COOKIES, cookies("at=a2"), None),
    ],
)  # fmt: skip
def test_tokens_are_read_where_the_contract_says(api: Any, response: dict[str, Any], expected: Any) -> None:
    answer = answer_to(api, 201, **response)
    if expected is None:
        assert isinstance(answer, Unknown)
    else:
        assert isinstance(answer, Renewed)
        assert (answer.pair.access_token, answer.pair.refresh_token) == expected


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("seconds", 300, 300), ("seconds", "300", 300), ("seconds", 300.4, 300), ("milliseconds", 300_000, 300),
        *(("seconds", value, None) for value in NO_END),
        ("epoch", 253_402_300_800, None), ("epoch", -1, None), ("date-time", "9999-12-31T23:59:59-14:00", None),
        ("date-time", "soon", None), ("date-time", 5, None),
    ],
)  # fmt: skip
def test_an_end_that_is_none_is_ignored_and_the_pair_stays(unit: Any, value: Any, expected: float | None) -> None:
    api = contract(response={"expires": Expires(body("ends"), unit)})
    before = datetime.now(UTC)
    answer = answer_to(api, 200, content=json.dumps({**BOTH, "ends": value}))
    assert isinstance(answer, Renewed)
    ends = answer.pair.expires_at
    assert (ends and round((ends - before).total_seconds(), 0)) == (expected and round(expected, 0))


@pytest.mark.parametrize(
    ("unit", "value"),
    [("epoch", 1_900_000_000), ("date-time", "2030-03-17T17:46:40Z"), ("date-time", "2030-03-17T17:46:40")],
)
def test_an_end_may_be_a_moment(unit: Any, value: Any) -> None:
    answer = answer_to(contract(response={"expires": Expires(body("ends"), unit)}), 200, json={**BOTH, "ends": value})
    assert isinstance(answer, Renewed)
    assert answer.pair.expires_at == datetime.fromtimestamp(1_900_000_000, UTC)


def test_a_carried_value_is_that_of_the_last_response_that_had_one() -> None:
    answer = answer_to(COOKIES, 200, **cookies("at=a2", "rt=r2", "csrf=c2"))
    assert isinstance(answer, Renewed)
    assert answer.pair.carried == {"cookie:csrf": "c2"}
    answer = answer_to(COOKIES, 200, answer.pair, **cookies("at=a3", "rt=r3"))
    assert isinstance(answer, Renewed)
    assert answer.pair.carried == {"cookie:csrf": "c2"}
    assert "c2" not in repr(answer)


DEAD = (Sign(400, body("error"), ("invalid_grant", 3, True)), Sign(418), Sign(403, Place("header", "X-Why"), ("gone",)))


@pytest.mark.parametrize(
    ("status", "response", "expected"),
    [
        (400, {"json": {"error": "invalid_grant"}}, Refused),
        (400, {"json": {"error": 3}}, Refused),
        (400, {"json": {"error": 1}}, Unknown),
        (400, {"json": {"error": "invalid_client"}}, Unknown),
        (400, {"html": "invalid_grant"}, Unknown),
        (401, {"json": {"error": "invalid_grant"}}, Unknown),
        (418, {"json": {}}, Refused),
        (418, {"html": "<html>"}, Unknown),
        (403, {"headers": {"x-why": "it is Gone"}}, Refused),
        (403, {}, Unknown),
        (307, {"headers": {"location": "https://evil.test"}}, Unknown),
    ],
)  # fmt: skip
def test_only_a_declared_sign_ends_the_session(status: int, response: dict[str, Any], expected: type[Answer]) -> None:
    assert type(answer_to(contract(dead=DEAD), status, **response)) is expected


def test_a_pair_without_refresh_token_is_not_sent() -> None:
    assert isinstance(answer_to(contract(), 200, TokenPair("a1"), json=BOTH), Refused)


@pytest.mark.parametrize(
    ("method", "headers", "content", "shows"),
    [
        ("GET", {}, b'{"code": "expired"}', True),
        ("GET", {}, b'{"code": "other"}', False),
        ("GET", {"x-why": "token Expired today"}, b"", True),
        ("HEAD", {}, b"", True),
    ],
)
def test_a_sign_is_shown_by_body_or_header_and_of_a_head_by_its_status(
    method: str, headers: dict[str, str], content: bytes, *, shows: bool
) -> None:
    signs = (Sign(440, body("code"), ("expired",)), Sign(440, Place("header", "X-Why"), ("expired",)))
    received = Received(440, httpx.Headers(headers), content)
    assert bool(received.matches(signs, by_status=method == "HEAD")) is shows
