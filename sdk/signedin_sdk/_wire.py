"""How values of an answer are read and values of a request are written.

Messages name the property and never hold its value: it may be a secret, and messages end in logs.
"""

import datetime
import enum
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from json import dumps
from typing import Any, Final, Generic, NoReturn, Protocol, TypeVar
from urllib.parse import quote
from uuid import UUID

import attrs
import httpx

from .errors import UnexpectedStatus
from .types import File, Unset

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)
# 2: no enum holds a value that the spec does not name. 1: none of a single value, which is a tag. 0: each may.
_strictness: ContextVar[int] = ContextVar("_strictness", default=0)


def _refuse(value: object, name: str, expected: str) -> NoReturn:
    raise TypeError(f"{name}: expected {expected}, got {type(value).__name__}")


def string(value: object, name: str) -> str:
    return value if isinstance(value, str) else _refuse(value, name, "a string")


def boolean(value: object, name: str) -> bool:
    return value if isinstance(value, bool) else _refuse(value, name, "a boolean")


def integer(value: object, name: str) -> int:
    # JSON knows one kind of number: 1.0 is an integer (JSON Schema 2020-12, section 6.1.1).
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else _refuse(value, name, "an integer")


def number(value: object, name: str) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else _refuse(value, name, "a number")


def null(value: object, name: str) -> Any:
    return None if value is None else _refuse(value, name, "null")


def array(value: object, name: str) -> list[Any]:
    return value if isinstance(value, list) else _refuse(value, name, "an array")


def mapping(value: object, name: str) -> dict[str, Any]:
    """Return a copy that may be emptied."""
    return dict(value) if isinstance(value, dict) else _refuse(value, name, "an object")


def _converted(convert: Callable[[str], T], value: object, name: str, expected: str) -> T:
    text = string(value, name)
    try:
        return convert(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{name}: expected {expected}") from None


_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:[0-5]\d)", re.ASCII)


def _moment(text: str) -> datetime.datetime:
    if _RFC_3339.fullmatch(text):  # as most are
        try:
            return datetime.datetime.fromisoformat(text)
        except ValueError:  # 24:00, on Python 3.11 and 3.12
            pass
    # It knows all of ISO 8601, takes ten times as long, and its import a third of that of httpx.
    from dateutil.parser import isoparse

    return isoparse(text)


def date_time(value: object, name: str) -> datetime.datetime:
    return _converted(_moment, value, name, "an ISO 8601 date and time")


def date(value: object, name: str) -> datetime.date:
    return _converted(datetime.date.fromisoformat, value, name, "an ISO 8601 date")


def uuid(value: object, name: str) -> UUID:
    return _converted(UUID, value, name, "a UUID")


_FORMS: Final = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"),
    "local": re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "uuid": re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
}


def is_form(value: object, form: str) -> bool:
    """Say whether a text is written exactly so: beside another kind of text, "20240115" is no date."""
    return isinstance(value, str) and _FORMS[form].fullmatch(value) is not None


def closest(data: object, name: str, *members: Callable[[Any], Any]) -> Any:
    """Return the model, or the list, that fits and reads the most properties; a closed model has to read all."""
    fitting: list[tuple[bool, int, Any]] = []
    for read in members:
        try:
            value = read(data)
        except (TypeError, ValueError, AttributeError, KeyError):
            continue
        is_closed, unread = _unread(data, value)
        if not unread:
            return value
        fitting.append((is_closed, unread, value))
    if not fitting:
        raise TypeError(f"{name}: of no type that the spec names")
    return min(fitting, key=lambda each: each[:2])[2]


def _unread(data: Any, value: Any) -> tuple[bool, int]:
    """Count the properties of an object, or of those of a list, that are no attributes; may they be there?"""
    if isinstance(data, list):
        inner = [_unread(*pair) for pair in zip(data, value, strict=True)]
        return any(is_closed for is_closed, _ in inner), sum(unread for _, unread in inner)
    if not isinstance(data, dict):
        return False, 0
    declared = [each.name for each in attrs.fields(type(value)) if each.init] if attrs.has(type(value)) else []
    unread = len(data) - sum(not isinstance(getattr(value, each), Unset) for each in declared)
    return unread > 0 and not hasattr(value, "additional_properties"), unread


def member(values: type[E], value: str | int, name: str) -> E:
    """Return the enum's member; a value that the spec does not name fits where no other member of a union does."""
    strictness = _strictness.get()
    if (strictness > 1 or (strictness and len(values) == 1)) and value not in values._value2member_map_:
        raise ValueError(f"{name}: of no value that the spec names")
    return values(value)


def fitting(read: Callable[[object], T], data: object) -> T:
    """Read the first member of a union whose enums know their values, or at least their tags, or that can hold it."""
    if _strictness.get():  # of a union around this one, which tries its own members
        return read(data)
    for strictness in (2, 1):
        before = _strictness.set(strictness)
        try:
            return read(data)
        except (TypeError, ValueError, AttributeError, KeyError):
            pass
        finally:
            _strictness.reset(before)
    return read(data)


def json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None


class Model(Protocol):
    """What reads a JSON object."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any], /) -> object: ...


Reader = type[Model] | Callable[[httpx.Response], object] | None


class Answers(Generic[T]):
    """The documented answers of an operation and what reads their bodies: a model, a function, nothing.

    A status stands for itself, `"4XX"` for its class, `"default"` for every other refusal.
    """

    __slots__ = ("_readers",)

    def __init__(self, readers: Mapping[int | str, Reader]) -> None:
        self._readers: Final = readers

    def read(self, response: httpx.Response) -> T:
        """Return the body of a success.

        Raises:
            UnexpectedStatus: The answer is no documented success.
        """
        status = response.status_code
        for key in (status, f"{status // 100}XX"):
            if key in self._readers and (200 <= status <= 299 or self._readers[key] is location):
                body: T = _body(self._readers[key], response)
                return body
        raise UnexpectedStatus(response.status_code, response.content)

    def read_error(self, response: httpx.Response) -> object | None:
        """Return the body of a documented refusal; one with an unusual body stays a refusal, without it."""
        status = response.status_code
        for key in (status, f"{status // 100}XX", "default") if not 200 <= status <= 299 else ():
            if key in self._readers:
                try:
                    body: object = _body(self._readers[key], response)
                except Exception:
                    break
                return body
        return None


def _body(reader: Reader, response: httpx.Response) -> Any:
    if isinstance(reader, type):
        model: Any = reader
        return model.from_dict(json(response))
    return reader(response) if reader else None


def text_body(response: httpx.Response) -> str:
    return response.text


def location(response: httpx.Response) -> str:
    """Return where a redirect leads, which is all that the operation answers."""
    return str(response.headers["Location"])


def segment(value: object, name: str) -> str:
    """Return a path parameter as one segment of a path; an empty one or dots would address another resource."""
    segment_ = quote(text(value), safe="")
    if segment_ in {"", ".", ".."}:
        raise ValueError(f"{name}: cannot stand in a path")
    return segment_


def moment(value: datetime.datetime) -> str:
    """Return a date-time as RFC 3339 writes it, which knows none without an offset."""
    if value.utcoffset() is None:
        raise ValueError("a date-time without a time zone says no moment: give it a tzinfo")
    return value.isoformat()


def plain(value: Any) -> Any:
    """Return what JSON holds of a value: of a list its items, of a model its properties."""
    match value:
        case list():
            return [plain(each) for each in value]
        case enum.Enum():
            return value.value
        case datetime.datetime():
            return moment(value)
        case datetime.date():
            return value.isoformat()
        case UUID():
            return str(value)
        case _:
            return value.to_dict() if hasattr(value, "to_dict") else value


def text(value: object) -> str:
    """Return a value as it is written where JSON is not."""
    match value:
        case bool():
            return "true" if value else "false"
        case enum.Enum():
            return str(value.value)
        case datetime.datetime():
            return moment(value)
        case datetime.date():
            return value.isoformat()
        case _:
            return str(value)


def texts(values: Mapping[str, object]) -> dict[str, str]:
    """Return headers or cookies; what is unset or null is not sent."""
    return {name: text(value) for name, value in values.items() if value is not None and not isinstance(value, Unset)}


def query(values: Mapping[str, object]) -> dict[str, Any]:
    """Return what a query holds: no value that is unset or null, the properties of an object beside the rest."""
    written: dict[str, Any] = {}
    for name, value in values.items():
        match plain(value):
            case dict() as properties:
                written |= {key: each for key, each in properties.items() if each is not None}
            case None | Unset():
                pass
            case one:
                written[name] = one
    return written


def joined(value: Any, delimiter: str) -> Any:
    """Return a list or an object as one value of a query (`explode: false`)."""
    match plain(value):
        case dict() as properties:
            return delimiter.join(text(each) for pair in properties.items() for each in pair)
        case list() as items:
            return delimiter.join(map(text, items))
        case one:
            return one


def deep(value: Any, name: str) -> Any:
    """Return an object as the values of a query (`style: deepObject`)."""
    written = plain(value)
    return {f"{name}[{key}]": each for key, each in written.items()} if isinstance(written, dict) else written


def put_json(kwargs: dict[str, Any], body: object, kind: str | None = None) -> None:
    if not isinstance(body, Unset):
        # httpx sends nothing for `json=None`.
        kwargs.update({"content": b"null"} if body is None else {"json": plain(body)})
        _put_kind(kwargs, kind or ("application/json" if body is None else None))


def put_data(kwargs: dict[str, Any], body: Any) -> None:
    if not isinstance(body, Unset):  # a form has no null
        kwargs["data"] = {name: value for name, value in body.to_dict().items() if value is not None}


def put_files(kwargs: dict[str, Any], body: Any, kinds: Mapping[str, str] | None = None) -> None:
    """Send a form of parts; `kinds` has the media types of texts, a file has its own."""
    if isinstance(body, Unset):
        return
    kwargs["files"] = files = body.to_multipart()  # httpx chooses a boundary that the parts do not hold
    for index, (name, (filename, content, kind)) in enumerate(files if kinds else ()):
        if filename is None:
            files[index] = (name, (filename, content, (kinds or {}).get(name, kind)))


def put_content(kwargs: dict[str, Any], body: Any, kind: str) -> None:
    if not isinstance(body, Unset):
        # An `AsyncClient` sends no file, and a file is not sent twice.
        kwargs["content"] = body.payload.read() if isinstance(body, File) else text(body).encode()
        _put_kind(kwargs, kind)


def _put_kind(kwargs: dict[str, Any], kind: str | None) -> None:
    if kind is not None:
        kwargs.setdefault("headers", {})["Content-Type"] = kind


def hidden(value: object) -> str:
    """Return what the repr of a model shows of a secret."""
    return repr(value) if value is None or isinstance(value, Unset) else "<hidden>"


def part(value: object) -> tuple[None, bytes, str]:
    """Return a part of a multipart body: a text, or JSON for what is none."""
    if isinstance(value, dict | list):
        return None, dumps(value).encode(), "application/json"
    return None, text(value).encode(), "text/plain"
