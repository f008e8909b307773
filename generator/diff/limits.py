"""Compares what bounds a value: lengths, numbers, patterns and formats."""

from collections.abc import Iterator
from typing import Any, Final

from generator.diff.change import Change, Level
from generator.diff.normal import Normal
from generator.diff.place import Place

# How a limit is called in oasdiff's ids, whether a larger value is the stricter one, and what it is unsaid.
_LIMITS: Final = {
    "maxLength": ("max-length", -1, None),
    "minLength": ("min-length", 1, 0),
    "maxItems": ("max-items", -1, None),
    "minItems": ("min-items", 1, 0),
    "maxProperties": ("max-properties", -1, None),
    "minProperties": ("min-properties", 1, 0),
}
_BOUNDS: Final = {"minimum": ("exclusiveMinimum", "min", 1), "maximum": ("exclusiveMaximum", "max", -1)}
_TYPED: Final = {"date", "date-time", "uuid", "binary", "password", None}
# Each format and those that hold all of its values; a number without a format holds them all.
_WIDER: Final[dict[Any, set[Any]]] = {
    "int32": {"int64", None},
    "int64": {None},
    "float": {"double", None},
    "double": {None},
}
_NUMERIC: Final = {*_WIDER, None}


def compare_limits(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    """Yield what differs: a request must not be bound more, an answer is read as it comes."""
    for keyword, (word, sign, unsaid) in _LIMITS.items():
        before, after = _number(old, keyword), _number(new, keyword)
        if (unsaid if before is None else before) != (unsaid if after is None else after):
            yield _limit(word, keyword, (before, after), sign, place)
    yield from _bounds(old, new, place)
    yield from _multiples(old, new, place)
    if (was := old.schema.get("uniqueItems") is True) != (now := new.schema.get("uniqueItems") is True):
        yield _bound(f"unique-items-{'set' if now else 'unset'}", "uniqueItems", was, now, stricter=now, place=place)
    yield from _pattern(old, new, place)
    yield from _format(old, new, place)


def _limit(word: str, keyword: str, both: tuple[float | None, float | None], sign: int, place: Place) -> Change:
    before, after = both
    if before is None or after is None:
        verb, stricter = ("set", True) if before is None else ("unset", False)
    else:
        verb, stricter = "increased" if after > before else "decreased", (after - before) * sign > 0
    return _bound(f"{word}-{verb}", keyword, before, after, stricter=stricter, place=place)


def _bounds(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    for keyword, (exclusive, word, sign) in _BOUNDS.items():
        before, after = (_strictest(each, keyword, exclusive, sign) for each in (old, new))
        if before == after:
            continue
        stricter = before is None or (after is not None and after > before)
        is_exclusive = bool(before and before[1]) or bool(after and after[1])
        if before is None or after is None:
            verb = "set" if before is None else "unset"
        else:
            verb = "increased" if stricter == (sign > 0) else "decreased"
        rule = f"{'exclusive-' * is_exclusive}{word}-{verb}"
        yield _bound(rule, keyword, _told(before, sign), _told(after, sign), stricter=stricter, place=place)


def _strictest(schema: Normal, keyword: str, exclusive: str, sign: int) -> tuple[float, bool] | None:
    """Return the bound and whether it is excluded itself, so that the stricter of two is the larger one."""
    said, other = _number(schema, keyword), _number(schema, exclusive)
    bounds = [] if said is None else [(said * sign, schema.schema.get(exclusive) is True)]  # true: written as in 3.0
    return max([*bounds, *([] if other is None else [(other * sign, True)])], default=None)


def _told(bound: tuple[float, bool] | None, sign: int) -> str:
    return "none" if bound is None else f"{bound[0] * sign}{' itself excluded' * bound[1]}"


def _multiples(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    before, after = _number(old, "multipleOf"), _number(new, "multipleOf")
    if before != after:
        verb = "set" if before is None else "unset" if after is None else "changed"
        stricter = after is not None and (before is None or not after or before % after != 0)
        yield _bound(f"multiple-of-{verb}", "multipleOf", before, after, stricter=stricter, place=place)


def _bound(rule: str, keyword: str, before: object, after: object, *, stricter: bool, place: Place) -> Change:
    text = f"{keyword}: {'none' if before is None else before} became {'none' if after is None else after}"
    return place.change(rule, text, Level.BREAKING if stricter else Level.MINOR, Level.PATCH)


def _pattern(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    before, after = old.schema.get("pattern"), new.schema.get("pattern")
    if before != after:
        verb = "removed" if after is None else "added" if before is None else "changed"
        level = Level.MINOR if after is None else Level.BREAKING
        yield place.change(f"pattern-{verb}", f"pattern: {before} became {after}", level, Level.PATCH)


def _format(old: Normal, new: Normal, place: Place) -> Iterator[Change]:
    before, after = old.schema.get("format"), new.schema.get("format")
    if before == after or {before, after} <= _TYPED:
        return
    wider = after is None or after in _WIDER.get(before, ()) if {before, after} <= _NUMERIC else after is None
    verb = "generalized" if wider else "changed"
    level = Level.MINOR if wider else Level.BREAKING
    yield place.change(f"format-{verb}", f"format: {before or 'none'} became {after or 'none'}", level, Level.PATCH)


def _number(schema: Normal, keyword: str) -> float | None:
    value = schema.schema.get(keyword)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
