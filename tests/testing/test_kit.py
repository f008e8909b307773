"""The test kit as a downstream team uses it: fixtures that pytest loads by itself, routes, examples, short commands."""

import subprocess
import sys
from typing import Any
from unittest.mock import AsyncMock, create_autospec

import anyio
import httpx
import pytest
from signedin import AsyncClient, Client, ForbiddenError, SessionExpiredError
from signedin.testing import FakeAuthServer

SHOP: dict[str, Any] = {
    "security": [{"bearer": []}],
    "paths": {
        "/orders": {
            "get": {
                "operationId": "listOrders",
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Orders"}}}}
                },
            },
            "post": {
                "responses": {
                    "201": {"content": {"application/json": {"example": {"id": 7}}}},
                    "400": {"content": {"application/json": {"example": "not this"}}},
                }
            },
        },
        "/orders/{id}": {"delete": {"operationId": "drop", "responses": {"204": {}}}},
        "/health": {
            "get": {
                "security": [],
                "responses": {"2XX": {"content": {"application/json": {"examples": {"a": {"value": "well"}}}}}},
            }
        },
        "/auth/login": {"post": {"operationId": "login", "responses": {"200": {}}}},
    },
    "components": {
        "schemas": {
            "Orders": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
            "Order": {
                "allOf": [{"type": "object", "properties": {"id": {"type": "integer"}}}],
                "properties": {
                    "made": {"type": ["string", "null"], "format": "date-time"},
                    "state": {"enum": ["open", "paid"]},
                    "pin": {"type": "string", "writeOnly": True},
                    "price": {"oneOf": [{"type": "number"}, {"type": "string"}]},
                    "next": {"$ref": "#/components/schemas/Order"},
                },
            },
        }
    },
}


def test_own_routes_demand_a_token_and_outlive_it(auth_server: FakeAuthServer, signed_in_client: Client) -> None:
    auth_server.route("GET", "/orders/{id}", json=[{"id": 1}])
    auth_server.expire_access_tokens()
    assert signed_in_client.http.get("/orders/7").json() == [{"id": 1}]
    auth_server.assert_refreshes(1)
    assert signed_in_client.http.get("/orders/7/lines").json()["path"].endswith("/lines")  # no route: echoed
    with httpx.Client(transport=auth_server.transport) as nobody:
        assert nobody.get(f"{auth_server.base_url}/orders/7").status_code == 401


def test_own_routes_are_held_and_fail_by_name(auth_server: FakeAuthServer, signed_in_client: Client) -> None:
    auth_server.route("GET", "/orders", json=[])
    auth_server.route("GET", "/users/profile", status=403, json={"message": "No.", "stack": ""})
    auth_server.fail("GET /orders", "500")
    assert signed_in_client.http.get("/orders").status_code == 500
    assert auth_server.ledger["GET /orders"] == 1
    with pytest.raises(ForbiddenError):
        signed_in_client.users.get_profile()


def test_operations_of_a_spec_answer_by_its_examples(auth_server: FakeAuthServer, signed_in_client: Client) -> None:
    auth_server.route_examples(SHOP)
    order = signed_in_client.http.get("/orders").json()[0]
    assert {name: order[name] for name in ("id", "made", "state", "price")} == {
        "id": 1, "made": "2026-01-02T03:04:05Z", "state": "open", "price": 1.5,
    }  # fmt: skip
    assert "pin" not in order
    created = signed_in_client.http.post("/orders")
    assert (created.status_code, created.json()) == (201, {"id": 7})
    assert signed_in_client.http.delete("/orders/7").status_code == 204
    with httpx.Client(transport=auth_server.transport) as nobody:
        assert nobody.get(f"{auth_server.base_url}/health").json() == "well"
    assert auth_server.operations.count("login") == 1  # the login's own operations stay


def test_the_sdks_own_spec_is_a_file(auth_server: FakeAuthServer, pytestconfig: pytest.Config) -> None:
    auth_server.route_examples(pytestconfig.rootpath / "openapi.yaml")
    assert auth_server.operations.count("getProfile") == 1


@pytest.mark.parametrize("call", ["fail", "hold", "lose_answer"])
def test_a_misspelt_operation_is_an_error_with_the_list(auth_server: FakeAuthServer, call: str) -> None:
    auth_server.route("GET", "/orders")
    with pytest.raises(ValueError, match=r"no operation 'getProfil'. Did you mean 'getProfile'\? There are: GET /ord"):
        getattr(auth_server, call)("getProfil")


def test_a_misspelt_fault_is_an_error_with_the_list(auth_server: FakeAuthServer) -> None:
    with pytest.raises(
        ValueError, match=r"no fault 'lost rest'. Did you mean 'lost reset'\?.* There are: .*lost reset"
    ):
        auth_server.fail("login", "500", "lost rest")


def test_a_refused_refresh_and_a_lost_answer_have_a_word_each(
    auth_server: FakeAuthServer, signed_in_client: Client
) -> None:
    auth_server.lose_answer()
    signed_in_client.session.refresh()
    auth_server.assert_refreshes(2)
    with pytest.raises(
        AssertionError, match=r"2 refreshes arrived, not 1\. The server saw: refreshToken, refreshToken"
    ):
        auth_server.assert_refreshes(1)
    auth_server.refuse_refresh()
    with pytest.raises(SessionExpiredError):
        signed_in_client.session.refresh()


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_the_async_client_is_signed_in_on_any_loop(
    auth_server: FakeAuthServer, async_signed_in_client: AsyncClient, loop: str
) -> None:
    async def call() -> str:
        auth_server.expire_access_tokens()
        return (await async_signed_in_client.users.get_profile()).email

    assert anyio.run(call, backend=loop) == "ada@example.com"
    auth_server.assert_refreshes(1)


def test_another_process_reaches_the_server_by_its_address(auth_server: FakeAuthServer, auth_server_url: str) -> None:
    program = (
        "import sys; from signedin import Client\n"
        "with Client(sys.argv[1]) as client:\n"
        "    client.auth.login(email='ada@example.com', password='correct horse battery staple')\n"
        "    print(client.users.get_profile().email)"
    )
    line = [sys.executable, "-c", program, auth_server_url]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "ada@example.com\n"
    assert auth_server.seen == ["login", "getProfile"]


def test_a_mock_of_a_client_has_its_resources_in_its_colour() -> None:
    mock = create_autospec(Client, instance=True)
    mock.auth.login(email="ada@example.com", password="x")
    mock.auth.login.assert_called_once()
    with pytest.raises(TypeError, match="email"):
        mock.auth.login(e_mail="ada@example.com", password="x")
    with pytest.raises(AttributeError):
        mock.auth.log_in  # noqa: B018 -- it is the reading that fails
    assert isinstance(create_autospec(AsyncClient, instance=True).users.get_profile, AsyncMock)
