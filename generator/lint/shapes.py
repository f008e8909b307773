"""The fields of `x-signedin-refresh` and `x-signedin-tokens`: which there are, and what each may hold.

A shape is a function that yields what is wrong with a value, and where inside it. Whether the fields fit the operations
is for `extensions`; `docs/contract.md` describes them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from generator.lint.finding import shown
from generator.spec.document import Pointer

Problems = Iterator[tuple[Pointer, str]]
Shape = Callable[[Any], Problems]

_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2; a cookie's name, too
_VISIBLE: Final = re.compile(r"[\x20-\x7e]*")
# Those that frame a request are the transport's.
_FRAMING: Final = {"connection", "content-length", "content-type", "host", "transfer-encoding"}
_LATER: Final = (408, 425, 429)  # no set: what is looked for may be a list
_DAY: Final = 86_400


def _that(message: str, holds: Callable[[Any], object]) -> Shape:
    """Return the shape of values that a predicate holds of."""

    def check(value: Any) -> Problems:
        if not holds(value):
            yield (), message

    return check


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_header(value: Any) -> bool:
    return isinstance(value, str) and bool(_HEADER.fullmatch(value)) and value.lower() not in _FRAMING


text: Final = _that("must be a text", lambda value: isinstance(value, str) and value)
header: Final = _that("must be the name of a header that a request may set", _is_header)
visible: Final = _that(
    "must be a text of visible ASCII", lambda value: isinstance(value, str) and _VISIBLE.fullmatch(value)
)
flag: Final = _that("must be true or false", lambda value: isinstance(value, bool))
scalar: Final = _that(
    "must be a text, a whole number or a boolean", lambda value: value is None or isinstance(value, str | int | bool)
)
status: Final = _that("must be a status from 400 to 499", lambda value: _is_whole(value) and 400 <= value <= 499)
seconds: Final = _that(
    "must be from 1 second to a day: a second request does not fit into less",
    lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= _DAY,
)
times: Final = _that("must be a whole number, 1 or more", lambda value: _is_whole(value) and value >= 1)
_plain: Final = _that("must have a plain name", lambda value: re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", value))
_filled: Final = _that("must be a list with at least one item", lambda value: isinstance(value, list) and value)
_map: Final = _that("must be a map of names", lambda value: isinstance(value, dict) and value)


def one_of(*values: str) -> Shape:
    return _that(f"must be {' or '.join(values)}", lambda value: value in values)


def listed(shape: Shape) -> Shape:
    def check(value: Any) -> Problems:
        yield from _filled(value)
        for index, each in enumerate(value if isinstance(value, list) else ()):
            yield from _within(str(index), shape(each))

    return check


def either(scalar_type: type | tuple[type, ...], plain: Shape, other: Shape) -> Shape:
    """Return a shape for values of a type, and another one for all else."""

    def check(value: Any) -> Problems:
        return plain(value) if isinstance(value, scalar_type) else other(value)

    return check


def names(shape: Shape) -> Shape:
    """Return the shape of a map whose keys are names of the user's."""

    def check(value: Any) -> Problems:
        yield from _map(value)
        for name, each in value.items() if isinstance(value, dict) else ():
            yield from _within(name, shape(each))

    return check


def fields(required: Mapping[str, Shape], optional: Mapping[str, Shape]) -> Shape:
    """Return the shape of a map with these fields and no other."""
    every = {**required, **optional}

    def check(value: Any) -> Problems:
        if not isinstance(value, dict):
            yield (), f"must be a map of {', '.join(every)}"
            return
        for name in value.keys() - every.keys():
            yield (name,), f"is not among the fields here: {', '.join(every)}"
        for name in required.keys() - value.keys():
            yield (), f"must have {name}"
        for name in value.keys() & every.keys():
            yield from _within(name, every[name](value[name]))

    return check


def _place(
    *wheres: str, values: Mapping[str, Shape] | None = None, optional: Mapping[str, Shape] | None = None
) -> Shape:
    """Return the shape of `{in, name, prefix}`; the name decides only where there is something to name."""
    more = {"prefix": visible, **(optional or {})}

    def check(value: Any) -> Problems:
        where = value.get("in") if isinstance(value, dict) else None
        name = {"name": header if where in ("header", "cookie") else text}
        required = {"in": one_of(*wheres), **({} if where == "bearer" else name), **(values or {})}
        yield from fields(required, more)(value)

    return check


def _setting(value: Any) -> Problems:
    return _place("body", "header", "query", "cookie", "path")(
        {"name": "x", **value} if isinstance(value, dict) else value
    )


def _settings(value: Any) -> Problems:
    yield from names(_setting)(value)
    for name, at in value.items() if isinstance(value, dict) else ():
        yield from _within(name, _plain(name))
        if isinstance(at, dict) and at.get("in") in ("header", "cookie") and "name" not in at:
            yield from _within(name, header(name))


def _sign(value: Any) -> Problems:
    if isinstance(value, dict) and value.keys() & {"header", "contains"}:
        yield from fields({"status": status, "header": header, "contains": text}, {})(value)
        return
    keys = value.keys() if isinstance(value, dict) else set[str]()
    at = {"at": text} if "at" in keys else {"property": text}
    values = {"in": listed(scalar)} if "in" in keys else {"equals": scalar}
    required = {"status": status, **({**at, **values} if keys - {"status"} else {})}
    yield from fields(required, {} if len(required) > 1 else {"property": text, "at": text})(value)
    if isinstance(value, dict) and "equals" in value and value["equals"] is None:
        yield ("equals",), "must be a text, a whole number or a boolean"


def _expired(value: Any) -> Problems:
    if isinstance(value, dict):
        return _sign(value)
    return listed(_sign)(value)


def _dead(value: Any) -> Problems:
    yield from listed(either(int, status, _sign))(value)
    for each in value if isinstance(value, list) else ():
        if (each.get("status") if isinstance(each, dict) else each) in _LATER:
            yield (), "lists a status that asks to try again later (408, 425, 429): a busy server would sign users out"


_REQUEST_PLACE: Final = either(str, text, _place("body", "header", "bearer", "cookie", "query", "path"))
_TARGET: Final = _place("body", "header", "cookie", "query")
_ANSWER: Final = either(str, text, _place("body", "header", "cookie"))
_ABSENT: Final = one_of("refuse", "keep", "none")
_CONSTANTS: Final = either(
    dict, names(text), listed(_place("body", "header", "query", "cookie", "path", values={"value": text}))
)
REQUEST: Final = fields(
    {},
    {
        "refreshToken": _REQUEST_PLACE,
        "accessToken": _REQUEST_PLACE,
        "constants": _CONSTANTS,
        "settings": _settings,
        "client": one_of("basic", "body"),
        "carry": listed(fields({"from": _ANSWER, "to": _TARGET}, {})),
        "encoding": one_of("json", "form"),
    },
)
RESPONSE: Final = fields(
    {},
    {
        "accessToken": _ANSWER,
        "refreshToken": either(str, text, _place("body", "header", "cookie", optional={"absent": _ABSENT})),
        "absent": _ABSENT,
        "expires": fields({"at": _ANSWER, "as": one_of("seconds", "milliseconds", "epoch", "date-time")}, {}),
    },
)
REFRESH: Final = fields(
    {},
    {
        "preset": one_of("oauth2"),
        "operationId": text,
        "url": text,
        "request": REQUEST,
        "response": RESPONSE,
        "expired": _expired,
        "dead": _dead,
        "grace": fields({"seconds": seconds}, {"times": times, "header": header}),
        "attach": fields({"header": header}, {"prefix": visible}),
        "subject": either(str, text, listed(text)),
        "renew": one_of("refresh", "signIn", "ahead"),
    },
)
TOKENS: Final[Mapping[str, Shape]] = {
    "issues": fields(
        {"effect": one_of("issues")},
        {
            "when": _place("body", "header", "query", "cookie", values={"equals": text}),
            "response": RESPONSE,
            "optional": flag,
        },
    ),
    "revokes": fields({"effect": one_of("revokes")}, {"request": REQUEST}),
}


def labelled(at: Pointer, message: str, name: str) -> str:
    """Return a problem as a sentence about the field that it stands in."""
    return f"{'.'.join((name, *(shown(step)[1:-1] for step in at)))} {message}."


def _within(step: str, problems: Problems) -> Problems:
    for at, message in problems:
        yield (step, *at), message
