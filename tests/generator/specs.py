"""Specs of other shapes than ours, and ways to make more of them."""

import json
from pathlib import Path
from typing import Any, Final

import yaml

SHAPES: Final = Path(__file__).with_name("shapes.yaml").read_text("utf-8")


def minimal() -> dict[str, Any]:
    """Return a spec with one operation, free of findings: what a test changes to make a point."""
    ok = {"description": "Fine.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "minimal", "version": "1"},
        "servers": [{"url": "https://minimal.example"}],
        "paths": {"/things": {"get": {"operationId": "listThings", "tags": ["things"], "responses": {"200": ok}}}},
        "components": {"schemas": {"Thing": {"type": "object", "properties": {"label": {"type": "string"}}}}},
    }


def as_json(spec: dict[str, Any]) -> str:
    """Return a spec as JSON, indented by tabs, which YAML would not read."""
    return json.dumps(spec, indent="\t")


def as_yaml(spec: dict[str, Any]) -> str:
    """Return a spec as YAML."""
    return yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)
