"""`with_raw_response`: the same calls, each of which returns the response beside what was read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
import signedin_sdk.resources
from signedin import APIResponseError, ForbiddenError, RawResponse

if TYPE_CHECKING:
    from tests.auth.driving import Drive, Server

pytestmark = pytest.mark.anyio

ADA = {"email": "ada@example.com", "password": "correct horse battery staple"}


async def test_a_raw_answer_has_the_typed_one_and_the_response(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    answer = await drive(client.with_raw_response.users.get_profile)
    assert type(answer) is RawResponse is signedin_sdk.resources.RawResponse
    assert answer.parsed == await drive(client.users.get_profile)
    assert (answer.status_code, answer.http_response.status_code) == (200, 200)
    assert answer.headers["date"] == answer.http_response.headers["date"]
    assert answer.request_id is None
    assert repr(answer) == "RawResponse(status_code=200)"
    for name in ("parsed", "status_code", "other"):
        with pytest.raises(AttributeError):
            setattr(answer, name, None)


async def test_a_raw_answer_has_the_servers_name_of_the_request(drive: Drive, server: Server) -> None:
    pair = {"accessToken": server.issue().access_token, "refreshToken": "r"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=pair, headers={"x-request-id": "r-1"}))
    async with drive.client(server, transport=transport) as client:
        assert (await drive(client.with_raw_response.auth.login, **ADA)).request_id == "r-1"


async def test_raw_calls_store_tokens_raise_errors_and_take_options_as_others_do(drive: Drive, server: Server) -> None:
    async with drive.client(server, signed_in=False) as client:
        raw = client.with_options(headers={"x-a": "1"}, max_retries=1).with_raw_response
        answer: Any = await drive(raw.auth.login, **ADA)
        assert client.session.tokens.access_token == answer.parsed.access_token
        with pytest.raises(ForbiddenError):
            await drive(raw.auth.login, email="ada@example.com", password="wrong")
        server.fail("getProfile", "503", "array")
        with pytest.raises(APIResponseError):
            await drive(raw.users.get_profile)
        assert {request.headers["x-a"] for request in client.wire.requests} == {"1"}
        bob = client.for_profile("bob")
        await drive(bob.with_raw_response.auth.register, email="bob@example.com", password="p")
        assert (await drive(bob.with_raw_response.users.get_profile)).parsed.email == "bob@example.com"
        assert (await drive(client.with_raw_response.auth.logout, refresh_token="r")).parsed is None
