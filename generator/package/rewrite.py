"""Writes a document in the words that openapi-python-client reads; it means the same.

Upstream passes a lone `$ref` of an `allOf` through and drops what stands beside it, looks at the properties of an
`allOf`'s members and not at what these are composed of, and makes the classes inside a component's union twice.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field
from openapi_python_client.strings import PythonIdentifier

from generator.spec.classes import class_of, is_object, is_union, referred_name
from generator.spec.directions import relax
from generator.spec.document import Document
from generator.spec.naming import FIELD_PREFIX
from generator.spec.operations import WIRE_NAME, operations
from generator.spec.schemas import schemas
from generator.spec.streams import only_streams

Schema = dict[str, Any]
_SPELLED: Final = {"<": "_lt", ">": "_gt", "=": "_eq", "!": "_not", "*": "_any", "+": "_plus", "-": "_minus"}
_NULL: Final = {"type": "null"}
_OWN: Final = ("properties", "required", "additionalProperties")
# What says something about a value without saying what it is.
_NOTES: Final = frozenset({"default", "deprecated", "description", "example", "examples", "title"})
_BESIDE_ALIAS: Final = _NOTES | {"allOf", "anyOf", "oneOf", "discriminator", "type"}
_CONSTRAINTS: Final = frozenset({"description", "not", "required", "title"})


def rewrite(document: Document) -> Document:
    """Return a document that upstream reads as it is meant."""
    data = _copied(document.data)
    data.setdefault("paths", {})
    only_streams(data)
    if str(data.get("openapi")).startswith("3.2"):  # which upstream does not read; what it adds is mended or refused
        data["openapi"] = "3.1.1"
    every = [schema for _, schema in schemas(data) if isinstance(schema, dict)]
    relax(document.changed(data), every)
    for schema in reversed(every):  # what is inside first
        _write(schema)
    for each in operations(document):
        _name_apart(document, data["paths"][each.path][each.method])
    components = (data.get("components") or {}).get("schemas") or {}
    _follow_aliases(components, every)
    _Lift(components).all()
    return document.changed(data)


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


def has_own_members(schema: Schema) -> bool:
    """Say whether a schema has properties beside what it is composed of."""
    return any(key in schema for key in _OWN)


def constrains_only(schema: Schema, key: str) -> bool:
    """Say whether the members of a union only ask for some of the properties around them, as no type can."""
    return all(isinstance(each, dict) and each.keys() <= _CONSTRAINTS for each in schema.get(key) or [])


def _copied(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _copied(value) for key, value in node.items()}
    return [_copied(each) for each in node] if isinstance(node, list) else node


def _write(schema: Schema) -> None:
    type_ = schema.get("type")
    if "array" in (type_ if isinstance(type_, list) else [type_]) and "prefixItems" not in schema:
        schema.setdefault("items", {})
    if schema.get("items") is False:  # behind prefixItems
        del schema["items"]
    if isinstance(schema.get("default"), dict | list):  # which is not used, and refused beside a union
        del schema["default"]
    if "patternProperties" in schema and schema.get("additionalProperties") is False:
        del schema["additionalProperties"]  # or what fits the patterns would be dropped
    for key in ("anyOf", "oneOf"):
        if key in schema and (schema.get("properties") or schema.get("allOf")) and constrains_only(schema, key):
            del schema[key]
    _tell_apart([each for key in ("anyOf", "oneOf") for each in schema.get(key) or [] if isinstance(each, dict)])
    if schema.get("allOf"):
        _compose(schema)
        _unfold_null(schema)


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
        if has_own_members(schema):
            members.append({"type": "object"})
    elif not is_object(only):
        del schema["allOf"]
        schema |= {**only, **schema}


def _flat(member: Schema) -> Iterator[Schema]:
    if "$ref" in member or not member.get("allOf") or member.get("oneOf") or member.get("anyOf"):
        yield member
        return
    yield from member["allOf"]
    if rest := {key: value for key, value in member.items() if key in _OWN}:
        yield rest


def _unfold_null(schema: Schema) -> None:
    type_ = schema.get("type")
    nullable = schema.get("nullable") is True or (isinstance(type_, list) and "null" in type_)
    if not nullable or not schema.get("allOf") or is_union({**schema, "type": None}):
        return
    inner = {key: value for key, value in schema.items() if key not in _NOTES and key != "nullable"}
    if type_ is not None:
        inner["type"] = "object"
    for key in inner.keys() | {"nullable"}:
        schema.pop(key, None)
    schema["oneOf"] = [dict(_NULL), inner]


def _follow_aliases(components: dict[str, Any], every: list[Schema]) -> None:
    """Point to what a component is another name for: upstream makes the classes inside that twice, too."""
    aliases: dict[str | None, str] = {
        name: reference for name, each in components.items() if (reference := _alias(each))
    }
    for schema in every if aliases else ():
        for _ in aliases:  # which may stand for one another, at worst in a circle
            if (name := referred_name(schema.get("$ref"))) in aliases:
                schema["$ref"] = aliases[name]
    for each in aliases:
        del components[str(each)]


def _alias(schema: Any) -> str | None:
    """Return the `$ref` that a schema says nothing but notes beside, and that stands in a list of its own."""
    if not isinstance(schema, dict) or schema.keys() - _BESIDE_ALIAS or "default" in schema:
        return None
    if schema.get("type", "object") != "object":
        return None
    members = [each for key in ("allOf", "anyOf", "oneOf") for each in schema.get(key) or []]
    reference = members[0].get("$ref") if len(members) == 1 else None
    return reference if referred_name(reference) else None


@define
class _Lift:
    """Gives the objects inside the unions of components names, those that upstream would give them."""

    components: dict[str, Any]
    _classes: set[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        named = [(name, each) for name, each in self.components.items() if isinstance(each, dict)]
        self._classes = {class_of(name, each) for name, each in named if is_object(each) or "enum" in each}

    def all(self) -> None:
        for name, schema in list(self.components.items()):
            self._inside(schema, name)

    def _inside(self, schema: Any, name: str) -> None:
        if not isinstance(schema, dict) or "$ref" in schema:
            return
        self._unfold_types(schema)
        members = [("anyOf", each) for each in schema.get("anyOf") or []]
        members += [("oneOf", each) for each in schema.get("oneOf") or []]
        lifted: dict[str, list[Any]] = {key: [] for key, _ in members}
        for index, (key, member) in enumerate(members):
            lifted[key].append(self._lifted(member, f"{name}_{_subscript(member, schema, index)}"))
        schema |= lifted
        if schema.get("type") == "array" and not members and (items := schema.get("items")):
            schema["items"] = _plain(items)
            self._inside(schema["items"], f"{name}_item")

    def _unfold_types(self, schema: Schema) -> None:
        type_ = schema.get("type")
        types = list(type_) if isinstance(type_, list) else [type_]
        if schema.get("nullable") is True and "null" not in types:
            types.append("null")
        if len(types) < 2 or not {"object", "array"} & set(types) or is_union({**schema, "type": None}):
            return
        inner = {key: value for key, value in schema.items() if key not in {"type", "nullable", "default"}}
        for key in inner.keys() - _NOTES | {"type", "nullable"}:
            schema.pop(key, None)
        schema["oneOf"] = [{**inner, "type": each} if each != "null" else dict(_NULL) for each in types]

    def _lifted(self, member: Any, name: str) -> Any:
        member = _plain(member)
        if not isinstance(member, dict) or "$ref" in member:
            return member
        if is_union(member):
            self._inside(member, name)
        elif member.get("type") == "array":
            member["items"] = self._lifted(member.get("items"), f"{name}_item")
        elif is_object(member):
            return {"$ref": f"#/components/schemas/{self._named(member, name)}"}
        return member

    def _named(self, schema: Schema, name: str) -> str:
        names = (f"{name}{number or ''}" for number in range(len(self.components) + 1))
        key = next(each for each in names if each not in self.components and self._is_free(each, schema))
        self._classes.add(class_of(key, schema))
        self.components[key] = schema
        return key.replace("~", "~0").replace("/", "~1")

    def _is_free(self, name: str, schema: Schema) -> bool:
        if class_of(name, schema) in self._classes:
            schema.pop("title", None)
        return class_of(name, schema) not in self._classes


def _subscript(member: Any, union: Schema, index: int) -> str:
    title = member.get("title") if isinstance(member, dict) else None
    return title if title and title != union.get("title") else f"type_{index}"


def _plain(schema: Any) -> Any:
    reference = _alias(schema)
    return {"$ref": reference} if reference else schema
