"""All that differs between two documents, the worst first."""

import json
from collections.abc import Iterator
from typing import Any

from openapi_python_client.strings import ClassName

from generator.diff.change import Change, Level
from generator.diff.normal import normal
from generator.diff.operations import Operations
from generator.errors import SpecError
from generator.lint.losses import identifiers
from generator.lint.validity import references
from generator.spec.contract import base_url, refreshes
from generator.spec.document import Document
from generator.spec.operations import operations

# Compares what only our extensions say: how the session is refreshed, and what calls do to the tokens.


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


def compare(old: Document, new: Document) -> list[Change]:
    """Return the differences, the worst first; each one once, however many operations it concerns.

    Raises:
        SpecError: A document is so odd that it cannot be compared; `lint` says how.
    """
    for document in (old, new):
        _require_comparable(document)
    try:
        differences = {*Operations(old, new).compare(), *_classes(old, new), *compare_contract(old, new)}
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise SpecError(f"{old.path} and {new.path}: cannot be compared ({type(error).__name__}). Run lint.") from error
    if not differences and json.dumps(old.data) != json.dumps(
        new.data
    ):  # as text: an order is something that users see
        text = "texts, examples, the order, or what no method shows"
        differences = {Change("documentation-changed", Level.PATCH, "the document", text)}
    return sorted(differences, key=lambda each: (-each.level, each.where, each.rule, each.message))


def _require_comparable(document: Document) -> None:
    """Refuse what would be compared without being seen: what stands in other files, and what no name tells apart."""
    problems = [*references(document), *identifiers(document)]
    if problems:
        lines = "\n".join(each.text(document.path) for each in problems[:3])
        more = f"\nand {len(problems) - 3} more" if len(problems) > 3 else ""
        raise SpecError(f"{document.path}: cannot be compared as a whole.\n{lines}{more}")


def _classes(old: Document, new: Document) -> Iterator[Change]:
    """A class is imported by its name, so a schema that is called otherwise is gone."""
    before, after = _printed(old), _printed(new)
    for name in before - after:
        yield Change("api-schema-removed", Level.BREAKING, f"components/schemas/{name}", f"the class {name} is gone")


def _printed(document: Document) -> set[str]:
    schemas = document.at(("components", "schemas"))
    named = {name: normal(document, {"$ref": f"#/components/schemas/{name}"}) for name in schemas or {}}
    return {str(ClassName(each.name, "field_")) for each in named.values() if each.name}
