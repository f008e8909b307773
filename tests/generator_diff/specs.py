"""Small specs to compare: one operation, one model, and whatever a test is about."""

import json
from pathlib import Path
from typing import Any

from generator.diff import Change, compare
from generator.spec.document import Document, load

Spec = dict[str, Any]
REFERENCE = {"$ref": "#/components/schemas/M"}


def spec(paths: Spec, schemas: Spec | None = None, **components: Spec) -> Spec:
    """Return a spec of these paths."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": "https://t.example"}],
        "paths": paths,
        "components": {"schemas": schemas or {}, **components},
    }


def operation(name: str = "get", **parts: Any) -> Spec:
    """Return an operation that answers nothing, if its parts do not say otherwise."""
    return {"operationId": name, "tags": ["t"], "responses": {"204": {"description": "x"}}, **parts}


def body(schema: Spec, media: str = "application/json") -> Spec:
    """Return what a request takes or what an answer brings."""
    return {"description": "x", "content": {media: {"schema": schema}}}


def sent(schema: Spec, **schemas: Spec) -> Spec:
    """Return a spec whose one operation takes a model with this property."""
    return spec({"/a": {"post": operation(requestBody={"required": True, **body(REFERENCE)})}}, _with(schema, schemas))


def answered(schema: Spec, **schemas: Spec) -> Spec:
    """Return a spec whose one operation answers a model with this property."""
    return spec({"/a": {"get": operation(responses={"200": body(REFERENCE)})}}, _with(schema, schemas))


def _with(schema: Spec, schemas: Spec) -> Spec:
    named = {"type": "object", "properties": {"g": {"type": "string"}}}
    return {"M": {"type": "object", "properties": {"f": schema, "other": {"type": "string"}}}, "N": named, **schemas}


def document(folder: Path, name: str, data: Spec) -> Document:
    """Read a spec as `diff` does."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return load(path)


def changes(folder: Path, old: Spec, new: Spec) -> list[Change]:
    """Return what differs between two specs."""
    return compare(document(folder, "old", old), document(folder, "new", new))
