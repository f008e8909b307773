"""Compares what only our extensions say: how the session is refreshed, and what calls do to the tokens.

The contracts are compared as the package has them, so another way to write the same is no change.
"""

from collections.abc import Iterator
from typing import Any, Final

from generator.diff.change import Change, Level
from generator.spec.address import base_url
from generator.spec.contract import Node, expression, refresh_contract
from generator.spec.document import Document
from generator.spec.operations import operations

_PLACE: Final = "x-signedin-refresh"
# What a session does differently, and no program has to know.
_MINOR: Final = {"dead": "refresh-contract-dead-changed", "subject": "refresh-contract-changed"}
# It follows from the documented refusals, which are compared themselves.
_DERIVED: Final = "error_properties"


def compare_contract(old: Document, new: Document) -> Iterator[Change]:
    """Yield what differs."""
    before, after = refresh_contract(old), refresh_contract(new)
    if before and not after:
        yield Change("refresh-contract-removed", Level.BREAKING, _PLACE, "the session is not refreshed any more")
    elif after and not before:
        yield Change("refresh-contract-added", Level.MINOR, _PLACE, "the session is refreshed from now on")
    elif before and after:
        yield from _parts(before, after)
    yield from _effects(old, new)
    if (was := base_url(old)) != (now := base_url(new)):
        yield Change("server-changed", Level.MINOR, "servers", f"the default base URL {was} became {now}")


def _parts(before: Node, after: Node) -> Iterator[Change]:
    for path, was, now in _differences(before, after):
        part, where = path[0], "/".join((_PLACE, *path))
        text = f"{_text(was)} became {_text(now)}"
        if part == "grace":
            level = Level.MINOR if was is None or now is None else Level.PATCH
            yield Change("refresh-contract-grace-changed", level, where, text)
        elif part in _MINOR:
            yield Change(_MINOR[part], Level.MINOR, where, text)
        elif part != _DERIVED:
            yield Change("refresh-contract-changed", Level.BREAKING, where, text)


def _differences(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield the smallest parts that differ, by the names of the fields on the way there."""
    if isinstance(before, Node) and isinstance(after, Node) and before.kind == after.kind:
        for name in dict.fromkeys([*before.fields, *after.fields]):
            yield from _differences(before.fields.get(name), after.fields.get(name), (*path, name))
    elif expression(before) != expression(after):
        yield path, before, after


def _text(value: Any) -> str:
    return "its default" if value is None else expression(value)


def _effects(old: Document, new: Document) -> Iterator[Change]:
    before = {each.id: each for each in operations(old)}
    for each in operations(new):
        was = before.get(each.id, each)
        if was.effect != each.effect:
            level = Level.BREAKING if was.effect else Level.MINOR
            text = f"effect on the tokens: {was.effect or 'none'} became {each.effect or 'none'}"
            yield Change("x-signedin-tokens-changed", level, each.id, text)
            continue
        one, other = ((node.node.get("x-signedin-tokens") or {}) for node in (was, each))
        changed = [name for name in {**one, **other} if one.get(name) != other.get(name)]
        for name in changed:
            level = Level.MINOR if name == "optional" else Level.BREAKING
            text = f"{name}: {one.get(name)} became {other.get(name)}"
            yield Change("x-signedin-tokens-changed", level, each.id, text)
