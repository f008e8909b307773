"""How the answers of an operation are paged, as the spec says it: the extension of ours, those of others, links.

`x-signedin-pages`: `items` (a JSON pointer to the list) and one of `cursor: {parameter, at}`,
`page: {parameter, first}`, `offset: {parameter}`, `url` (a pointer to the next page's address) and `link: true` (the
header Link, rel=next).
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from attrs import define

from generator.spec.directions import properties
from generator.spec.document import Document
from generator.spec.operations import OperationFacts

Names = tuple[str, ...]
Kind = Literal["cursor", "page", "offset", "url", "link"]
_KINDS: Final[tuple[Kind, ...]] = ("cursor", "page", "offset", "url", "link")


class PagesError(ValueError):
    """The spec describes pages that cannot be fetched."""


@define(frozen=True)
class Paging:
    """Where the items of a page stand, and what leads to the next one; places are names of properties."""

    kind: Kind
    items: Names
    parameter: str = ""
    at: Names = ()
    first: int = 1


def paging(document: Document, operation: OperationFacts) -> Paging | None:
    """Return how the operation is paged, None if the spec does not say.

    Raises:
        PagesError: It says so of a parameter or a property that is not there.
    """
    schema = _success(document, operation)
    readers = (_ours, _speakeasy, _links, _link_header)
    result = next((paged for read in readers if (paged := read(document, operation))), None)
    if result is None:
        return None
    query = {str(each.get("name")) for each in operation.parameters(document) if each.get("in") == "query"}
    if result.parameter and result.parameter not in query:
        raise PagesError(f"the query has no parameter {result.parameter!a}")
    if _plain(document, _at(document, schema, result.items)).get("type") != "array":
        raise PagesError(f"/{'/'.join(result.items)} is no list of the answer")
    if result.at:
        _at(document, schema, result.at)
    return result


def _ours(_: Document, operation: OperationFacts) -> Paging | None:
    match operation.node.get("x-signedin-pages"):
        case None:
            return None
        case {"items": str(), **rest} | {**rest} if len(kinds := [each for each in _KINDS if each in rest]) == 1:
            [kind] = kinds
            value = rest[kind]
            items = _pointer(operation.node["x-signedin-pages"].get("items", ""))
            if kind in {"url", "link"}:
                return Paging(kind, items, at=_pointer(value) if isinstance(value, str) else ())
            if isinstance(value, dict) and isinstance(value.get("parameter"), str):
                first = value.get("first", 1)
                return Paging(
                    kind, items, value["parameter"], _pointer(value.get("at", "")), first if first in {0, 1} else 1
                )
    raise PagesError("x-signedin-pages takes `items` and one of cursor, page, offset, url, link")


def _speakeasy(_: Document, operation: OperationFacts) -> Paging | None:
    match operation.node.get("x-speakeasy-pagination"):
        case {"type": "cursor", "inputs": [*inputs], "outputs": {"nextCursor": str(at)} as outputs}:
            return Paging("cursor", _path(outputs.get("results")), _input(inputs, "cursor"), _path(at))
        case {"type": "offsetLimit", "inputs": [*inputs], "outputs": dict(outputs)}:
            kind: Kind = "page" if _input(inputs, "page") else "offset"
            return Paging(kind, _path(outputs.get("results")), _input(inputs, kind))
        case {"type": "url", "outputs": {"nextUrl": str(at)} as outputs}:
            return Paging("url", _path(outputs.get("results")), at=_path(at))
    return None


def _input(inputs: list[Any], kind: str) -> str:
    names = (each.get("name") for each in inputs if isinstance(each, dict) and each.get("type") == kind)
    return str(next(names, ""))


def _links(document: Document, operation: OperationFacts) -> Paging | None:
    """Read a link of the answer to the operation itself, with a parameter of the answer's body."""
    for link in _of_success(document, operation, "links"):
        parameters = link.get("parameters")
        if link.get("operationId") != operation.id or not isinstance(parameters, dict) or len(parameters) != 1:
            continue
        [(name, at)] = parameters.items()
        if isinstance(at, str) and at.startswith("$response.body#/"):
            schema = _success(document, operation)
            lists = [
                each for each, inner in properties(document, schema) if _plain(document, inner).get("type") == "array"
            ]
            items = (lists[0],) if len(lists) == 1 else ()
            return Paging("cursor", items, name.removeprefix("query."), _pointer(at.partition("#")[2]))
    return None


def _link_header(document: Document, operation: OperationFacts) -> Paging | None:
    """Read a documented header Link of an answer that is a list; whoever documents one names the next page in it."""
    headers = (
        name
        for node in _answers(document, operation)
        for name in (node.get("headers") if isinstance(node.get("headers"), dict) else None) or {}
    )
    is_list = _plain(document, _success(document, operation)).get("type") == "array"
    return Paging("link", ()) if is_list and any(name.lower() == "link" for name in headers) else None


def _answers(document: Document, operation: OperationFacts) -> Iterator[dict[str, Any]]:
    for status, node in (operation.node.get("responses") or {}).items():
        if status[:1] == "2":
            yield document.resolve(node) or {}


def _of_success(document: Document, operation: OperationFacts, key: str) -> Iterator[dict[str, Any]]:
    for node in _answers(document, operation):
        for each in (node.get(key) or {}).values():
            yield document.resolve(each) or {}


def _success(document: Document, operation: OperationFacts) -> dict[str, Any]:
    """Return the schema of the JSON that a success answers."""
    for node in _answers(document, operation):
        for kind, media in (node.get("content") or {}).items():
            if "json" in kind and isinstance(media, dict):
                return document.resolve(media.get("schema")) or {}
    return {}


def _at(document: Document, schema: dict[str, Any], names: Names) -> dict[str, Any]:
    for name in names:
        inner = dict(properties(document, _plain(document, schema)))
        if name not in inner:
            raise PagesError(f"the answer has no property {name!a}")
        schema = inner[name]
    return schema


def _plain(document: Document, schema: Any) -> dict[str, Any]:
    """Return a schema behind its references, and without null beside it."""
    schema = document.resolve(schema) or {}
    members = [each for key in ("anyOf", "oneOf") for each in schema.get(key) or [] if each.get("type") != "null"]
    if len(members) == 1:
        return _plain(document, members[0])
    kinds = schema.get("type")
    others = [each for each in kinds if each != "null"] if isinstance(kinds, list) else []
    return {**schema, "type": others[0]} if len(others) == 1 else schema


def _pointer(text: str) -> Names:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


def _path(text: object) -> Names:
    """Return the names in `$.data.items`, `$response.data` or `$response.body#/data`."""
    return tuple(re.findall(r"[\w-]+", re.sub(r"^\$(response)?(\.body#)?", "", str(text)))) if text else ()
