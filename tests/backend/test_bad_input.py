"""Whatever a body, a header or a path holds, the answer is the contract's error and never a 500."""

import json
from itertools import product
from typing import Any

import httpx
import pytest

from benchmarks.backend import bad_input
from tests.backend.running import PASSWORD, Serve, Served, connected, receive
from tests.backend.work import worked

CREDENTIALS = "You must provide an email and a password."
REFRESH = "Missing refresh token."
JSON = {"Content-Type": "application/json"}
EMAIL = "ada@example.com"

DEEP = b"[" * 5000
MALFORMED = {
    "nothing": b"",
    "half an object": b'{"email":',
    "an array": b"[]",
    "a string": b'"email"',
    "a number": b"1",
    "null": b"null",
    "two values": b"{} {}",
    "a trailing comma": b'{"email": "a@b.c",}',
    "a comment": b"{} // ok",
    "invalid UTF-8": b'{"email": "\xff\xfe"}',
    "overlong UTF-8": b'{"email": "\xc0\xaf"}',
    "UTF-16": '{"email": "a@b.c"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a raw NUL": b'{"email": "a\x00"}',
    "NaN": b'{"email": NaN}',
    "Infinity": b'{"email": -Infinity}',
    "a huge number": b'{"email": ' + b"9" * 10_000 + b"}",
    "deep arrays": DEEP,
    "deep objects": b'{"a":' * 2500,
    "deep and closed": b'{"email": ' + DEEP + b"]" * 5000 + b"}",
    "deep in a field nobody reads": b'{"extra": ' + b"[" * 9 + b"]" * 9 + b"}",
    "many quotes": b'"\\' * 8000,
}
WRONG_VALUES: dict[str, Any] = {
    "null": None,
    "a number": 5,
    "a boolean": True,
    "an array": ["a"],
    "an object": {"$ne": ""},
    "empty": "",
    "a NUL": "ada\0@example.com",
}


@pytest.fixture(scope="module", autouse=True)
def _ada(shared: Served) -> None:
    shared.pair(EMAIL)


def assert_refused(answer: httpx.Response, status: int, message: str) -> None:
    assert (answer.status_code, answer.json()) == (status, {"message": message, "stack": ""})


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_body_is_a_400_with_the_operations_own_message(shared: Served, body: bytes) -> None:
    for path, message in (
        ("/auth/register", CREDENTIALS),
        ("/auth/login", CREDENTIALS),
        ("/auth/refreshToken", REFRESH),
        ("/auth/logout", REFRESH),
    ):
        assert_refused(shared.client.post(path, content=body, headers=JSON), 400, message)


@pytest.mark.parametrize("bad", bad_input.CLASSES.values(), ids=bad_input.CLASSES.keys())
def test_bad_input_costs_neither_a_hash_nor_a_statement_but_for_one_hash_of_a_legal_password(
    shared: Served, monkeypatch: pytest.MonkeyPatch, bad: bad_input.Bad
) -> None:
    with worked(monkeypatch) as work, connected(shared.base_url) as peer:
        peer.sendall(bad.raw("bad"))
        answer = receive(peer, bad.path, method=bad.method)
    assert answer.status == bad.status
    hashes = [one for one in work if one not in {"read", "write"}]
    assert len(hashes) == bad.hashed
    assert bad.hashed or work == []


def test_what_is_counted_is_seen_where_the_input_is_good(shared: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with worked(monkeypatch) as work:
        shared.login(EMAIL)
    assert [kind if isinstance(kind, str) else kind[0] for kind in work] == ["read", "verify", "write"]


@pytest.mark.parametrize("field", ["email", "password"])
def test_a_credential_that_is_absent_or_of_the_wrong_kind_is_missing(shared: Served, field: str) -> None:
    whole = {"email": EMAIL, "password": PASSWORD}
    for path, value in product(("/auth/register", "/auth/login"), WRONG_VALUES.values()):
        assert_refused(shared.post(path, {**whole, field: value}), 400, CREDENTIALS)
        lone_surrogate = json.dumps({**whole, field: "\ud800"}).encode()
        assert_refused(shared.client.post(path, content=lone_surrogate, headers=JSON), 400, CREDENTIALS)
        assert_refused(
            shared.post(path, {name: text for name, text in whole.items() if name != field}), 400, CREDENTIALS
        )


@pytest.mark.parametrize("value", [*WRONG_VALUES.values(), "x" * 4097], ids=[*WRONG_VALUES.keys(), "too long"])
def test_a_refresh_token_of_the_wrong_kind_is_missing(shared: Served, value: Any) -> None:
    for path in ("/auth/refreshToken", "/auth/logout"):
        assert_refused(shared.post(path, {"refreshToken": value}), 400, REFRESH)
        assert_refused(shared.post(path, {}), 400, REFRESH)


@pytest.mark.parametrize(
    "more",
    ['"email": "y"', '"password": "y"', '"extra": 1, "extra": 1', '"extra": NaN', '"extra": Infinity',
     '"extra": -Infinity', f'"extra": {"9" * 5000}'],
    ids=range(7),
)  # fmt: skip
def test_a_key_that_comes_twice_and_what_is_no_json_number_is_refused(shared: Served, more: str) -> None:
    body = f'{{"email": "{EMAIL}", "password": "{PASSWORD}", {more}}}'.encode()
    assert_refused(shared.client.post("/auth/login", content=body, headers=JSON), 400, CREDENTIALS)


def test_brackets_inside_strings_are_no_depth(shared: Served) -> None:
    body = {"email": EMAIL, "password": '[{"\\' * 100}
    assert shared.post("/auth/login", body).status_code == 403


@pytest.mark.parametrize(("levels", "status"), [(8, 200), (9, 400)])
@pytest.mark.parametrize("brackets", [('{"a":', "}"), ("[", "]")], ids=["objects", "arrays"])
def test_eight_levels_are_read_not_nine(shared: Served, levels: int, status: int, brackets: tuple[str, str]) -> None:
    opened, closed = brackets
    inner = opened * (levels - 1) + "1" + closed * (levels - 1)
    body = f'{{"email": "{EMAIL}", "password": "{PASSWORD}", "extra": {inner}}}'.encode()
    assert shared.client.post("/auth/login", content=body, headers=JSON).status_code == status


RIGHT = ["application/json", "Application/JSON", "application/json; charset=UTF-8"]
WRONG = ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", "json",
         "application/json; charset=utf-16", "application/json, text/plain"]  # fmt: skip


@pytest.mark.parametrize(("kind", "status"), [*product(RIGHT, [200]), *product(WRONG, [415])])
def test_another_content_type_is_a_415_whatever_its_case(shared: Served, kind: str, status: int) -> None:
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    answer = shared.client.post("/auth/login", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert status == 200 or answer.json()["message"] == "Send the body as application/json."


@pytest.mark.parametrize("size", [16_385, 500_000, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_a_413(shared: Served, size: int, chunked: bool) -> None:
    body = b'"' + b"x" * (size - 2) + b'"'
    content: Any = iter([body[:1000], body[1000:]]) if chunked else body
    answer = shared.client.post("/auth/login", content=content, headers=JSON)
    assert_refused(answer, 413, "The request body is too large.")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_exactly_the_limit_is_read(shared: Served, chunked: bool) -> None:
    body = json.dumps({"email": EMAIL, "password": PASSWORD, "extra": ""}).encode()
    body = body[:-2] + b"x" * (16_384 - len(body)) + body[-2:]
    content: Any = iter([body]) if chunked else body
    assert shared.client.post("/auth/login", content=content, headers=JSON).status_code == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /api/v1/users/profile HTTP/1.1\r\nHost: localhost\r\nX-Much: " + b"x" * 65_536,
        b"GET /api/v1/users/profile HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["headers over 64 KiB and no end", "no colon", "negative length", "TLS"],
)
def test_what_is_no_http_is_the_contracts_error_and_the_end_of_the_connection(shared: Served, request_: bytes) -> None:
    with connected(shared.base_url) as peer:
        peer.sendall(request_)
        answer = receive(peer)
        assert (answer.status, json.loads(answer.body)) == (400, {"message": "Malformed HTTP request.", "stack": ""})
        assert answer.headers["cache-control"] == "no-store"
        assert peer.recv(1) == b""


def test_unexpected_fields_change_nothing(serve: Serve) -> None:
    served = serve()
    extra = {"id": "me", "userId": "me", "createdAt": "1970-01-01", "role": "admin", "accessToken": "x", "exp": 9e9}
    pair = served.post("/auth/register", {"email": EMAIL, "password": PASSWORD, **extra}).raise_for_status().json()
    profile = served.profile(pair["accessToken"]).json()
    assert set(profile) == {"id", "email", "createdAt", "updatedAt"}
    assert profile["id"] != "me"
    assert not profile["createdAt"].startswith("1970")


@pytest.mark.parametrize(
    ("trusted", "host", "status"),
    [
        *((None, host, 404) for host in ("localhost", "LOCALHOST:5000", "127.0.0.1:1")),
        *((None, host, 400) for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "")),
        *((None, host, 400) for host in ("localhost:5000:1", "localhost@x")),
        (("auth.example",), "auth.example:443", 404),
        (("auth.example",), "localhost", 400),
        (("auth.example",), "sub.auth.example", 400),
        (("*",), "anything.example", 404),
    ],
)
def test_a_host_that_is_not_on_the_list_is_refused(
    shared: Served, serve: Serve, trusted: tuple[str, ...] | None, host: str, status: int
) -> None:
    served = serve(trusted_hosts=trusted) if trusted else shared
    answer = served.client.get("/nowhere", headers={"Host": host})
    assert answer.status_code == status
    assert status == 404 or answer.json() == {"message": "Invalid host header.", "stack": ""}


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:5000"])
def test_no_page_of_another_origin_may_read_an_answer(shared: Served, origin: str) -> None:
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answers = [
        shared.client.options("/auth/login", headers=preflight),
        shared.client.post("/auth/login", json={"email": EMAIL, "password": PASSWORD}, headers=preflight),
    ]
    assert [answer.status_code for answer in answers] == [405, 200]
    assert not any(name.startswith("access-control-") for answer in answers for name in answer.headers)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/auth/login/", 404),
        ("POST", "/AUTH/LOGIN", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/%00", 404),
        ("GET", "/__ledger__", 404),
        ("GET", "/auth/login", 405),
        ("DELETE", "/users/profile", 405),
        ("TRACE", "/users/profile", 405),
        ("QUERY", "/auth/register", 405),
    ],
)
def test_no_such_path_or_method_has_the_error_body_too(shared: Served, method: str, path: str, status: int) -> None:
    answer = shared.client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"message", "stack"}
    assert answer.json()["stack"] == ""
    assert "location" not in answer.headers


@pytest.mark.parametrize("query", ["?a=1", "?" + "x" * 5000, "?%ff=%00"])
def test_a_query_changes_nothing(shared: Served, query: str) -> None:
    assert shared.client.get(f"/users/profile{query}").status_code == 401
