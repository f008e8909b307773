"""What openapi-python-client makes of a schema: a class, a union, another name for one."""

from typing import Any, Final

from openapi_python_client.strings import ClassName

from generator.spec.naming import FIELD_PREFIX

UNIONS: Final = ("anyOf", "oneOf")


def referred_name(reference: object) -> str | None:
    """Return the name of the component's schema that a `$ref` leads to, None if it leads elsewhere."""
    if not isinstance(reference, str) or not reference.startswith("#/components/schemas/"):
        return None
    name = reference.removeprefix("#/components/schemas/")
    return None if "/" in name else name.replace("~1", "/").replace("~0", "~")


def named_by_components(data: dict[str, Any]) -> None:
    """Take the titles of components, in place, by which upstream would name their classes; a title of words describes.

    FastAPI titles `Article-Input` and `Article-Output` alike, and a title is the first thing that an author edits.
    """
    components = data.get("components")
    schemas = components.get("schemas") if isinstance(components, dict) else None
    for name, schema in schemas.items() if isinstance(schemas, dict) else ():
        title = schema.pop("title", None) if isinstance(schema, dict) else None
        if isinstance(title, str) and not schema.get("description") and " " in title.strip() and title != name:
            schema["description"] = title


def class_of(name: str, schema: dict[str, Any]) -> str:
    """Return the name of the class that upstream makes of a component's schema."""
    return ClassName(str(schema.get("title") or name), FIELD_PREFIX)


def is_object(schema: dict[str, Any]) -> bool:
    """Say whether upstream generates a schema as a class with attributes."""
    kind = schema.get("type")
    return kind == "object" or (kind is None and bool(schema.get("properties") or schema.get("allOf")))


def is_union(schema: dict[str, Any]) -> bool:
    """Say whether upstream reads a schema as one of several."""
    return bool(schema.get("anyOf") or schema.get("oneOf")) or isinstance(schema.get("type"), list)
