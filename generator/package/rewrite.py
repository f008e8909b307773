"""Writes a document in the words that openapi-python-client reads; it means the same.

Upstream passes a lone `$ref` of an `allOf` through and drops what stands beside it, looks at the properties of an
`allOf`'s members and not at what these are composed of, and makes the classes inside a component's union twice.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from openapi_python_client.strings import PythonIdentifier, snake_case

from generator.package.classes import NOTES, NULL, Lift, alias_of, name_apart
from generator.package.composition import OWN, Compositions, constrains_only, merge
from generator.spec.directions import relax
from generator.spec.document import Document, Pointer, pointer_of
from generator.spec.naming import FIELD_PREFIX
from generator.spec.operations import WIRE_NAME, operations
from generator.spec.schemas import UNIONS, is_object, is_text, is_union, kind_of, referred_name, schemas, sent_as
from generator.spec.streams import only_streams

Schema = dict[str, Any]
_STRUCTURE: Final = frozenset(
    {"components", "content", "items", "paths", "properties", "responses", "schema", "schemas"}
)
_MOST_NESTED: Final = 50
_SPELLED: Final = {"<": "_lt", ">": "_gt", "=": "_eq", "!": "_not", "*": "_any", "+": "_plus", "-": "_minus"}


def rewrite(document: Document) -> Document:
    """Return a document that upstream reads as it is meant."""
    data = _copied(document.data)
    data.setdefault("paths", {})
    only_streams(data)
    if str(data.get("openapi")).startswith("3.2"):  # which upstream does not read; what it adds is mended or refused
        data["openapi"] = "3.1.1"
    for pointer, node in document.changed(data).nodes:
        if isinstance(content := node.get("content"), dict):
            is_sent = pointer[-1:] == ("requestBody",) or pointer[:2] == ("components", "requestBodies")
            node["content"] = {_spelled(kind, is_sent=is_sent): media for kind, media in content.items()}
    every = [schema for _, schema in schemas(data) if isinstance(schema, dict)]
    components = data.setdefault("components", {}).setdefault("schemas", {})
    _lift_referred(document.changed(data), components, every)
    relax(document.changed(data), every)
    compositions = Compositions(document.changed(data).resolve)
    for schema in reversed(every):  # what is inside first
        _write(schema, compositions)
    for schema in every:
        _unfold_null(schema)
    for each in operations(document):
        _name_apart(document, data["paths"][each.path][each.method])
    _follow_aliases(components, every)
    Lift(components).all()
    changed = document.changed(data)
    name_apart(changed, components)
    return changed


def _spelled(kind: str, *, is_sent: bool) -> str:
    """Call texts that are sent by their charset, and none that is answered: upstream sends and reads them as bytes."""
    if not is_text(kind_of(kind)):
        return kind
    return sent_as(kind) if is_sent else kind_of(kind)


def _name_apart(document: Document, operation: dict[str, Any]) -> None:
    """Give parameters of a query that would become one argument names of their own, and keep those on the wire."""
    parameters = [document.resolve(each) or {} for each in operation.get("parameters") or []]
    names = [str(each.get("name")) for each in parameters if each.get("in") == "query"]
    shared = Counter(PythonIdentifier(name, FIELD_PREFIX) for name in names)
    for index, each in enumerate(parameters):
        name = str(each.get("name"))
        spelled = "".join(_SPELLED.get(letter, letter) for letter in name)
        if each.get("in") == "query" and shared[PythonIdentifier(name, FIELD_PREFIX)] > 1 and spelled != name:
            operation["parameters"][index] = {**each, "name": spelled, WIRE_NAME: name}


def owner_of(name: str, names: Iterator[str] | dict[str, Any]) -> str:
    """Return the schema of the document that a schema's place in it was, if it has none of its own."""
    return max((each for each in names if name == each or name.startswith(f"{each}_")), key=len, default=name)


def _copied(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _copied(value) for key, value in node.items()}
    return [_copied(each) for each in node] if isinstance(node, list) else node


def _write(schema: Schema, compositions: Compositions) -> None:
    type_ = schema.get("type")
    if "array" in (type_ if isinstance(type_, list) else [type_]) and "prefixItems" not in schema:
        schema.setdefault("items", {})
    if _is_null(schema):
        schema |= NULL
        del schema["nullable"], schema["additionalProperties"]
    if schema.get("items") is False:  # behind prefixItems
        del schema["items"]
    if isinstance(schema.get("default"), dict | list):  # which is not used, and refused beside a union
        del schema["default"]
    if "patternProperties" in schema and schema.get("additionalProperties") is False:
        del schema["additionalProperties"]  # or what fits the patterns would be dropped
    if isinstance(schema.get("enum"), list):
        _name_values(schema)
    _write_composition(schema, compositions)
    _write_null(schema)


def _write_null(schema: Schema) -> None:
    """Add null to the values of an enum, or the members of a union, if the type beside them allows it."""
    if "null" not in (schema.get("type") or ()) and schema.get("nullable") is not True:
        return
    if isinstance(values := schema.get("enum"), list) and None not in values:
        values.append(None)
    if isinstance(schema.get("type"), list) and (key := next((each for each in UNIONS if schema.get(each)), None)):
        del schema["type"]
        schema[key] = [*schema[key], dict(NULL)]


def _name_values(schema: Schema) -> None:
    """Name the values of an enum of which two would be one member."""
    values = list(dict.fromkeys(each for each in schema["enum"] if isinstance(each, str)))
    names = schema.get("x-enum-varnames")
    if not isinstance(names, list) or len(names) != len(values):
        names = [each if each[:1].isalpha() else f"VALUE_{index}" for index, each in enumerate(values)]
    members = dict[str, str]()
    for name in map(snake_case, map(str, names)):
        numbered = (f"{name}_{number}" if number > 1 else name for number in range(1, len(names) + 1))
        members.setdefault(next(each for each in numbered if each not in members), name)
    if list(members) != list(members.values()):
        schema["x-enum-varnames"] = list(members)


def _write_composition(schema: Schema, compositions: Compositions) -> None:
    for key in UNIONS:
        if key in schema and constrains_only(schema, key):
            del schema[key]
    if schema.get("allOf"):
        merge(schema)
    for each in compositions.distribute(schema):
        _write(each, compositions)
    _tell_apart([each for key in ("anyOf", "oneOf") for each in schema.get(key) or [] if isinstance(each, dict)])
    if schema.get("allOf"):
        compositions.override(schema)
    if schema.get("allOf"):
        _compose(schema)


def _is_null(schema: Schema) -> bool:
    """Say whether a schema of OpenAPI 3.0 stands for null, which that has no type for: a closed object of nothing."""
    is_closed = schema.get("type") == "object" and schema.get("additionalProperties") is False
    return is_closed and schema.get("nullable") is True and not schema.get("properties")


def _tell_apart(members: list[Schema]) -> None:
    """Take the titles of members that share one, which would share a variable or a class."""
    titles = Counter(each.get("title") for each in members)
    for each in members:
        if titles[each.get("title")] > 1:
            each.pop("title", None)


def _compose(schema: Schema) -> None:
    schema["allOf"] = members = [part for each in schema["allOf"] for part in _flat(each)]
    if len(members) > 1 or schema.get("anyOf") or schema.get("oneOf"):
        return
    [only] = members
    if "$ref" in only:
        if any(key in schema for key in OWN):
            members.append({"type": "object"})
    elif not is_object(only):
        del schema["allOf"]
        schema |= {**only, **schema}


def _flat(member: Schema) -> Iterator[Schema]:
    if "$ref" in member or not member.get("allOf") or member.get("oneOf") or member.get("anyOf"):
        yield member
        return
    yield from member["allOf"]
    if rest := {key: value for key, value in member.items() if key in OWN}:
        yield rest


def _unfold_null(schema: Schema) -> None:
    type_ = schema.get("type")
    nullable = schema.get("nullable") is True or (isinstance(type_, list) and "null" in type_)
    if not nullable or not schema.get("allOf") or is_union({**schema, "type": None}):
        return
    inner = {key: value for key, value in schema.items() if key not in NOTES and key != "nullable"}
    if type_ is not None:
        inner["type"] = "object"
    for key in inner.keys() | {"nullable"}:
        schema.pop(key, None)
    schema["oneOf"] = [dict(NULL), inner]


def _lift_referred(document: Document, components: dict[str, Any], every: list[Schema]) -> None:
    """Make components of what schemas refer to inside of others and of answers, where upstream does not look."""
    for schema in every:
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/") or referred_name(reference):
            continue
        pointer, target = _schema_at(document, pointer_of(reference))
        if not isinstance(target, dict):
            continue
        if referred_name(target.get("$ref")) is None:
            words = "_".join(step for step in pointer if re.fullmatch(r"\w+", step) and step not in _STRUCTURE)
            names = (f"{words}{number or ''}" for number in range(len(components) + 1))
            name = next(each for each in names if each not in components)
            components[name] = dict(target)
            target.clear()
            target["$ref"] = f"#/components/schemas/{name}"
        schema["$ref"] = target["$ref"]


def _schema_at(document: Document, pointer: Pointer) -> tuple[Pointer, Any]:
    """Return a schema with its place; of an answer, that of its body."""
    for _ in range(_MOST_NESTED):
        node = document.at(pointer)
        if isinstance(node, dict) and isinstance(node.get("content"), dict) and node["content"]:
            pointer = (*pointer, "content", next(iter(node["content"])), "schema")
        elif isinstance(node, dict) and str(node.get("$ref")).startswith("#/") and not referred_name(node["$ref"]):
            pointer = pointer_of(node["$ref"])
        else:
            return pointer, node
    return pointer, None


def _follow_aliases(components: dict[str, Any], every: list[Schema]) -> None:
    """Point to what a component is another name for: upstream makes the classes inside that twice, too."""
    aliases: dict[str | None, str] = {
        name: reference for name, each in components.items() if (reference := alias_of(each))
    }
    for schema in every if aliases else ():
        for _ in aliases:  # which may stand for one another, at worst in a circle
            if (name := referred_name(schema.get("$ref"))) in aliases:
                schema["$ref"] = aliases[name]
    for each in aliases:
        del components[str(each)]
