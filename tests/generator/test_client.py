"""A generated package used alone: its resources send through any function."""

import asyncio
from types import ModuleType
from typing import Any

import httpx
import pytest
from signedin_sdk import AsyncResources, Resources
from signedin_sdk.errors import UnexpectedStatus
from signedin_sdk.models import TokenPair
from signedin_sdk.types import Call, T

PAIR = {"accessToken": "a", "refreshToken": "r"}


def answering(status: int, body: object) -> tuple[httpx.Client, list[httpx.Request]]:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status, json=body)

    return httpx.Client(base_url="http://test/api", transport=httpx.MockTransport(answer)), requests


def test_resources_send_through_a_plain_httpx_client() -> None:
    client, requests = answering(200, PAIR)

    def send(call: Call[T], /) -> T:
        return call.parse(client.request(**call.kwargs))

    async def asend(call: Call[T], /) -> T:
        return send(call)

    pair = Resources(send).auth.login(email="ada@example.com", password="pw")
    assert pair == TokenPair(access_token="a", refresh_token="r")
    assert str(requests[0].url) == "http://test/api/auth/login"
    assert requests[0].content == b'{"email":"ada@example.com","password":"pw"}'
    assert requests[0].headers["Content-Type"] == "application/json"
    assert asyncio.run(AsyncResources(asend).auth.login(email="a", password="b")) == pair


def test_a_refusal_is_raised_with_its_body() -> None:
    client, _ = answering(403, {"message": "no", "stack": ""})

    def send(call: Call[Any], /) -> Any:
        return call.parse(client.request(**call.kwargs))

    with pytest.raises(UnexpectedStatus) as refused:
        Resources(send).auth.login(email="a", password="b")
    assert (refused.value.status_code, refused.value.content) == (403, b'{"message":"no","stack":""}')


def test_a_spec_without_a_refresh_contract_yields_a_package_that_works_alone(plain: ModuleType) -> None:
    contract = plain.contract
    assert (contract.DEFAULT_BASE_URL, contract.REFRESH, contract.REVOKE) == ("https://minimal.example", None, None)
    assert plain.Resources(lambda call: call.parse(httpx.Response(200, json={"label": "x"}))).things.list_things().label
