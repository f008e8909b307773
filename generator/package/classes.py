"""Gives each inline schema a class of its own: upstream names it after its place, and refuses two of one name.

It also makes the objects inside a component's union twice; here they become components.
"""

from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field
from openapi_python_client.strings import ClassName, PythonIdentifier, pascal_case

from generator.package.composition import Schema
from generator.spec.document import Document
from generator.spec.naming import FIELD_PREFIX
from generator.spec.operations import operations
from generator.spec.schemas import UNIONS, class_of, is_object, is_union, referred_name

NULL: Final = {"type": "null"}
# What says something about a value without saying what it is.
NOTES: Final = frozenset({"default", "deprecated", "description", "example", "examples", "title"})
_BESIDE_ALIAS: Final = NOTES | {"allOf", "anyOf", "oneOf", "discriminator", "type"}
_BODIES: Final = {"application/x-www-form-urlencoded": "data", "multipart/form-data": "files"}


def name_apart(document: Document, components: dict[str, Any]) -> None:
    """Title the schemas whose classes would share a module with another, in place."""
    names = _Names({_module(class_of(name, each)): each for name, each in _classes(components)})
    for name, schema in components.items():
        names.inside(schema, name, "")
    for each in operations(document):
        owner = PythonIdentifier(each.id, FIELD_PREFIX)
        for parameter in each.parameters(document):
            names.inside(parameter.get("schema"), str(parameter.get("name")), owner)
        content = (document.resolve(each.node.get("requestBody")) or {}).get("content") or {}
        for kind, media in content.items():
            suffix = f"_{_BODIES.get(kind, 'json' if 'json' in kind else 'content')}" if len(content) > 1 else ""
            names.inside(media.get("schema"), "body", f"{owner}{suffix}")
        for status, node in (each.node.get("responses") or {}).items():
            for media in ((document.resolve(node) or {}).get("content") or {}).values():
                names.inside(media.get("schema"), f"response_{status}", owner)


def _classes(components: dict[str, Any]) -> Iterator[tuple[str, Schema]]:
    for name, each in components.items():
        if isinstance(each, dict) and (is_object(each) or "enum" in each):
            yield name, each


def _module(class_name: str) -> str:
    return PythonIdentifier(class_name, FIELD_PREFIX)


@define
class _Names:
    """The modules of a package, and the schema that each is made of."""

    _taken: dict[str, Schema]

    def inside(self, schema: Any, name: str, parent: str) -> None:
        """Walk a schema as upstream does: `parent` is the class around it, empty for a component."""
        if not isinstance(schema, dict) or "$ref" in schema:
            return
        members = [each for key in UNIONS for each in schema.get(key) or []]
        if schema.get("enum"):
            self._own(schema, name, parent)
        elif members:
            for index, each in enumerate(members):
                self.inside(each, f"{name}_{subscript(each, schema, index)}", parent)
        elif "items" in schema:
            self.inside(schema["items"], f"{name}_item", parent)
        elif is_object(schema):
            class_name = self._own(schema, name, parent)
            for part in (schema, *(schema.get("allOf") or [])):
                for key, each in (part.get("properties") or {}).items():
                    self.inside(each, key, class_name)
            self.inside(schema.get("additionalProperties"), "AdditionalProperty", class_name)

    def _own(self, schema: Schema, name: str, parent: str) -> str:
        if not parent:
            return class_of(name, schema)

        def made(title: str) -> str:
            return ClassName(f"{pascal_case(parent)}{pascal_case(title)}", FIELD_PREFIX)

        title = str(schema.get("title") or name)
        names = (title, name, f"{name}_model", *(f"{name}_model_{number}" for number in range(2, len(self._taken) + 3)))
        title = next(each for each in names if self._is_free(_module(made(each)), schema))
        if title != schema.get("title", name):
            schema["title"] = title
        self._taken[_module(made(title))] = schema
        return made(title)

    def _is_free(self, module: str, schema: Schema) -> bool:
        other = self._taken.get(module)
        return other is None or other is schema or (bool(schema.get("enum")) and other.get("enum") == schema["enum"])


def alias_of(schema: Any) -> str | None:
    """Return the `$ref` that a schema says nothing but notes beside, and that stands in a list of its own."""
    if not isinstance(schema, dict) or schema.keys() - _BESIDE_ALIAS or "default" in schema:
        return None
    if schema.get("type", "object") != "object":
        return None
    members = [each for key in ("allOf", "anyOf", "oneOf") for each in schema.get(key) or []]
    reference = members[0].get("$ref") if len(members) == 1 else None
    return reference if referred_name(reference) else None


@define
class Lift:
    """Gives the objects inside the unions of components names, those that upstream would give them."""

    components: dict[str, Any]
    _classes: set[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        for each in self.components.values():
            if isinstance(each, dict):
                self._unfold_types(each)
        self._classes = {class_of(name, each) for name, each in _classes(self.components)}

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
        match [each for _, each in members if each != NULL]:
            case [dict() as only] if is_object(only):  # the component, which may be null: its class has its name
                only.setdefault("title", name)
        for index, (key, member) in enumerate(members):
            lifted[key].append(self._lifted(member, f"{name}_{subscript(member, schema, index)}"))
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
        for key in inner.keys() - NOTES | {"type", "nullable"}:
            schema.pop(key, None)
        schema["oneOf"] = [{**inner, "type": each} if each != "null" else dict(NULL) for each in types]

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


def subscript(member: Any, union: Schema, index: int) -> str:
    title = member.get("title") if isinstance(member, dict) else None
    return title if title and title != union.get("title") else f"type_{index}"


def _plain(schema: Any) -> Any:
    reference = alias_of(schema)
    return {"$ref": reference} if reference else schema
