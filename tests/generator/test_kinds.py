"""What documents of real backends hold: read and sent as it is described, by default, and accepted by mypy."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from uuid import UUID

import httpx
import pytest

from tests.generator.conftest import imported

NAIVE: Final = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  (that it has no time zone is the point)
AWARE: Final = NAIVE.replace(tzinfo=UTC)


SHORT: Final = {"id": "1"}
NULLABLE: Final = [(SHORT, "Short"), ({**SHORT, "more": 2}, "More"), (None, "NoneType")]
LISTED: Final = [(SHORT, "Short"), ({**SHORT, "name": "a"}, "Full"), (None, "NoneType")]
# Of these the type is judged, and of all others the value.
JUDGED: Final = frozenset({"who", "how", "whose", "either", "both", "level", "state"})


@pytest.fixture(scope="module")
def kinds(packages: Path) -> ModuleType:
    return imported(packages / "kinds_sdk")


@pytest.fixture
def calls(kinds: ModuleType) -> Any:
    return kinds.Resources(lambda call: call).authorization


def sent(call: Any) -> httpx.Request:
    request = httpx.Client(base_url="https://kinds.example").build_request(**call.kwargs)
    request.read()
    return request


@pytest.mark.parametrize(
    ("argument", "value", "query"),
    [
        ("nullable", None, ""),
        ("nullable", "a", "nullable=a"),
        ("at_lt", AWARE, "At%3C=2026-01-02T03%3A04%3A05%2B00%3A00"),
        ("at_gt", AWARE, "At%3E=2026-01-02T03%3A04%3A05%2B00%3A00"),
        ("comma", [1, 2], "comma=1%2C2"),
        ("comma", None, ""),
        ("space", ["a", "b"], "space=a+b"),
        ("pipe", ["a", "b"], "pipe=a%7Cb"),
        ("either", "a", "either=a"),
        ("headers", "a", "headers=a"),
    ],
)
def test_a_query_is_written_in_its_style(calls: Any, argument: str, value: object, query: str) -> None:
    assert sent(calls.query(**{argument: value})).url.query.decode() == query


def test_an_object_in_a_query_is_written_in_its_style_alone_or_in_a_union(kinds: ModuleType, calls: Any) -> None:
    deep, either = kinds.models.QueryDeep(a="x"), kinds.models.QueryEitherType1(b="y")
    assert sent(calls.query(deep=deep, either=either)).url.query == b"deep%5Ba%5D=x&b=y"


def test_a_query_in_the_path_stays_beside_parameters(calls: Any) -> None:
    assert str(sent(calls.act(n="1")).url) == "https://kinds.example/act?do=list&n=1"
    assert str(sent(calls.job(id="7")).url) == "https://kinds.example/jobs/7"


NAIVELY: Final[list[Callable[[Any], object]]] = [
    lambda calls: calls.query(at_lt=NAIVE),
    lambda calls: calls.moments(at=NAIVE, body=[]),
    lambda calls: calls.moments(at=AWARE, body=[NAIVE]),
    lambda calls: calls.form(files_=[], at=NAIVE),
]


@pytest.mark.parametrize("call", NAIVELY)
def test_a_date_time_without_a_time_zone_is_refused_before_anything_is_sent(
    calls: Any, call: Callable[[Any], object]
) -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        call(calls)


def test_files_are_sent_as_files_even_without_a_name(kinds: ModuleType, calls: Any) -> None:
    file = kinds.types.File(BytesIO(b"\xff"))
    content = sent(calls.form(files_=[file, file], photo=file, untyped=file, at=AWARE)).content
    names = [b'name="%s"; filename="upload"' % name for name in (b"files", b"photo", b"untyped")]
    assert [content.count(name) for name in names] == [2, 1, 1]
    assert b"photo" not in sent(calls.form(files_=[file], photo=None, at=AWARE)).content


def test_a_part_and_a_text_are_sent_as_the_media_type_that_is_described(kinds: ModuleType, calls: Any) -> None:
    file = kinds.types.File(BytesIO(b"a"), "a.png", "image/png")
    body = kinds.models.Offer(sdp="v=0", note="n", session=kinds.models.OfferSession(), file=file)
    call = calls.offer(body=body)
    types = re.findall(rb'name="(\w+)"[^\r]*\r\nContent-Type: ([^\r]+)', sent(call).content)
    kinds_sent = [b"application/sdp", b"text/plain", b"application/json", b"image/png"]
    assert types == list(zip([b"sdp", b"note", b"session", b"file"], kinds_sent, strict=True))
    assert sent(call).headers["Accept"] == "application/sdp"
    assert call.parse(httpx.Response(201, text="v=0")) == "v=0"
    request = sent(calls.set_offer(body="v=0"))
    assert (request.headers["Content-Type"], request.content) == ("application/sdp", b"v=0")


def test_bytes_of_any_media_type_are_sent_and_read_and_nothing_has_no_type(kinds: ModuleType, calls: Any) -> None:
    image = sent(calls.set_image(body=kinds.types.File(BytesIO(b"png"))))
    assert (image.headers["Content-Type"], image.content) == ("image/png", b"png")
    assert "Content-Type" not in sent(calls.set_image()).headers
    for call in (calls.get_image(), calls.set_image()):
        assert call.parse(httpx.Response(200, content=b"\x00")).payload.read() == b"\x00"


def test_an_operation_that_only_redirects_answers_the_location(kinds: ModuleType, calls: Any) -> None:
    call = calls.page()
    assert call.parse(httpx.Response(302, headers={"Location": "/there"})) == "/there"
    assert call.parse_error(httpx.Response(401, json={"a": 1})) == {"a": 1}
    for call in (calls.page(), calls.never()):
        with pytest.raises(kinds.errors.UnexpectedStatus):
            call.parse(httpx.Response(200))


@pytest.mark.parametrize(
    ("properties", "attribute", "read"),
    [
        *(({name: "x"}, f"{name}_", "x") for name in ("files", "json", "types", "cls")),
        *(
            ({"moment": text}, "moment", text)
            for text in ("2020", "20240115", "2024-01", "2024-W01", "2026-01-02T03:04")
        ),
        ({"moment": "2026-01-02T03:04:05+00:00"}, "moment", AWARE),
        *(({"day": text}, "day", text) for text in ("20240115", "2024-W01", "other")),
        ({"day": "2026-01-02"}, "day", date(2026, 1, 2)),
        *(({"uid": text}, "uid", text) for text in ("d41d8cd98f00b204e9800998ecf8427e", f"{{{UUID(int=1)}}}")),
        ({"uid": str(UUID(int=1))}, "uid", UUID(int=1)),
        ({"when": "2026-01-02"}, "when", date(2026, 1, 2)),
        ({"when": "2026-01-02T03:04:05+00:00"}, "when", AWARE),
        ({"who": {"id": "1"}}, "who", "Short"),
        ({"who": {"id": "1", "name": "a"}}, "who", "Full"),
        ({"who": {"id": "1", "name": "a", "more": 1}}, "who", "Full"),
        ({"who": None}, "who", "NoneType"),
        *(({"either": value}, "either", kind) for value, kind in NULLABLE),
        *(({"whose": [value]}, "whose", kind) for value, kind in LISTED),
        ({"whose": []}, "whose", "list"),
        ({"both": {"id": "1", "more": 2}}, "both", "AuthorizationResourceBothType0"),
        *(({name: None}, name, "NoneType") for name in ("both", "level", "state")),
        ({"level": "low"}, "level", "LevelType1"),
        ({"state": "on"}, "state", "AuthorizationResourceStateType1"),
        ({"how": {"status": "a"}}, "how", "Password"),
        ({"how": {"status": "a", "url": "b"}}, "how", "OAuth"),
    ],
)
def test_a_property_is_read_as_what_it_is_and_written_back_alike(
    calls: Any, properties: dict[str, Any], attribute: str, read: object
) -> None:
    body = {"nothing": None, **properties}
    answer = calls.get_answer().parse(httpx.Response(200, json=body))
    value = getattr(answer, attribute)
    first = value[0] if value and attribute == "whose" else value
    assert (type(first).__name__ if attribute in JUDGED else value) == read
    assert answer.to_dict() == body


@pytest.mark.parametrize(
    ("properties", "attribute", "kind"),
    [
        ({"animal": {"kind": "cat", "lives": 9, "at": None}}, "animal", "AnimalType0"),
        ({"animal": {"kind": "dog", "tail": 1.5}}, "animal", "AnimalType1"),
        ({"animal": None}, "animal", "NoneType"),
        ({"id": "1", "short": {"id": "1", "name": None}}, "id", "str"),
        *(({name: "12345"}, name, "str") for name in ("limited", "created_at", "createdAt", "content")),
        ({"tail": 2.5}, "tail", "float"),
        ({"inner": {"a": "x"}}, "inner", "ComposedType1InnerModel"),
        ({"one": {"c": "x"}, "other": {"d": "x"}}, "other", "ComposedType1Other"),
        *(({"order": value}, "order", "ComposedType1Order") for value in ("asc", "ASC", "a sc", "a_sc")),
    ],
)
def test_a_composition_is_read_whole_and_written_back_alike(
    calls: Any, properties: dict[str, Any], attribute: str, kind: str
) -> None:
    answer = calls.compose(body=None).parse(httpx.Response(200, json=properties))
    assert type(getattr(answer, attribute)).__name__ == kind
    assert answer.to_dict() == properties


def test_a_text_is_sent_and_read_as_it_is_and_its_refusal_is_that_of_a_shared_answer(calls: Any) -> None:
    call = calls.set_text(body="ä", where='[{"a": 1}]', x_list="a,b")
    request = sent(call)
    assert (request.headers["Content-Type"], request.content) == ("text/plain;charset=utf-8", "ä".encode())
    assert (request.url.params["where"], request.headers["X-List"]) == ('[{"a": 1}]', "a,b")
    assert call.parse(httpx.Response(200, text="5")) == "5"
    assert call.parse_error(httpx.Response(404, json={"code": "no"})).code == "no"


def test_a_server_that_could_answer_in_several_media_types_is_asked_for_the_one_that_is_read(calls: Any) -> None:
    assert sent(calls.get_answer()).headers["Accept"] == "application/json"
    assert sent(calls.get_image()).headers["Accept"] == "*/*"


@pytest.mark.parametrize("extra", [None, {"a": 1}, [{}]])
def test_an_error_with_a_list_of_anything_is_read(calls: Any, extra: object) -> None:
    error = calls.get_answer().parse_error(httpx.Response(404, json={"extra": extra}))
    assert error.to_dict() == {"extra": extra}
