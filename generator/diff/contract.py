"""Compares what only our extensions say: how the session is refreshed, and what calls do to the tokens."""

from collections.abc import Iterator
from typing import Any

from generator.diff.change import Change, Level
from generator.spec.address import base_url
from generator.spec.contract import refreshes
from generator.spec.document import Document
from generator.spec.operations import operations

_PLACE = "x-signedin-refresh"


def compare_contract(old: Document, new: Document) -> Iterator[Change]:
    """Yield what differs."""
    before, after = _refresh(old), _refresh(new)
    if before and not after:
        yield Change("refresh-contract-removed", Level.BREAKING, _PLACE, "the session is not refreshed any more")
    elif after and not before:
        yield Change("refresh-contract-added", Level.MINOR, _PLACE, "the session is refreshed from now on")
    elif before and after:
        yield from _parts(before, after)
    yield from _effects(old, new)
    if (was := base_url(old)) != (now := base_url(new)):
        yield Change("server-changed", Level.MINOR, "servers", f"the default base URL {was} became {now}")


def _refresh(document: Document) -> dict[str, Any]:
    return next((each.value for each in refreshes(document) if isinstance(each.value, dict)), {})


def _parts(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for part in ("operationId", "request", "response", "expired"):
        if before.get(part) != after.get(part):
            text = f"{part}: {before.get(part)} became {after.get(part)}"
            yield Change("refresh-contract-changed", Level.BREAKING, f"{_PLACE}/{part}", text)
    if set(before.get("dead") or ()) != set(after.get("dead") or ()):
        text = f"statuses of a dead refresh token: {before.get('dead')} became {after.get('dead')}"
        yield Change("refresh-contract-dead-changed", Level.MINOR, f"{_PLACE}/dead", text)
    if before.get("grace") != after.get("grace"):
        lost = before.get("grace") and not after.get("grace")
        level = Level.MINOR if lost or not before.get("grace") else Level.PATCH
        text = f"{before.get('grace')} became {after.get('grace')}"
        yield Change("refresh-contract-grace-changed", level, f"{_PLACE}/grace", text)


def _effects(old: Document, new: Document) -> Iterator[Change]:
    before = {each.id: each.effect for each in operations(old)}
    for each in operations(new):
        was = before.get(each.id, each.effect)
        if was != each.effect:
            level = Level.BREAKING if was else Level.MINOR
            text = f"effect on the tokens: {was or 'none'} became {each.effect or 'none'}"
            yield Change("x-signedin-tokens-changed", level, each.id, text)
