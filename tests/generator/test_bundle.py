"""`--allow-refs`: a spec in several files of one folder, and nothing from outside of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from generator.cli import main
from generator.errors import SpecError
from generator.lint import lint
from generator.package.provenance import read_provenance
from generator.package.upstream import digest
from generator.spec.bundle import bundled
from generator.spec.document import load
from tests.generator.specs import as_json, as_yaml, minimal

THING = {"type": "object", "properties": {"label": {"type": "string"}, "next": {"$ref": "#/Thing"}}}
FILES: dict[str, dict[str, Any]] = {
    "parts/schemas.yaml": {"Thing": THING, "List": {"type": "array", "items": {"$ref": "#/Thing"}}},
    "parts/paths.yaml": {
        "get": {
            "operationId": "listThings",
            "tags": ["things"],
            "parameters": [{"$ref": "parameters.json#/limit"}],
            "responses": {
                "200": {
                    "description": "Fine.",
                    "content": {"application/json": {"schema": {"$ref": "schemas.yaml#/List"}}},
                },
                "default": {"$ref": "../openapi.yaml#/components/responses/Refused"},
            },
        }
    },
    "parts/parameters.json": {"limit": {"name": "limit", "in": "query", "schema": {"type": "integer"}}},
}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A spec in four files, two of which know each other and the first."""
    whole = minimal()
    whole["paths"] = {"/things": {"$ref": "parts/paths.yaml"}}
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
    whole["components"]["responses"] = {"Refused": {"description": "No.", "content": problem}}
    folder = tmp_path / "spec"
    (folder / "parts").mkdir(parents=True)
    (folder / "openapi.yaml").write_text(as_yaml(whole), encoding="utf-8")
    for name, content in FILES.items():
        (folder / name).write_text(as_json(content) if name.endswith("json") else as_yaml(content), encoding="utf-8")
    return folder / "openapi.yaml"


def test_files_of_the_folder_become_part_of_the_document(spec: Path) -> None:
    document = bundled(load(spec), spec.parent)
    assert lint(document) == []
    schemas = document.data["components"]["schemas"]
    assert schemas["Thing"] == minimal()["components"]["schemas"]["Thing"]  # what has the name keeps it
    assert schemas["Thing1"]["properties"]["next"] == {"$ref": "#/components/schemas/Thing1"}
    assert schemas["List"]["items"] == {"$ref": "#/components/schemas/Thing1"}
    assert document.data["components"]["parameters"]["limit"]["name"] == "limit"
    assert document.data["paths"]["/things"]["get"]["responses"]["default"] == {
        "$ref": "#/components/responses/Refused"
    }


def test_files_are_refused_without_the_option_and_generated_with_it(spec: Path, tmp_path: Path) -> None:
    options = ["--spec", str(spec), "--output", str(tmp_path / "parts_sdk")]
    assert main(["generate", "--no-trial", *options]) == 1
    allowed = [*options, "--allow-refs", str(spec.parent)]
    assert main(["generate", "--no-trial", *allowed]) == 0
    assert main(["check", *allowed]) == 0
    recorded = read_provenance(tmp_path / "parts_sdk")["spec"]["references"]
    assert recorded == {name: digest((spec.parent / name).read_bytes()) for name in sorted(FILES)}
    schemas = spec.parent / "parts" / "schemas.yaml"
    schemas.write_text(schemas.read_text("utf-8").replace("label", "title"), encoding="utf-8")
    assert main(["check", *allowed]) == 1


OUTSIDE = (
    "../secret.yaml",
    "parts/link.yaml",
    "../spec/../secret.yaml",
    "%2e%2e/secret.yaml",
    "..\\secret.yaml",
    "file:secret.yaml",
    "https://attacker.example/a.yaml",
    "//attacker.example/a.yaml",
    "/etc/passwd",
    "parts",
    "parts/nothing.yaml",
)


@pytest.mark.parametrize("reference", OUTSIDE)
def test_what_is_outside_of_the_folder_stays_refused(reference: str, spec: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("type: string")
    (spec.parent / "parts" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    whole = minimal()
    whole["components"]["schemas"]["Far"] = {"$ref": reference}
    spec.write_text(as_yaml(whole), encoding="utf-8")
    document = bundled(load(spec), spec.parent)
    assert document.referred == {}
    assert [finding.rule for finding in lint(document) if finding.is_error] == ["reference"]


def test_paths_that_refer_to_one_another_end(spec: Path) -> None:
    (spec.parent / "parts" / "paths.yaml").write_text(json.dumps({"$ref": "paths.yaml"}))
    with pytest.raises(SpecError, match="without end"):
        bundled(load(spec), spec.parent)
