"""Finds the way in a document that is being changed: plain data, whose nodes are those of the document itself."""

from collections.abc import Iterator
from typing import Any

from generator.spec.document import Pointer, pointer_of
from generator.spec.operations import METHODS


def place(data: Any, pointer: Pointer) -> list[Any]:
    """Return the nodes on the way to a place, as far as there is one."""
    nodes = [data]
    for step in pointer:
        node = nodes[-1]
        if isinstance(node, dict) and step in node:
            nodes.append(node[step])
        elif isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            nodes.append(node[int(step)])
        else:
            break
    return nodes


def at(data: Any, pointer: Pointer) -> Any:
    """Return what stands at a place that is there."""
    for step in pointer:
        data = data[int(step)] if isinstance(data, list) else data[step]
    return data


def operations(data: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the operations with their paths and methods."""
    for path, item in (data.get("paths") or {}).items():
        yield from ((path, method, item[method]) for method in METHODS if isinstance(item.get(method), dict))


def written_out(data: dict[str, Any], pointer: Pointer) -> dict[str, Any]:
    """Write what a `$ref` leads to in its place, where it may be changed for this operation alone."""
    owner = at(data, pointer[:-1])
    while "$ref" in owner[pointer[-1]]:
        owner[pointer[-1]] = dict(at(data, pointer_of(owner[pointer[-1]]["$ref"])))
    node: dict[str, Any] = owner[pointer[-1]]
    return node


def parameters_at(data: dict[str, Any], path: str, method: str) -> Iterator[dict[str, Any]]:
    """Yield the parameters of a path and of an operation."""
    for node in (data["paths"][path], data["paths"][path][method]):
        for each in node.get("parameters") or []:
            yield at(data, pointer_of(each["$ref"])) if "$ref" in each else each
