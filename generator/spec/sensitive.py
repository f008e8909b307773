"""Which values must not be seen in a repr or a traceback: marked ones, what the login's contract names, passwords.

The marks are `format: password` and `x-sensitive: true`. openapi-python-client drops a string's format, so the answer
comes from the schema that a model was made of.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from openapi_python_client.parser.properties import ModelProperty

from generator.spec.contract import secrets
from generator.spec.document import Document
from generator.spec.operations import OperationFacts

_COMBINED = ("allOf", "anyOf", "oneOf", "prefixItems")


def sensitive_properties(document: Document, model: ModelProperty) -> frozenset[str]:
    """Return the names of the model's properties whose values are secrets."""
    schema = model.data.model_dump(mode="json", by_alias=True, exclude_unset=True)
    parts = _unfolded(document, schema, frozenset())
    properties = [each for part in parts for each in (part.get("properties") or {}).items()]
    return frozenset(name for name, schema in properties if _is_secret(document, "body", name, schema))


def secret_parameters(document: Document, operation: OperationFacts) -> Iterator[tuple[str, str]]:
    """Yield the parameters whose values are secrets, by where they stand and their name."""
    for node in operation.parameters(document):
        where, name = str(node.get("in")), str(node.get("name"))
        if node.get("x-sensitive") is True or _is_secret(document, where, name, node.get("schema")):
            yield where, name


def is_secret_body(document: Document, operation: OperationFacts) -> bool:
    """Say whether the whole body is one secret; a model's repr hides those among its properties by itself."""
    body = document.resolve(operation.node.get("requestBody")) or {}
    return any(is_sensitive(document, media.get("schema")) for media in (body.get("content") or {}).values())


def _is_secret(document: Document, where: str, name: str, schema: object) -> bool:
    """Say whether a value is marked, or is a text that the contract names or that is called like a secret."""
    if is_sensitive(document, schema):
        return True
    plain = re.sub(r"[^a-z]", "", name.lower())
    if not plain.endswith("password") and plain != "clientsecret" and (where, name) not in _contracts(document):
        return False
    kinds = {each for part in _unfolded(document, schema, frozenset()) for each in _types(part)}
    return not kinds or "string" in kinds


@lru_cache(maxsize=1)
def _contracts(document: Document) -> set[tuple[str, str]]:
    return secrets(document)


def _types(schema: dict[str, Any]) -> list[Any]:
    kinds = schema.get("type")
    return kinds if isinstance(kinds, list) else [kinds] if kinds else []


def is_sensitive(document: Document, schema: object) -> bool:
    """Say whether a value of this schema, or an item of it, is a secret."""
    return any(
        part.get("format") == "password" or part.get("x-sensitive") is True
        for part in _unfolded(document, schema, frozenset(), items=True)
    )


def _unfolded(
    document: Document, schema: object, seen: frozenset[str], *, items: bool = False
) -> Iterator[dict[str, Any]]:
    if not isinstance(schema, dict):
        return
    yield schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        target = document.resolve({"$ref": reference})
        yield from _unfolded(document, target, seen | {reference}, items=items)
    inner = [part for name in _COMBINED for part in schema.get(name) or []]
    if items:
        inner += [schema.get("items"), schema.get("additionalProperties")]
    for part in inner:
        yield from _unfolded(document, part, seen, items=items)
