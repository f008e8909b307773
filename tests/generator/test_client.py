"""The printed client, used alone."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import httpx
import pytest
from signedin_sdk import AuthenticatedClient, Client
from signedin_sdk.api.auth import login
from signedin_sdk.api.users import get_profile
from signedin_sdk.errors import UnexpectedStatus
from signedin_sdk.models import Credentials, Error, TokenPair
from signedin_sdk.resources import AsyncResources, Resources
from signedin_sdk.types import Response

SECRET = "s3cr3t-value"
PAIR = {"accessToken": "a", "refreshToken": "r"}


class Stamp(httpx.Auth):
    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["Authorization"] = "Bearer stamped"
        yield request


def answering(status: int, body: object = None, **settings: Any) -> tuple[Client, list[httpx.Request]]:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status, json=body) if body is not None else httpx.Response(status)

    return Client("http://test/api", httpx_args={"transport": httpx.MockTransport(answer)}, **settings), requests


def test_requests_do_not_wait_for_ever() -> None:
    assert Client("http://test").get_httpx_client().timeout == httpx.Timeout(10.0, connect=5.0)


def test_settings_are_not_shown() -> None:
    settings: dict[str, Any] = {
        "headers": {"X-Key": SECRET},
        "cookies": {"sid": SECRET},
        "auth": httpx.BasicAuth("ada", SECRET),
        "httpx_args": {"proxy": SECRET},
    }
    url = f"https://ada:{SECRET}@test/api"
    for client in (Client(url, **settings), AuthenticatedClient(url, token=SECRET, **settings)):
        assert SECRET not in repr(client)
        assert "https://test/api" in repr(client)


def test_an_answer_is_not_shown() -> None:
    answer = Response(status_code=200, content=SECRET.encode(), headers={"Set-Cookie": SECRET}, parsed={"a": SECRET})
    assert SECRET not in repr(answer)


@pytest.mark.parametrize("kind", [Client, lambda url: AuthenticatedClient(url, token="t")])
def test_builders_leave_the_original_alone(kind: Any) -> None:
    client = kind("http://test")
    inner = client.get_httpx_client()
    before = (dict(inner.headers), dict(inner.cookies), inner.timeout)
    built = client.with_headers({"X-A": "1"}).with_cookies({"b": "2"}).with_timeout(httpx.Timeout(1))
    assert (dict(inner.headers), dict(inner.cookies), inner.timeout) == before
    assert built.get_httpx_client() is not inner
    assert (built.get_httpx_client().headers["X-A"], built.get_httpx_client().cookies["b"]) == ("1", "2")
    assert built.get_httpx_client().timeout == httpx.Timeout(1)


def test_an_authenticated_client_keeps_its_token_out_of_the_headers_it_was_given() -> None:
    headers = {"X-A": "1"}
    client = AuthenticatedClient("http://test", token="t", headers=headers)
    assert client.get_httpx_client().headers["Authorization"] == "Bearer t"
    assert headers == {"X-A": "1"}


def test_threads_that_race_for_the_first_request_share_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    slow = threading.Barrier(8)

    class Counted(httpx.Client):
        def __init__(self, **settings: Any) -> None:
            made.append(self)
            threading.Event().wait(0.05)  # long enough for the others to arrive, were there no lock
            super().__init__(**settings)

    monkeypatch.setattr(httpx, "Client", Counted)
    client = Client("http://test")

    def get() -> object:
        slow.wait(timeout=5)
        return client.get_httpx_client()

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: get(), range(8)))
    assert len(made) == 1
    assert len({id(each) for each in got}) == 1


def test_auth_is_asked_where_the_spec_wants_it_and_nowhere_else() -> None:
    profile = {"id": "1", "email": "a@b.c", "createdAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-01-02T03:04:05Z"}
    client, requests = answering(200, profile, auth=Stamp())
    client.send(get_profile.call())
    client, more = answering(200, PAIR, auth=Stamp())
    client.send(login.call(email="a", password="b"))
    assert requests[0].headers["Authorization"] == "Bearer stamped"
    assert "Authorization" not in more[0].headers


def test_resources_send_through_a_printed_client_alone() -> None:
    client, requests = answering(200, PAIR)
    pair = Resources(client.send).auth.login(email="ada@example.com", password="pw")
    assert pair == TokenPair(access_token="a", refresh_token="r")
    assert str(requests[0].url) == "http://test/api/auth/login"
    assert requests[0].content == b'{"email":"ada@example.com","password":"pw"}'
    assert asyncio.run(AsyncResources(client.asend).auth.login(email="a", password="b")) == pair


def test_a_refusal_is_raised_with_its_body() -> None:
    client, _ = answering(403, {"message": "no", "stack": ""})
    with pytest.raises(UnexpectedStatus) as refused:
        Resources(client.send).auth.login(email="a", password="b")
    assert (refused.value.status_code, refused.value.content) == (403, b'{"message":"no","stack":""}')


@pytest.mark.parametrize("status", [520, 299, 999])
def test_upstreams_own_functions_take_any_status(status: int) -> None:
    client, _ = answering(status)
    answer = login.sync_detailed(client=client, body=Credentials(email="a", password="b"))
    assert (answer.status_code, answer.parsed) == (status, None)


def test_upstreams_own_functions_return_a_documented_refusal() -> None:
    client, _ = answering(403, {"message": "no", "stack": ""})
    body = Credentials(email="a", password="b")
    assert isinstance(login.sync(client=client, body=body), Error)
    assert isinstance(asyncio.run(login.asyncio(client=client, body=body)), Error)


def test_a_spec_without_a_refresh_contract_yields_a_package_that_works_alone(plain: ModuleType) -> None:
    contract = plain.contract
    assert (contract.DEFAULT_BASE_URL, contract.REFRESH, contract.REVOKE) == ("https://minimal.example", None, None)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"label": "x"}))
    client = plain.Client(contract.DEFAULT_BASE_URL, httpx_args={"transport": transport})
    resources = plain.resources.Resources(client.send)
    assert resources.things.list_things().label == "x"
