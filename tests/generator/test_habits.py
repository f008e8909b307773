"""Values where JSON is not, and unions that several members could hold: what a generated package makes of them."""

from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.generator.conftest import imported

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
HTTP = httpx.Client(base_url="https://test")


@pytest.fixture(scope="module")
def habits(packages: Path) -> ModuleType:
    return imported(packages / "habits_sdk")


@pytest.fixture
def calls(habits: ModuleType) -> Any:
    return habits.resources.Resources(lambda call: call)


@pytest.fixture
def unions(habits: ModuleType) -> Any:
    return habits.models.Unions


def test_scalars_in_paths_headers_and_cookies_are_written_as_json_writes_them(habits: ModuleType, calls: Any) -> None:
    call = calls.values.get_values(
        flag=True,
        at=AT,
        x_id=UUID(int=1),
        x_limit=None,
        x_either=5,
        visits=7,
        since=date(2026, 1, 2),
        level=habits.models.GetValuesLevel(2),
        seen=False,
    )
    request = HTTP.build_request(**call.kwargs)
    assert request.url.raw_path == b"/values/true/2026-01-02T03%3A04%3A00%2B00%3A00"
    assert (request.headers["X-Id"], request.headers["X-Either"]) == (str(UUID(int=1)), "5")
    assert "X-Limit" not in request.headers
    assert request.headers["Cookie"] == "visits=7; since=2026-01-02; level=2; seen=false"


def test_of_two_media_types_with_one_schema_the_first_is_sent(habits: ModuleType, calls: Any) -> None:
    sent = HTTP.build_request(**calls.bodies.send_either(body=habits.models.Cat.from_dict({"kind": "cat"})).kwargs)
    assert (sent.headers["Content-Type"], sent.content) == ("application/json", b'{"kind":"cat"}')
    sent = HTTP.build_request(**calls.bodies.send_either(body=[1, 2]).kwargs)
    assert (sent.headers["Content-Type"], sent.content) == ("application/merge-patch+json", b"[1,2]")
    with pytest.raises(TypeError, match="body: of no type that the spec names"):
        calls.bodies.send_either(body="text")


def test_a_form_has_no_null(calls: Any) -> None:
    assert HTTP.build_request(**calls.bodies.send_form(a=None, b=True).kwargs).content == b"b=true"


def test_null_is_a_body_of_json(habits: ModuleType, calls: Any) -> None:
    assert HTTP.build_request(**calls.bodies.send_null(body=None).kwargs).content == b"null"
    named = habits.models.Named(name="a")
    assert HTTP.build_request(**calls.bodies.send_null(body=named).kwargs).content == b'{"name":"a"}'


def test_parts_of_a_multipart_body_are_texts_or_json(calls: Any) -> None:
    call = calls.bodies.send_parts(flag=True, none=None, one=1, anything={"a": [1]})
    assert call.kwargs["files"] == [
        ("flag", (None, b"true", "text/plain")),
        ("one", (None, b"1", "text/plain")),
        ("anything", (None, b'{"a": [1]}', "application/json")),
    ]


@pytest.mark.parametrize(
    ("pet", "kind", "shown"),
    [
        ({"kind": "dog", "mood": "good"}, "Dog", "dog"),
        ({"kind": "dog", "mood": "new"}, "Dog", "dog"),
        ({"kind": "cow"}, "Cat", "cow"),
    ],
)
def test_an_unknown_value_of_an_enum_lets_the_next_member_of_a_union_try(
    unions: Any, pet: dict[str, str], kind: str, shown: str
) -> None:
    read = unions.from_dict({"pet": pet}).pet
    assert (type(read).__name__, read.kind.value) == (kind, shown)
    assert unions.from_dict({"pet": pet}).to_dict() == {"pet": pet}


def test_an_enum_beside_other_texts_holds_what_it_names_and_the_rest_only_if_nothing_else_does(unions: Any) -> None:
    read = unions.from_dict({"word": "free text", "day": "2026-01-02", "fixed": 2})
    assert (read.word, type(read.word), read.day, read.fixed) == ("free text", str, date(2026, 1, 2), 2)
    assert unions.from_dict({"word": "now"}).word.name == "NOW"
    assert unions.from_dict({"day": "never"}).day.name == "unknown"
    with pytest.raises(ValueError, match="fixed"):
        unions.from_dict({"fixed": "c"})


@pytest.mark.parametrize(
    ("kind", "member"), [("bicycle", "Bike"), ('a "tandem"', "Bike"), ("Boat", "Boat"), ("Car", "Car"), ("new", "Car")]
)
def test_a_discriminator_decides_what_its_values_name(unions: Any, kind: str, member: str) -> None:
    assert type(unions.from_dict({"ride": {"kind": kind}}).ride).__name__ == member


def test_a_value_that_does_not_fit_the_member_that_its_discriminator_names_is_refused(unions: Any) -> None:
    with pytest.raises(TypeError, match="gears"):
        unions.from_dict({"ride": {"kind": "bicycle", "gears": "many"}})


def test_properties_beside_what_a_schema_is_composed_of_are_read_and_written(habits: ModuleType) -> None:
    payload = {
        "sized": {"name": "a", "size": 1, "anything": [1]},
        "deep": {"name": "b", "deep": 2, "deeper": 3},
        "either": {"a": "x"},
        "day": "2026-01-02",
        "named": None,
    }
    read = habits.models.Composed.from_dict(payload)
    assert (read.sized.name, read.sized.size, read.sized.anything) == ("a", 1, [1])
    assert (read.deep.name, read.deep.deep, read.deep.deeper) == ("b", 2, 3)
    assert (read.either.a, read.day, read.named) == ("x", date(2026, 1, 2), None)
    assert read.to_dict() == payload
    with pytest.raises(KeyError, match="size"):
        habits.models.Sized.from_dict({"name": "a"})


def test_objects_inside_the_unions_of_components_are_generated_once(habits: ModuleType) -> None:
    payload = {"rights": {"rights": {"admin": True}}, "renamed": {"inner": {"a": "x"}}}
    read = habits.models.Composed.from_dict(payload)
    assert (read.rights.rights.admin, read.renamed.inner.a) == (True, "x")
    assert habits.models.Composed.from_dict({"rights": None}).rights is None


def test_a_request_has_no_argument_for_what_only_an_answer_has(calls: Any) -> None:
    call = calls.users.add_user(name="Ada", password="x")
    assert call.kwargs["json"] == {"name": "Ada", "password": "x"}
    with pytest.raises(TypeError, match="id"):
        calls.users.add_user(name="Ada", password="x", id="1")


def test_an_answer_need_not_have_what_only_a_request_has(habits: ModuleType, calls: Any) -> None:
    read = calls.users.add_user(name="Ada", password="x").parse(httpx.Response(201, json={"id": "1", "name": "Ada"}))
    assert (read.id, read.name, read.password) == ("1", "Ada", habits.types.UNSET)
    account = calls.users.get_account()
    assert account.parse(httpx.Response(200, json={"id": "1"})).pin is habits.types.UNSET
    with pytest.raises(KeyError, match="id"):  # which is read and never sent
        account.parse(httpx.Response(200, json={"pin": "1"}))
