"""The seam that the hand-written package builds on: operations, calls, resources, the contract."""

import asyncio
import inspect
import json
import subprocess
import sys
from datetime import UTC, datetime
from io import BytesIO
from types import ModuleType
from typing import Any

import httpx
import pytest
from signedin_sdk import contract, models
from signedin_sdk.api.auth import login, logout, refresh_token, register
from signedin_sdk.api.users import get_profile
from signedin_sdk.errors import UnexpectedStatus
from signedin_sdk.models import Error, TokenPair
from signedin_sdk.resources import AsyncResources, Resources
from signedin_sdk.types import (
    UNSET,
    Call,
    Grace,
    IssueContract,
    Operation,
    Place,
    RefreshContract,
    RevokeContract,
    Sign,
    T,
    TokenRequest,
    TokenResponse,
)

from generator.spec.contract import contract as described
from generator.spec.document import load
from tests.generator.conftest import ROOT

PAIR = {"accessToken": "a", "refreshToken": "r"}


def answer(status: int, body: object) -> httpx.Response:
    return httpx.Response(status, json=body)


def test_operations_say_what_they_want_and_what_they_do_to_tokens() -> None:
    assert Operation("login", "post", "/auth/login", "none", "issues") == login.OPERATION
    assert register.OPERATION.tokens == refresh_token.OPERATION.tokens == "issues"
    assert Operation("logout", "post", "/auth/logout", "none", "revokes") == logout.OPERATION
    assert Operation("getProfile", "get", "/users/profile", "required", None) == get_profile.OPERATION


def test_security_with_an_empty_alternative_is_optional(shapes: ModuleType) -> None:
    assert shapes.resources.Resources(lambda call: call).pets.create_pet(**a_pet(shapes)).operation.auth == "required"
    with pytest.warns(DeprecationWarning, match="list_toys"):
        call = shapes.resources.Resources(lambda call: call).pets.list_toys(pet_id="a", toy=1)
    assert call.operation.auth == "optional"


def test_a_field_of_the_body_may_be_called_body(shapes: ModuleType) -> None:
    call = shapes.resources.Resources(lambda call: call).comments.add_comment(body="text")
    assert call.kwargs["json"] == {"body": "text"}


def test_an_optional_body_of_one_of_several_models_need_not_be_given(shapes: ModuleType) -> None:
    comments = shapes.resources.Resources(lambda call: call).comments
    assert "json" not in comments.set_comments().kwargs
    number = shapes.models.SetCommentsBodyType1(number=1)
    assert comments.set_comments(body=number).kwargs["json"] == {"number": 1}


def _schema(*required: str) -> dict[str, object]:
    return {"type": "object", "required": list(required)}


def test_the_contract_is_the_specs() -> None:
    assert contract.DEFAULT_BASE_URL == "http://localhost:5000/api/v1"
    token, access = Place("body", "/refreshToken"), Place("body", "/accessToken")
    revoke = TokenRequest("logout", "post", "/auth/logout", "json", token)
    refresh = TokenRequest("refreshToken", "post", "/auth/refreshToken", "json", token)
    response = TokenResponse(access, token)
    assert RevokeContract(revoke) == contract.REVOKE
    assert (
        RefreshContract(
            scheme="bearerAuth",
            request=refresh,
            response=response,
            expired=(Sign(401, Place("body", "/message"), ("TokenExpiredError",)),),
            dead=(Sign(400), Sign(401), Sign(403)),
            error_properties=frozenset({"message", "stack"}),
            grace=Grace("Idempotency-Key", 60.0, 5),
        )
        == contract.REFRESH
    )
    assert tuple(IssueContract(name, response) for name in ("register", "login", "refreshToken")) == contract.ISSUES


def _error(*required: str, kind: str = "application/json", **schema: object) -> dict[str, object]:
    return {"description": "No.", "content": {kind: {"schema": {**_schema(*required), **schema}}}}


@pytest.mark.parametrize(
    ("responses", "properties"),
    [
        ({"400": _error("a", "b"), "401": _error("b", "c")}, ["b"]),
        ({"400": _error("a"), "401": {"description": "No body."}}, []),
        ({"400": _error("a"), "409": _error("b")}, ["a"]),
        ({"4XX": _error("a"), "401": _error("a", "b")}, ["a"]),
        ({"default": _error("a", kind="application/problem+json")}, ["a"]),
        (
            {"400": _error("a", allOf=[_schema("b"), {"$ref": "#/components/schemas/Error"}])},
            ["a", "b", "message", "stack"],
        ),
        ({"400": _error(oneOf=[_schema("a", "b"), _schema("a", "c")])}, ["a"]),
        ({"400": _error("a", allOf=[{"$ref": "#/components/schemas/Loop"}])}, ["a", "l"]),
        ({"400": _error("a", kind="text/html")}, []),
        ({}, []),
    ],
)
def test_the_contract_has_what_every_documented_refusal_of_the_refresh_has(
    responses: dict[str, object], properties: list[str]
) -> None:
    document = load(ROOT / "openapi.yaml")
    loop = {"required": ["l"], "allOf": [{"$ref": "#/components/schemas/Loop"}]}
    document.data["components"]["schemas"]["Loop"] = loop
    document.data["paths"]["/auth/refreshToken"]["post"]["responses"] = {"200": {"description": "A pair."}, **responses}
    names = f"error_properties=frozenset({{{', '.join(map(repr, properties))}}}), "
    assert (names in described(document)["refresh"]) == bool(properties)
    assert ("error_properties" in described(document)["refresh"]) == bool(properties)


def test_a_call_is_a_request_ready_to_be_sent_and_shows_no_secret() -> None:
    call = refresh_token.call(refresh_token="s3cr3t", idempotency_key="k")
    request = httpx.Client(base_url="https://api.example/v1").build_request(**call.kwargs)
    assert (request.method, str(request.url)) == ("POST", "https://api.example/v1/auth/refreshToken")
    assert (json.loads(request.content), request.headers["Idempotency-Key"]) == ({"refreshToken": "s3cr3t"}, "k")
    assert "s3cr3t" not in repr(call)


def test_a_success_is_parsed_and_anything_else_is_raised() -> None:
    call = login.call(email="a", password="b")
    assert call.parse(answer(200, PAIR)) == TokenPair(access_token="a", refresh_token="r")
    assert logout.call(refresh_token="r").parse(httpx.Response(204)) is None
    for status in (201, 204, 299, 302, 403, 418, 520, 999):
        with pytest.raises(UnexpectedStatus) as raised:
            call.parse(answer(status, PAIR))
        assert raised.value.status_code == status


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"\xff", b"[]", b"null", b'"text"', b'{"accessToken":"a"}', b"[" * 100_000]
)
def test_a_malformed_success_raises_one_of_three(content: bytes) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        login.call(email="a", password="b").parse(httpx.Response(200, content=content))


def test_a_documented_refusal_is_typed_and_never_raises() -> None:
    read = login.call(email="a", password="b").parse_error
    assert read(answer(403, {"message": "no", "stack": ""})) == Error(message="no", stack="")
    assert read(answer(418, {"message": "no", "stack": ""})) is None
    assert read(answer(200, PAIR)) is None
    for content in (b"", b"<html>", b"\xff", b"[]", b'{"message":5}', b"[" * 100_000):
        assert read(httpx.Response(403, content=content)) is None
    assert read(httpx.Response(403, stream=httpx.ByteStream(b"unread"))) is None


def a_pet(shapes: ModuleType) -> dict[str, Any]:
    return {"body": shapes.models.Pet(**fields(shapes))}


def fields(shapes: ModuleType) -> dict[str, Any]:
    born = datetime(2026, 1, 2, tzinfo=UTC)
    status, level = shapes.models.Status.ACTIVE, shapes.models.Level(1)
    return {"name": "Rex", "status": status, "level": level, "weight": 1.5, "born": born, "tags": []}


@pytest.fixture
def calls(shapes: ModuleType) -> Any:
    return shapes.resources.Resources(lambda call: call)


def test_a_body_whose_fields_meet_parameters_is_given_whole(shapes: ModuleType, calls: Any) -> None:
    assert {"body", "name"} <= inspect.signature(calls.pets.create_pet).parameters.keys()
    call = calls.pets.create_pet(name="query", **a_pet(shapes))
    assert (call.kwargs["params"], call.kwargs["json"]["name"]) == ({"name": "query"}, "Rex")


def test_a_plain_body_is_flattened_required_fields_without_a_default(shapes: ModuleType, calls: Any) -> None:
    parameters = inspect.signature(calls.pets.replace_pet).parameters
    assert all(each.kind is each.KEYWORD_ONLY for each in parameters.values())
    assert parameters["name"].default is inspect.Parameter.empty
    assert parameters["age"].default is shapes.types.UNSET
    call = calls.pets.replace_pet(**fields(shapes))
    assert call.kwargs["json"].keys() == fields(shapes).keys()


def test_a_body_that_is_open_by_declaration_is_given_whole(calls: Any) -> None:
    assert list(inspect.signature(calls.photos.send_map).parameters) == ["body"]


def test_parameters_go_where_the_spec_puts_them(shapes: ModuleType, calls: Any) -> None:
    with pytest.warns(DeprecationWarning, match=r"pets\.list_toys is deprecated"):
        call = calls.pets.list_toys(
            pet_id="a/b?", toy=3, status=shapes.models.Status.GONE, ids=["x", "y"], x_trace="t", flavour="sweet"
        )
    request = httpx.Client(base_url="https://test/v1").build_request(**call.kwargs)
    assert request.url.raw_path == b"/v1/pets/a%2Fb%3F/toys/3?status=gone&limit=10&ids=x&ids=y"
    assert (request.headers["X-Trace"], request.headers["Cookie"]) == ("t", "flavour=sweet")
    assert "Which toy." in str(inspect.getdoc(calls.pets.list_toys))


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_path_parameter_cannot_address_another_resource(calls: Any, value: str) -> None:
    with pytest.warns(DeprecationWarning, match="list_toys"), pytest.raises(ValueError, match="petId"):
        calls.pets.list_toys(pet_id=value, toy=1)


def test_files_and_forms_are_sent_in_their_own_ways(shapes: ModuleType, calls: Any) -> None:
    file = shapes.types.File(payload=BytesIO(b"--+++"), file_name="a.png")
    sent = httpx.Client(base_url="https://test").build_request(**calls.photos.add_photo(file=file, caption="c").kwargs)
    kind = sent.headers["Content-Type"]
    assert kind.startswith("multipart/form-data; boundary=")
    assert not kind.endswith("+++")
    assert b'filename="a.png"' in sent.read()
    form = httpx.Client(base_url="https://test").build_request(**calls.photos.send_form(a="x", b=1).kwargs)
    assert form.content == b"a=x&b=1"
    assert "content" not in calls.photos.send_raw().kwargs


def test_answers_of_several_shapes_are_read(shapes: ModuleType, calls: Any) -> None:
    with pytest.warns(DeprecationWarning, match="list_toys"):
        toys = calls.pets.list_toys(pet_id="a", toy=1)
    assert toys.parse(answer(200, [])) == []
    assert toys.parse(httpx.Response(204)) is None
    assert toys.parse_error(answer(404, {"title": "gone"})).title == "gone"
    assert toys.parse_error(httpx.Response(302, text="moved")) == "moved"
    with pytest.raises(TypeError, match="response_200: expected an array"):
        toys.parse(answer(200, {}))
    union = calls.photos.send_map(body=shapes.models.SendMapBody())
    assert [union.parse(httpx.Response(200, text=text)) for text in ('"x"', "5", "null")] == ["x", 5, None]
    with pytest.raises(TypeError, match="response_2XX"):
        union.parse(answer(200, []))
    assert calls.photos.send_raw().parse(answer(200, body=True)) is True
    with pytest.raises(TypeError):
        calls.photos.send_raw().parse(answer(200, 1))


def test_default_is_the_success_where_nothing_else_is(shapes: ModuleType, calls: Any) -> None:
    call = calls.pets.replace_pet(**fields(shapes))
    assert call.parse(answer(200, {"title": "ok"})).title == "ok"
    assert call.parse_error(answer(500, {"title": "bad"})).title == "bad"
    assert call.parse_error(answer(200, {"title": "ok"})) is None
    with pytest.raises(shapes.errors.UnexpectedStatus, match="500"):
        call.parse(answer(500, {"title": "bad"}))


def test_resources_hand_the_call_to_send_and_return_what_it_returns() -> None:
    sent: list[Call[Any]] = []

    def send(call: Call[T], /) -> T:
        sent.append(call)
        return call.parse(answer(200, PAIR))

    async def asend(call: Call[T], /) -> T:
        return send(call)

    assert Resources(send).auth.login(email="a", password="b").access_token == "a"
    pair = asyncio.run(AsyncResources(asend).auth.refresh_token(refresh_token="r", idempotency_key=UNSET))
    assert pair.refresh_token == "r"
    assert [call.operation.id for call in sent] == ["login", "refreshToken"]


def test_a_resource_is_made_once_and_nothing_else_is_public() -> None:
    resources = Resources(lambda call: call.parse(answer(200, PAIR)))
    assert resources.auth is resources.auth
    assert {name for name in dir(Resources) if not name.startswith("_")} == {"auth", "users", "with_raw_response"}
    assert {name for name in dir(AsyncResources) if not name.startswith("_")} == {"auth", "users", "with_raw_response"}
    assert inspect.getdoc(Resources.auth) == "Obtain, renew and revoke a pair of tokens."


def test_importing_the_package_imports_neither_models_nor_resources_nor_what_they_need() -> None:
    probe = """
import sys; sys.path.insert(0, "sdk")
import signedin_sdk.models, signedin_sdk.contract
from signedin_sdk.resources import Resources
parts = tuple(f"signedin_sdk.{part}." for part in ("models", "api", "resources"))
heavy = {"attrs", "attr", "httpx", "signedin_sdk.models._modules"}
print([name for name in sys.modules if name.startswith(parts) or name in heavy])
Resources(lambda call: None).users
from signedin_sdk.models import Error
print("signedin_sdk.resources.auth" in sys.modules, "signedin_sdk.models.error" in sys.modules)
print("Error" in dir(signedin_sdk.models), signedin_sdk.__all__)
"""
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "False True", "True ('AsyncResources', 'Resources', 'contract')"]


def test_a_model_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Nothing"):
        models.Nothing  # type: ignore[attr-defined]  # noqa: B018  (that it raises is the point)


def test_a_spec_without_a_refresh_contract_yields_a_package_that_works_alone(plain: ModuleType) -> None:
    contract = plain.contract
    assert (contract.DEFAULT_BASE_URL, contract.REFRESH, contract.REVOKE) == ("https://minimal.example", None, None)
    assert plain.Resources(lambda call: call.parse(answer(200, {"label": "x"}))).things.list_things().label == "x"
