"""Other names for what the linter refuses because of its name; what cannot have another is left out."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from openapi_python_client.strings import PythonIdentifier

from generator.mend.places import at, operations
from generator.spec.document import Pointer, pointer_of
from generator.spec.naming import FIELD_PREFIX, OVERRIDES


def identified(data: dict[str, Any], pointer: Pointer) -> str:
    _, path, method, *_ = pointer
    taken = {node.get("operationId") for _, _, node in operations(data)}
    made = str(PythonIdentifier(f"{method}_{re.sub(r'[^A-Za-z0-9]+', '_', path)}", FIELD_PREFIX))
    name = next(each for each in _numbered(made) if each not in taken)
    node = data["paths"][path][method]
    node["operationId"] = name
    for key in OVERRIDES:
        node.pop(key, None)
    return f"It is called {name}."


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in range(2, 1_000_000))


def tagged(data: dict[str, Any], pointer: Pointer) -> str:
    data["paths"][pointer[1]][pointer[2]]["tags"] = ["default"]
    return "It is tagged `default`."


def other_tag(data: dict[str, Any], pointer: Pointer) -> str:
    node = data["paths"][pointer[1]][pointer[2]]
    node["tags"] = [f"{node['tags'][0]} api"]
    return f"Its tag is `{node['tags'][0]}`."


def named(data: dict[str, Any], pointer: Pointer) -> str | None:
    match pointer:
        case ("components", "schemas", name) if "$ref" not in data["components"]["schemas"][name]:
            return _titled(data["components"]["schemas"], name)
        case (*_, "parameters", _):
            return without_parameter(data, pointer)
        case (*owner, "properties", name):
            return _without_property(at(data, tuple(owner)), name)
        case ("paths", _, _, "operationId"):
            return identified(data, pointer)
        case ("paths", _, _, "tags"):
            return _one_tag(data, pointer)
    return None


def _titled(components: dict[str, Any], name: str) -> str:
    taken = {str(each.get("title") or key).casefold() for key, each in components.items() if isinstance(each, dict)}
    letters = re.sub(r"[^A-Za-z0-9]", "", name) or "Schema"
    titles = (f"{letters}Model{number if number > 1 else ''}" for number in range(1, 10_000))
    title = next(each for each in titles if each.casefold() not in taken)
    components[name]["title"] = title
    return f"Its class is {title}."


def without_parameter(data: dict[str, Any], pointer: Pointer) -> str | None:
    parameters = at(data, pointer[:-1])
    node = parameters[int(pointer[-1])]
    while "$ref" in node:
        node = at(data, pointer_of(node["$ref"]))
    if node.get("required") or node.get("in") == "path":
        return None
    del parameters[int(pointer[-1])]
    return f"Left out: the {node.get('in')} parameter {node.get('name')!a}."


def _without_property(owner: dict[str, Any], name: str) -> str:
    owner["properties"].pop(name, None)
    if owner.get("additionalProperties") is False:
        del owner["additionalProperties"]
    owner["required"] = [each for each in owner.get("required") or [] if each != name]
    if not owner["required"]:
        del owner["required"]
    return "It stands in `additional_properties`."


def _one_tag(data: dict[str, Any], pointer: Pointer) -> str:
    wanted = PythonIdentifier(data["paths"][pointer[1]][pointer[2]]["tags"][0], "tag")
    tag = str(unicodedata.normalize("NFKC", wanted))  # no identifier of upstream's: the validator knows plain strings
    for _, _, node in operations(data):
        if node.get("tags") and PythonIdentifier(node["tags"][0], "tag") == wanted:
            node["tags"] = [tag]
    return f"The tag is `{tag}`."
