"""Error trackers store the locals of every frame: no frame of a generated package may hold a secret while it sends."""

import asyncio
from collections.abc import Callable, Iterator
from types import ModuleType, TracebackType
from typing import Any

import pytest
from signedin_sdk.resources import AsyncResources, Resources
from signedin_sdk.types import Call, T

from tests.generator.conftest import generate_package, imported
from tests.generator.specs import as_json, minimal

SECRET = "s3cr3t"


def locals_below(traceback: TracebackType | None, package: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the repr of each local in the frames of a package."""
    while traceback is not None:
        if str(traceback.tb_frame.f_globals["__name__"]).startswith(f"{package}."):
            yield from ((name, repr(value)) for name, value in traceback.tb_frame.f_locals.items())
        traceback = traceback.tb_next


def refuse(call: Call[T], /) -> T:
    raise ConnectionError(call.operation.id)


async def arefuse(call: Call[T], /) -> T:
    return refuse(call)


async def alogin() -> object:
    return await AsyncResources(arefuse).auth.login(email=SECRET, password=SECRET)


CALLS: list[Callable[[], object]] = [
    lambda: Resources(refuse).auth.login(email=SECRET, password=SECRET),
    lambda: Resources(refuse).auth.register(email=SECRET, password=SECRET),
    lambda: Resources(refuse).auth.refresh_token(refresh_token=SECRET),
    lambda: Resources(refuse).auth.logout(refresh_token=SECRET),
    lambda: asyncio.run(alogin()),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_method_that_sends_has_forgotten_its_secrets(call: Callable[[], object]) -> None:
    with pytest.raises(ConnectionError) as raised:
        call()
    seen = list(locals_below(raised.tb, "signedin_sdk"))
    assert "_call_" in dict(seen)
    assert not [(name, shown) for name, shown in seen if SECRET in shown]


@pytest.fixture(scope="module")
def secretive(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """A package whose secrets are parameters and a whole body."""
    spec = minimal()
    get = spec["paths"]["/things"]["get"]
    text: dict[str, Any] = {"type": "string"}
    get["parameters"] = [
        {"name": "X-Key", "in": "header", "required": True, "schema": {**text, "format": "password"}},
        {"name": "pin", "in": "query", "required": True, "x-sensitive": True, "schema": text},
        {"name": "page", "in": "query", "schema": text},
    ]
    body = {"required": True, "content": {"application/json": {"schema": {**text, "x-sensitive": True}}}}
    spec["paths"]["/things"]["post"] = {**get, "operationId": "call", "parameters": [], "requestBody": body}
    folder = tmp_path_factory.mktemp("secretive")
    return imported(generate_package(as_json(spec), folder / "secretive_sdk", "json"))


def test_secret_parameters_and_bodies_are_forgotten_and_the_others_are_not(secretive: ModuleType) -> None:
    things = secretive.resources.Resources(refuse).things
    with pytest.raises(ConnectionError, match="listThings") as raised:
        things.list_things(x_key=SECRET, pin=SECRET, page="2")
    seen = dict(locals_below(raised.tb, "secretive_sdk"))
    assert (seen["page"], seen.keys() & {"x_key", "pin"}) == ("'2'", set())
    with pytest.raises(ConnectionError, match="call") as raised:
        things.call(body=SECRET)
    assert "body" not in dict(locals_below(raised.tb, "secretive_sdk"))
