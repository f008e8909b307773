"""A spec is untrusted input: none of its strings runs, and none decides where files go.

The templates must hold by themselves, so most tests print without the linter, which refuses some of these specs.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from generator.document import Document, load
from generator.errors import GeneratorError
from generator.formatting import format_package
from generator.pipeline import Request, generate
from generator.printer import print_package
from generator.provenance import files
from tests.generator.specs import as_json

TOUCH = "__import__('pathlib').Path('CANARY').touch()"
PAYLOADS = {
    "double quote": f'"; {TOUCH}; "',
    "double quote in a call": f'", {TOUCH}, "',
    "single quote": f"'+{TOUCH}+'",
    "docstring": f'x"""\n{TOUCH}\n"""',
    "newline": f"x\n{TOUCH}\n#",
    "carriage return": f"x\r{TOUCH}\r#",
    "f-string": f"x{{{TOUCH}}}",
    "template": f"x{{{{ {TOUCH} }}}} {{% include 'x' %}}",
    "backslash": "x\\",
    "backslash and quote": f'x\\"; {TOUCH}; #',
    "path": "../../../../CANARY",
    "line separator": f"x\u2028{TOUCH}",
    "null": f"x\x00{TOUCH}",
    "escape": "\\N{BULLET}\\x41\\u0041\\",
}
IMPORT = """
import importlib, pkgutil, sys, warnings
warnings.simplefilter("error")
sys.path.insert(0, "out")
import victim_sdk
for module in pkgutil.walk_packages(victim_sdk.__path__, "victim_sdk."):
    importlib.import_module(module.name)
from victim_sdk import contract, models
from victim_sdk.resources import Resources
[getattr(models, name) for name in models.__all__]
calls = Resources(lambda call: call)
[getattr(calls, name) for name in dir(calls)]
"""


def names(text: str) -> dict[str, Any]:
    """Return a spec with the payload in the names of an operation and a resource."""
    spec = strings("x")
    spec["paths"]["/ok"]["get"] |= {"operationId": text, "tags": [text]}
    spec["components"]["securitySchemes"]["x"]["x-signedin-refresh"]["operationId"] = text
    return spec


def schema_names(text: str) -> dict[str, Any]:
    """Return a spec with the payload in the names of schemas, of the document and of inline ones."""
    spec = strings("x")
    spec["components"]["schemas"][f"{text}1"] = {
        "type": "object",
        "properties": {"inline": {"enum": ["a"], "title": text}},
    }
    spec["components"]["schemas"]["Titled"] = {"type": "object", "title": f"{text}2"}
    return spec


def strings(text: str) -> dict[str, Any]:
    """Return a spec with the payload wherever a string is printed."""
    fields = {
        text: {"type": "string", "description": text, "example": text, "default": text},
        "choice": {"type": "string", "enum": ["a", text], "description": text},
        "fixed": {"const": text},
        "several": {"oneOf": [{"type": "string", "const": text}, {"type": "integer"}]},
        "secret": {"type": "string", "format": "password", "default": text},
        "anything": {"default": [text, {text: text}]},
    }
    thing = {"type": "object", "required": [text], "properties": fields, "description": text, "example": {text: text}}
    parameters = [
        {"name": text, "in": where, "schema": {"type": "string", "default": text}, "description": text}
        for where in ("query", "header", "cookie")
    ]
    answer = {"description": text, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
    get = {
        "operationId": "getOk",
        "tags": ["things"],
        "summary": text,
        "description": text,
        "parameters": parameters,
        "responses": {"200": answer},
        "deprecated": True,
        "x-signedin-tokens": {"effect": "revokes", "request": {"refreshToken": text}},
    }
    other = {"operationId": "getOther", "tags": ["things"], "responses": {"200": answer}}
    return {
        "openapi": "3.1.0",
        "info": {"title": text, "version": text, "description": text},
        "servers": [{"url": "https://" + text}],
        "tags": [{"name": "things", "description": text}],
        "paths": {"/ok": {"get": get}, "/" + re.sub(r"{(\w+)}", r"\1", text): {"get": other}},
        "components": {
            "schemas": {"Thing": thing},
            "securitySchemes": {text: {"type": "http", "scheme": "bearer", "x-signedin-refresh": refresh(text)}},
        },
    }


def refresh(text: str) -> dict[str, Any]:
    return {
        "operationId": "getOk",
        "request": {"refreshToken": text},
        "response": {"accessToken": text, "refreshToken": text},
        "expired": {"status": 401, "property": text, "equals": text},
        "dead": [400],
        "grace": {"header": text, "seconds": 1, "times": 1},
    }


def printed(spec: dict[str, Any], folder: Path) -> Path:
    """Print without linting and without verifying, as if nothing but the templates stood in the way."""
    package = folder / "out" / "victim_sdk"
    package.parent.mkdir()
    print_package(Document(folder / "openapi.json", b"", spec), package)
    format_package(package)
    return package


def run(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def require_harmless(package: Path, folder: Path) -> None:
    for name, path in files(package):
        code = {node.id for node in ast.walk(ast.parse(path.read_bytes(), name)) if isinstance(node, ast.Name)}
        assert "__import__" not in code, name
    run(IMPORT, folder)
    assert not list(folder.rglob("*CANARY*"))
    assert [path.name for path in folder.iterdir()] == ["out"]


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_no_string_of_the_spec_runs(payload: str, tmp_path: Path) -> None:
    require_harmless(printed(strings(payload), tmp_path), tmp_path)


@pytest.mark.parametrize("spec", [names, schema_names])
@pytest.mark.parametrize("name", ["double quote", "f-string", "docstring", "newline", "escape", "path"])
def test_no_name_of_the_spec_runs_or_leaves_the_folder(
    name: str, spec: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    require_harmless(printed(spec(PAYLOADS[name]), tmp_path), tmp_path)


def test_printable_strings_arrive_unchanged(tmp_path: Path) -> None:
    text = "a\"b'c\\d{e}`f` \\n %s 🚫 \"\"\" '''"
    printed(strings(text), tmp_path)
    shown = run(
        f"{IMPORT}\n"
        "r = contract.REFRESH\n"
        "texts = [r.expired.equals, r.expired.property, r.scheme, r.grace.header, r.request_refresh_token]\n"
        "texts += [contract.REVOKE.request_refresh_token, list(models.ThingChoice)[1].value]\n"
        "print(ascii(texts))",
        tmp_path,
    )
    assert set(ast.literal_eval(shown)) == {text}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_the_whole_pipeline_refuses_or_prints_harmlessly(payload: str, tmp_path: Path) -> None:
    spec = tmp_path / "openapi.json"
    spec.write_text(as_json(strings(payload)), encoding="utf-8")
    with suppress(GeneratorError):
        generate(Request(spec, tmp_path / "out" / "victim_sdk"), lambda _: None, types=False)
    spec.unlink()
    if (tmp_path / "out").exists():
        require_harmless(tmp_path / "out" / "victim_sdk", tmp_path)
    assert not list(tmp_path.rglob("*CANARY*"))


def test_a_tag_of_a_spec_that_would_leave_the_folder_is_told_apart(tmp_path: Path) -> None:
    spec = tmp_path / "openapi.json"
    spec.write_text(as_json(names("../../x")), encoding="utf-8")
    assert load(spec).data["paths"]["/ok"]["get"]["tags"] == ["../../x"]
    with pytest.raises(GeneratorError):
        generate(Request(spec, tmp_path / "victim_sdk"), lambda _: None, types=False)
    assert [path.name for path in tmp_path.iterdir()] == ["openapi.json"]
