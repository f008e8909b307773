"""How values of an answer are read and values of a request are written.

Messages name the property and never hold its value: it may be a secret, and messages end in logs.
"""

import datetime
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx
from dateutil.parser import isoparse

T = TypeVar("T")


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


def null(value: object, name: str) -> None:
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


def date_time(value: object, name: str) -> datetime.datetime:
    return _converted(isoparse, value, name, "an ISO 8601 date and time")


def date(value: object, name: str) -> datetime.date:
    return _converted(datetime.date.fromisoformat, value, name, "an ISO 8601 date")


def uuid(value: object, name: str) -> UUID:
    return _converted(UUID, value, name, "a UUID")


def json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None


def if_it_fits(read: Callable[[httpx.Response], object | None], response: httpx.Response) -> object | None:
    try:
        return read(response)
    except Exception:  # a refusal with an unusual body stays that refusal
        return None


def segment(value: object, name: str) -> str:
    """Return a path parameter as one segment of a path; an empty one or dots would address another resource."""
    text = quote(str(value), safe="")
    if text in {"", ".", ".."}:
        raise ValueError(f"{name}: cannot stand in a path")
    return text
