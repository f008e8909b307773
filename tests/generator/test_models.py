"""Generated models: what they refuse in an answer, and what they do not show."""

import itertools
import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime
from types import ModuleType
from typing import Any

import pytest
from dateutil.parser import isoparse
from signedin_sdk import _wire, errors
from signedin_sdk.models import Credentials, Profile, RefreshToken, TokenPair

SECRET = "s3cr3t-value"
PET: dict[str, Any] = {
    "name": "Rex",
    "status": "active",
    "level": 1,
    "weight": 1.5,
    "born": "2026-01-02t03:04:05z",
    "tags": ["a"],
}


@pytest.fixture
def pet(shapes: ModuleType) -> Any:
    return shapes.models.Pet


@pytest.mark.parametrize("wrong", [5, None, True, 1.5, ["x"], {"x": SECRET}])
def test_a_token_of_another_type_is_refused_by_name(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"^accessToken: expected a string, got ") as refused:
        TokenPair.from_dict({"accessToken": wrong, "refreshToken": SECRET})
    assert SECRET not in str(refused.value)


def test_a_missing_property_is_named() -> None:
    with pytest.raises(KeyError, match="refreshToken"):
        TokenPair.from_dict({"accessToken": SECRET})


@pytest.mark.parametrize("wrong", ["text", [], 5, None, [["accessToken", "a"], ["refreshToken", "b"]]])
def test_an_answer_that_is_no_object_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"^TokenPair: expected an object"):
        TokenPair.from_dict(wrong)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("age", "7"),
        ("age", True),
        ("age", 1.5),
        ("weight", "1"),
        ("weight", False),
        ("alive", 1),
        ("alive", "true"),
        ("born", SECRET),
        ("born", 5),
        ("day", SECRET),
        ("uid", SECRET),
        ("kind", SECRET),
        ("tags", SECRET),
        ("tags", [SECRET, 5]),
        ("tags", {SECRET: 1}),
        ("nick", 5),
        ("mixed", 1.5),
        ("mixed", SECRET),
        ("status", 5),
        ("level", True),
        ("level", "1"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_without_being_shown(pet: Any, name: str, wrong: object) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{name}") as refused:
        pet.from_dict({**PET, name: wrong})
    assert SECRET not in repr(refused.value)
    assert SECRET not in repr(refused.value.__cause__)
    assert refused.value.__cause__ is None


def test_values_that_fit_are_read(pet: Any) -> None:
    value = {
        "age": 7.0,
        "alive": True,
        "day": "2026-01-02",
        "nick": None,
        "mixed": 3,
        "kind": "pet",
        "d": "x",
        "model": "y",
    }
    read = pet.from_dict({**PET, **value})
    assert (read.age, read.alive, read.day, read.nick) == (7, True, date(2026, 1, 2), None)
    assert (read.mixed, read.kind, read.d, read.model, read.tags) == (3, "pet", "x", "y", ["a"])
    assert pet.from_dict(read.to_dict()) == read


@pytest.mark.parametrize("value", ["a", [], ["a"], [[1], [2, 3]], [{"title": "a"}, {"title": "b"}]])
def test_a_list_that_may_be_one_of_several_is_written_by_its_items(pet: Any, value: Any) -> None:
    read = pet.from_dict({**PET, "lists": value})
    assert read.to_dict()["lists"] == value
    assert pet.from_dict(read.to_dict()) == read


def test_items_of_one_of_several_lists_are_written_as_json_has_them(pet: Any) -> None:
    read = pet.from_dict(PET)
    read.lists = [date(2026, 1, 2)]
    assert read.to_dict()["lists"] == ["2026-01-02"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-01-02T03:04:05.678Z", datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)),
        ("2026-01-02T24:00Z", datetime(2026, 1, 3, tzinfo=UTC)),
        ("20260102T030405Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_every_iso_8601_date_time_is_read(text: str, meant: datetime) -> None:
    read = Profile.from_dict({"id": "1", "email": "a@b.c", "createdAt": text, "updatedAt": text})
    assert read.created_at == meant


def test_a_date_time_as_in_rfc_3339_is_read_as_by_dateutil() -> None:
    def read(parse: Callable[[str], datetime], text: str) -> object:
        try:
            moment = parse(text)
        except (ValueError, OverflowError):
            return None
        return moment.isoformat(), moment.utcoffset()

    dates = ["2026-01-02", "2024-02-29", "2023-02-29", "2026-13-01", "0001-01-01", "9999-12-31", "0000-01-01"]
    times = ["03:04:05", "23:59:60", "24:00:00", "25:00:00", "03:60:05", "03:04:05.1", "03:04:05.1234567890123"]
    zones = ["Z", "+00:00", "-00:00", "+05:30", "-23:59", "+24:00", "+12:60", "", "z"]
    for text in ("T".join(parts) for parts in itertools.product(dates, map("".join, itertools.product(times, zones)))):
        assert read(_wire._moment, text) == read(isoparse, text), text


def test_an_unknown_enum_value_is_kept(shapes: ModuleType, pet: Any) -> None:
    read = pet.from_dict({**PET, "status": "new", "level": 9})
    assert isinstance(read.status, shapes.models.Status)
    assert isinstance(read.level, shapes.models.Level)
    assert (read.status, read.status.value, str(read.status)) == ("new", "new", "new")
    assert (read.level, read.level.value) == (9, 9)
    assert read.status == shapes.models.Status("new")
    assert {read.status: 1}[shapes.models.Status("new")] == 1
    assert pickle.loads(pickle.dumps(read)) == read
    assert read.to_dict()["status"] == "new"
    assert [each.value for each in shapes.models.Status] == ["active", "gone"]
    assert shapes.models.Status("active") is shapes.models.Status.ACTIVE


def test_no_repr_shows_a_secret() -> None:
    pair = TokenPair(access_token=SECRET, refresh_token=SECRET)
    pair["id_token"] = SECRET
    for value in (pair, Credentials(email=SECRET, password=SECRET), RefreshToken(refresh_token=SECRET)):
        assert SECRET not in repr(value)
        assert SECRET not in str([value])


@pytest.mark.parametrize("name", ["pin", "pins", "hidden", "owner"])
def test_secrets_behind_references_arrays_and_siblings_are_not_shown(pet: Any, name: str) -> None:
    value = {"pin": SECRET, "pins": [SECRET]}.get(name, {"title": SECRET})
    shown = repr(pet.from_dict({**PET, name: value}))
    assert SECRET not in shown
    assert "Rex" in shown


def test_an_unexpected_status_keeps_its_body_to_itself() -> None:
    error = errors.UnexpectedStatus(500, SECRET.encode())
    assert (error.status_code, error.content) == (500, SECRET.encode())
    assert SECRET not in str(error) + repr(error)
    assert pickle.loads(pickle.dumps(error)).content == error.content
