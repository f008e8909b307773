"""`generate --leave-out`: makes of a spec that cannot be printed whole one that can, and says what that costs.

Who does not own a spec cannot mend it. What the linter refuses gets a name of its own, loses its type or is left out,
the least that helps; `unread` then asks openapi-python-client what it could not read either.
"""

import copy
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from attrs import evolve
from openapi_python_client.strings import PythonIdentifier

from generator.document import Document, Pointer, pointer_of
from generator.lint import Finding, lint
from generator.lint.losses import is_sendable
from generator.operations import FIELD_PREFIX, METHODS, operations

# What one round removes, another may have needed: each finds what refers to what the one before took away.
_ROUNDS: Final = 20
_TEXTS: Final = frozenset({"description", "summary", "title", "example"})
# A contract of tokens that does not hold is worth less than none, and nobody's but its owner's to mend.
_OURS: Final = frozenset({"refresh-contract", "tokens-effect"})


def mended(document: Document) -> tuple[Document, list[Finding]]:
    """Return a document that the linter accepts, and what it cost.

    What is left among the findings as an error is beyond mending.
    """
    data, told = copy.deepcopy(document.data), list[Finding]()
    tried = Counter[tuple[str, Pointer]]()
    for _ in range(_ROUNDS):
        changed = document.changed(data)
        errors = [finding for finding in lint(changed) if finding.is_error]
        told += list(_round(data, errors, tried))
        if not errors or any(finding.is_error for finding in told):
            return changed, told
    return changed, [*told, *errors]


def _round(data: dict[str, Any], errors: list[Finding], tried: Counter[tuple[str, Pointer]]) -> Iterator[Finding]:
    """Mend what still stands where it was found; the next round judges anew what another mend took away or moved."""
    found = {finding.pointer: (finding, _place(data, finding.pointer)) for finding in errors}
    # From the end, so that what stands in a list keeps its number until its turn comes.
    for pointer in sorted(found, key=lambda each: [step.zfill(9) for step in each], reverse=True):
        finding, place = found[pointer]
        if [*map(id, _place(data, pointer))] != [*map(id, place)]:
            continue
        times = tried[finding.rule, pointer]
        tried[finding.rule, pointer] += 1
        done = None if finding.rule in _OURS or times > 1 else _mend(data, finding, is_first=not times)
        yield evolve(finding, is_error=False, advice=done) if done else finding


def _place(data: Any, pointer: Pointer) -> list[Any]:
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


def _mend(data: dict[str, Any], finding: Finding, *, is_first: bool) -> str | None:
    """Do the least that may help, and what does help where that did not."""
    mend = _MENDS.get(finding.rule) if is_first else None
    done = mend(data, finding.pointer) if mend else None
    return done or leave_out(data, finding.pointer)


def leave_out(data: dict[str, Any], pointer: Pointer) -> str | None:
    """Take away what stands around a place: an operation, a path, the type of a schema. Say what it was."""
    match pointer:
        case ("paths", path, method, *_) if method in METHODS:
            if data["paths"].get(path, {}).pop(method, None) is None:
                return "Gone with something else."
            return f"Left out: {method.upper()} {path}."
        case ("paths", path, *_):
            data["paths"].pop(path, None)
            return f"Left out: every operation of {path}."
        case ("components", "schemas", name, *_):
            untyped(data, name)
            return f"Left untyped: {name}."
        case ("components", kind, name, *_):
            data["components"].get(kind, {}).pop(name, None)
            return f"Left out: {name}."
    return None


def untyped(data: dict[str, Any], name: str) -> None:
    """Let a schema accept any value: it is read and written as plain JSON."""
    data["components"]["schemas"][name] = {}


def _at(data: Any, pointer: Pointer) -> Any:
    for step in pointer:
        data = data[int(step)] if isinstance(data, list) else data[step]
    return data


def _operations(data: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in (data.get("paths") or {}).items():
        yield from ((path, method, item[method]) for method in METHODS if isinstance(item.get(method), dict))


def _root_security(data: dict[str, Any], _: Pointer) -> str:
    security = data.pop("security")
    for _path, _method, node in _operations(data):
        node.setdefault("security", security)
    return "Written on each operation that has none."


def _identified(data: dict[str, Any], pointer: Pointer) -> str:
    _, path, method, *_ = pointer
    taken = {node.get("operationId") for _, _, node in _operations(data)}
    made = str(PythonIdentifier(f"{method}_{re.sub(r'[^A-Za-z0-9]+', '_', path)}", FIELD_PREFIX))
    name = next(each for each in _numbered(made) if each not in taken)
    data["paths"][path][method]["operationId"] = name
    return f"It is called {name}."


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in range(2, 1_000_000))


def _tagged(data: dict[str, Any], pointer: Pointer) -> str:
    data["paths"][pointer[1]][pointer[2]]["tags"] = ["default"]
    return "It is tagged `default`."


def _other_tag(data: dict[str, Any], pointer: Pointer) -> str:
    node = data["paths"][pointer[1]][pointer[2]]
    node["tags"] = [f"{node['tags'][0]} api"]
    return f"Its tag is `{node['tags'][0]}`."


def _named(data: dict[str, Any], pointer: Pointer) -> str | None:
    match pointer:
        case ("components", "schemas", name) if "$ref" not in data["components"]["schemas"][name]:
            return _titled(data["components"]["schemas"], name)
        case (*_, "parameters", _):
            return _without_parameter(data, pointer)
        case (*owner, "properties", name):
            return _without_property(_at(data, tuple(owner)), name)
        case (*owner, ("enum" | "x-enum-varnames") as key, _):
            _at(data, tuple(owner)).pop(key, None)
            return "Its values have no names."
        case ("paths", _, _, "operationId"):
            return _identified(data, pointer)
        case ("paths", _, _, "tags"):
            return _one_tag(data, pointer)
    return None


def _titled(schemas: dict[str, Any], name: str) -> str:
    taken = {str(each.get("title") or key).casefold() for key, each in schemas.items() if isinstance(each, dict)}
    letters = re.sub(r"[^A-Za-z0-9]", "", name) or "Schema"
    title = next(each for each in (f"{letters}Model", *_bare_numbers(letters)) if each.casefold() not in taken)
    schemas[name]["title"] = title
    return f"Its class is {title}."


def _bare_numbers(name: str) -> Iterator[str]:
    return (f"{name}Model{number}" for number in range(2, 10_000))


def _without_parameter(data: dict[str, Any], pointer: Pointer) -> str | None:
    parameters = _at(data, pointer[:-1])
    node = parameters[int(pointer[-1])]
    while "$ref" in node:
        node = _at(data, pointer_of(node["$ref"]))
    if node.get("required") or node.get("in") == "path":
        return None
    del parameters[int(pointer[-1])]
    return f"Left out: the {node.get('in')} parameter {node.get('name')!a}."


def _without_property(owner: dict[str, Any], name: str) -> str:
    owner["properties"].pop(name, None)
    owner["required"] = [each for each in owner.get("required") or [] if each != name]
    if not owner["required"]:
        del owner["required"]
    return "It stands in `additional_properties`."


def _one_tag(data: dict[str, Any], pointer: Pointer) -> str:
    wanted = PythonIdentifier(data["paths"][pointer[1]][pointer[2]]["tags"][0], "tag")
    tag = str(unicodedata.normalize("NFKC", wanted))  # no identifier of upstream's: the validator knows plain strings
    for _, _, node in _operations(data):
        if node.get("tags") and PythonIdentifier(node["tags"][0], "tag") == wanted:
            node["tags"] = [tag]
    return f"The tag is `{tag}`."


def _without_key(data: dict[str, Any], pointer: Pointer) -> str | None:
    owner, key = _at(data, pointer[:-1]), pointer[-1]
    if isinstance(owner.get(key), float):
        del owner[key]
        return f"Left out: the {key}."
    if key in _TEXTS and isinstance(owner.get(key), str):
        owner[key] = "".join(filter(_is_plain, owner[key]))
        return f"Left out: these characters of the {key}."
    return None


def _is_plain(letter: str) -> bool:
    return letter in "\t\n" or unicodedata.category(letter) not in {"Cc", "Cf"}


def _written_out(data: dict[str, Any], pointer: Pointer) -> dict[str, Any]:
    """Write what a `$ref` leads to in its place, where it may be changed for this operation alone."""
    owner = _at(data, pointer[:-1])
    while "$ref" in owner[pointer[-1]]:
        owner[pointer[-1]] = dict(_at(data, pointer_of(owner[pointer[-1]]["$ref"])))
    node: dict[str, Any] = owner[pointer[-1]]
    return node


def _sendable_body(data: dict[str, Any], pointer: Pointer) -> str | None:
    body = _written_out(data, pointer)
    content = {
        name: media for name, media in body.get("content", {}).items() if is_sendable(name) and "schema" in media
    }
    if not content:
        return None
    body["content"] = content
    return "Left out: this media type."


def _media_type(data: dict[str, Any], pointer: Pointer) -> str | None:
    if pointer[-1] == "requestBody":
        return _sendable_body(data, pointer)
    status = pointer[-1]
    if status.startswith("2") or status == "default":
        return None
    _written_out(data, pointer).pop("content", None)
    return "The error's `body` is untyped."


def _any_value(data: dict[str, Any], pointer: Pointer) -> str:
    owner, key = _at(data, pointer[:-1]), pointer[-1]
    owner[int(key) if isinstance(owner, list) else key] = {}
    return f"Left untyped: {'/'.join(pointer[-2:])}."


def _without_enum(data: dict[str, Any], pointer: Pointer) -> str:
    _at(data, pointer[:-1]).pop("enum", None)
    return "Any value of its type fits."


_Mend = Callable[[dict[str, Any], Pointer], str | None]
_MENDS: Final[dict[str, _Mend]] = {
    "root-security": _root_security,
    "operation-id-missing": _identified,
    "operation-id-duplicate": _identified,
    "name-unstable": _named,
    "name-empty": _named,
    "tag-missing": _tagged,
    "tag-reserved": _other_tag,
    "name-collision": _named,
    "name-reserved": _named,
    "parameter": _without_parameter,
    "characters": _without_key,
    "composition": _any_value,
    "enum": _without_enum,
    "reference-inside": _any_value,
    "schema-false": _any_value,
    "number": _without_key,
    "media-type": _media_type,
    "schema-missing": _media_type,
}


def count(document: Document) -> int:
    """Return how many operations a document has."""
    return sum(1 for _ in operations(document))
