"""All that differs between two documents, the worst first: operations, classes, and what only our extensions say.

The contracts of the session are compared as the package has them, so another way to write the same is no change.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from attrs import evolve
from openapi_python_client.strings import ClassName, PythonIdentifier

from generator.diff.change import Change, Level
from generator.diff.normal import normal
from generator.diff.operations import compare_operations
from generator.errors import SpecError
from generator.lint.losses import identifiers
from generator.lint.validity import references
from generator.spec.address import base_url
from generator.spec.contract import Node, expression, refresh_contract
from generator.spec.document import Document, Pointer
from generator.spec.naming import FIELD_PREFIX
from generator.spec.operations import operations

_CONTRACT: Final = "x-signedin-refresh"
# What a session does differently, and no program has to know; the rest breaks.
_MINOR: Final = {"dead": "refresh-contract-dead-changed", "subject": "refresh-contract-changed"}
# It follows from the documented refusals, which are compared themselves.
_DERIVED: Final = "error_properties"
# What the generated package or a program shows of a change of the spec.
_SHOWN: Final = ("python-api-changed", "consumer-does-not-type-check")


def compare(old: Document, new: Document) -> list[Change]:
    """Return the differences, the worst first; each one once, however many operations it concerns.

    Raises:
        SpecError: A document is so odd that it cannot be compared; `lint` says how.
    """
    for document in (old, new):
        _require_comparable(document)
    try:
        differences = {*compare_operations(old, new), *_classes(old, new), *compare_contract(old, new)}
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise SpecError(f"{old.path} and {new.path}: cannot be compared ({type(error).__name__}). Run lint.") from error
    # As text: an order is something that users see.
    if not differences and json.dumps(old.data) != json.dumps(new.data):
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
    for name in _class_names(old) - _class_names(new):
        yield Change("api-schema-removed", Level.BREAKING, f"components/schemas/{name}", f"the class {name} is gone")


def _class_names(document: Document) -> set[str]:
    schemas = document.at(("components", "schemas")) or {}
    named = (normal(document, {"$ref": f"#/components/schemas/{name}"}).name for name in schemas)
    return {str(ClassName(name, FIELD_PREFIX)) for name in named if name}


def compare_contract(old: Document, new: Document) -> Iterator[Change]:
    """Yield what differs in how the session is refreshed, what calls do to the tokens, and the server's address."""
    before, after = refresh_contract(old), refresh_contract(new)
    if before and not after:
        yield Change("refresh-contract-removed", Level.BREAKING, _CONTRACT, "the session is not refreshed any more")
    elif after and not before:
        yield Change("refresh-contract-added", Level.MINOR, _CONTRACT, "the session is refreshed from now on")
    elif before and after:
        yield from _contract_parts(before, after)
    yield from _effects(old, new)
    if (was := base_url(old)) != (now := base_url(new)):
        yield Change("server-changed", Level.MINOR, "servers", f"the default base URL {was} became {now}")


def _contract_parts(before: Node, after: Node) -> Iterator[Change]:
    for path, was, now in _differences(before, after):
        part, where = path[0], "/".join((_CONTRACT, *path))
        text = " became ".join("its default" if each is None else expression(each) for each in (was, now))
        if part == "grace":
            level = Level.MINOR if was is None or now is None else Level.PATCH
            yield Change("refresh-contract-grace-changed", level, where, text)
        elif part != _DERIVED:
            level = Level.MINOR if part in _MINOR else Level.BREAKING
            yield Change(_MINOR.get(part, "refresh-contract-changed"), level, where, text)


def _differences(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield the smallest parts that differ, by the names of the fields on the way there."""
    if isinstance(before, Node) and isinstance(after, Node) and before.kind == after.kind:
        for name in dict.fromkeys([*before.fields, *after.fields]):
            yield from _differences(before.fields.get(name), after.fields.get(name), (*path, name))
    elif expression(before) != expression(after):
        yield path, before, after


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
        for name in {**one, **other}:
            if one.get(name) != other.get(name):
                level = Level.MINOR if name == "optional" else Level.BREAKING
                text = f"{name}: {one.get(name)} became {other.get(name)}"
                yield Change("x-signedin-tokens-changed", level, each.id, text)


def grouped(changes: Iterable[Change]) -> list[Change]:
    """Put beneath a change what comes of it: the same in the other direction, and what packages and programs show."""
    heads, by_text, by_word = list[Change](), dict[tuple[str, str], int](), dict[str, int]()
    for each in sorted(changes, key=lambda one: (-one.level, one.rule in _SHOWN)):
        about = _about(each)
        at = next((by_word[word] for word in sorted(about) if word in by_word), None)
        at = by_text.get((each.where, each.message), at)
        if at is not None:
            heads[at] = evolve(heads[at], follows=(*heads[at].follows, each))
            continue
        by_text[each.where, each.message] = len(heads)
        for word in about or re.findall(r"\w+", f"{each.where} {each.message}"):
            by_word.setdefault(word, len(heads))
            by_word.setdefault(str(PythonIdentifier(word, FIELD_PREFIX)), len(heads))
        heads.append(each)
    return heads


def _about(change: Change) -> set[str]:
    """Return the names that a finding of the package or a program is about: griffe says it last, mypy in quotes."""
    if change.rule not in _SHOWN:
        return set()
    if change.rule == "python-api-changed":
        return {change.message.rpartition(": ")[2], change.where.rpartition(".")[2]}
    return set(re.findall(r'"(\w+)"', change.message))


def located(changes: Iterable[Change], document: Document) -> list[Change]:
    """Give each change the line of its place in the document, or of what is nearest around it."""
    places: dict[str, Pointer] = {each.id: ("paths", each.path, each.method) for each in operations(document)}
    result = []
    for each in changes:
        if pointer := _pointer(document, places, each.where):
            file, line = document.where(pointer)
            each = evolve(each, file=file or document.path, line=line)  # noqa: PLW2901
        result.append(each)
    return result


def _pointer(document: Document, places: dict[str, Pointer], where: str) -> Pointer:
    first, *rest = where.split("/")
    pointer = places.get(first, ())
    for step in rest if pointer else (first, *rest):
        node = document.at(pointer)
        parameters = (node.get("parameters") if isinstance(node, dict) else None) or []
        names = [(document.resolve(each) or {}).get("name") for each in parameters]
        steps = [(step,), ("properties", step), ("responses", step)]
        steps += [("parameters", str(names.index(step)))] if step in names else []
        inner = next((each for each in steps if document.at((*pointer, *each)) is not None), None)
        if inner is None:
            break
        pointer = (*pointer, *inner)
    return pointer
