"""From a spec to a package in its place: determinism, freshness, and what happens when something fails."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from attrs import evolve

from generator import pipeline
from generator.cli import main
from generator.errors import GenerateError, GeneratorError, VerificationError
from generator.lint.finding import error
from generator.package import pins, upstream
from generator.package.provenance import NAME, files
from generator.package.verify import verify
from generator.pipeline import LintError, Request, check, generate
from generator.spec.document import Document, load
from tests.generator.conftest import ROOT, generate_package, imported
from tests.generator.specs import SHAPES, as_json, as_yaml, minimal
from tests.generator.test_refusals import CONFLICT

LOGOUT = "  /auth/logout:\n"
DEVICES = """\
  /users/devices/{deviceId}:
    get:
      operationId: getDevice
      tags: [users]
      parameters:
        - {name: deviceId, in: path, required: true, schema: {type: string}}
      security:
        - bearerAuth: []
      responses:
        '200':
          description: A device.
          content:
            application/json:
              schema:
                type: object
                required: [label]
                properties:
                  label: {type: string}
"""


def contents(package: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in files(package)}


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "generator", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        command, cwd=cwd, env=variables, capture_output=True, text=True, encoding="utf-8", check=False
    )


def differences(folder: Path) -> list[str]:
    return check(Request(folder / "openapi.yaml", folder / "signedin_sdk"), lambda _: None)


def test_the_committed_package_is_what_the_spec_yields_wherever_it_is_checked(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / "ruff.toml").write_text('line-length = 40\n[format]\nquote-style = "single"\n')
    (tmp_path / "pyproject.toml").write_text('[tool.ruff]\nexclude = ["*"]\n')
    elsewhere = {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONHASHSEED": "7",
        "RUFF_CONFIG": str(tmp_path / "ruff.toml"),
        "PATH": "/nowhere",
    }
    for environment in ({"TMPDIR": str(tmp_path), **elsewhere}, {"LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "8"}):
        done = run("check", cwd=tmp_path, **environment)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_same_spec_yields_the_same_bytes(packages: Path, tmp_path: Path) -> None:
    assert contents(generate_package(SHAPES, tmp_path / "shapes_sdk")) == contents(packages / "shapes_sdk")


def test_a_tag_that_ruff_would_leave_out_is_formatted_like_any_other(tmp_path: Path) -> None:
    generated = []
    for tag in ("dist", "stuff"):
        spec = minimal()
        spec["paths"]["/things"]["get"]["tags"] = [tag]
        package = generate_package(as_json(spec), tmp_path / tag / "tagged_sdk", "json")
        generated.append((package / "api" / tag / "list_things.py").read_bytes())
    assert generated[0] == generated[1]


def test_what_is_left_out_is_told_with_its_line(tmp_path: Path) -> None:
    spec = minimal()
    spec["paths"]["/things"]["get"]["callbacks"] = {"done": {"{$request.query.url}": {}}}
    (tmp_path / "openapi.yaml").write_text(as_yaml(spec), encoding="utf-8")
    told: list[str] = []
    generate(Request(tmp_path / "openapi.yaml", tmp_path / "told_sdk"), told.append, types=False)
    [warning] = [line for line in told if "warning" in line]
    assert re.search(
        r"openapi\.yaml:\d+: warning \[webhook\] There are callbacks, which the generator leaves out", warning
    )


def test_provenance_names_hashes_and_versions_and_no_place_or_time() -> None:
    text = (ROOT / "sdk" / "signedin_sdk" / NAME).read_text("utf-8")
    value = json.loads(text)
    assert value["generator"] == pins.PINS
    assert value["spec"]["sha256"] == upstream.digest((ROOT / "openapi.yaml").read_bytes())
    assert value["templates"]["types.py.jinja"]["upstream"] in upstream.LOCK.read_text("utf-8")
    assert value["templates"]["wire.py.jinja"]["upstream"] is None
    assert value["files"].keys() == contents(ROOT / "sdk" / "signedin_sdk").keys() - {NAME}
    assert text == json.dumps(value, indent=2, sort_keys=True) + "\n"
    assert str(ROOT) not in text


def test_check_sees_one_changed_letter_of_the_spec(own_copy: Path) -> None:
    spec = own_copy / "openapi.yaml"
    spec.write_text(spec.read_text("utf-8").replace("A JWT auth backend", "A JWT auth Backend"), encoding="utf-8")
    assert differences(own_copy) == [f"stale provenance: {NAME}: spec"]
    spec.write_text(spec.read_text("utf-8").replace("Create an account", "Create an Account"), encoding="utf-8")
    assert "out of date: api/auth/register.py" in differences(own_copy)


def test_check_sees_a_changed_a_missing_and_an_extra_file(own_copy: Path) -> None:
    package = own_copy / "signedin_sdk"
    (package / "errors.py").write_bytes((package / "errors.py").read_bytes().replace(b"status", b"Status", 1))
    (package / "py.typed").unlink()
    (package / "notes.txt").write_text("")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "x.pyc").write_bytes(b"")
    assert differences(own_copy) == ["edited by hand: errors.py", "extra: notes.txt", "missing: py.typed"]


def test_check_sees_that_a_template_has_changed(own_copy: Path) -> None:
    provenance = own_copy / "signedin_sdk" / NAME
    value = json.loads(provenance.read_bytes())
    value["templates"]["types.py.jinja"]["override"] = "0" * 64
    provenance.write_text(json.dumps(value))
    assert differences(own_copy) == [f"stale provenance: {NAME}: templates"]
    provenance.write_text("[")
    assert f"stale provenance: {NAME}: spec" in differences(own_copy)


def test_check_ends_with_what_to_do(own_copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own_copy / "signedin_sdk" / "py.typed").unlink()
    arguments = ["--spec", str(own_copy / "openapi.yaml"), "--output", str(own_copy / "signedin_sdk")]
    assert main(["check", *arguments]) == 1
    assert capsys.readouterr().err.rstrip().endswith("run: make generate")


def test_a_new_operation_becomes_a_method_and_a_deleted_one_disappears(own_copy: Path) -> None:
    spec = own_copy / "openapi.yaml"
    text = spec.read_text("utf-8")
    before, _, rest = text.partition(LOGOUT)
    _, _, after = rest.partition("  /users/profile:\n")
    spec.write_text(f"{before}{DEVICES}  /users/profile:\n{after}", encoding="utf-8")
    package = own_copy / "signedin_sdk"
    generate(Request(spec, package), lambda _: None, types=False)
    assert not (package / "api" / "auth" / "logout.py").exists()
    assert differences(own_copy) == []
    renamed = package.rename(own_copy / "devices_sdk")
    resources = imported(renamed).resources.Resources(lambda call: call)
    assert resources.users.get_device(device_id="a").kwargs["url"] == "/users/devices/a"
    assert not hasattr(resources.auth, "logout")
    assert import_module("devices_sdk.contract").REVOKE is None


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"components": {"schemas": {"Thing": CONFLICT}}}, GenerateError),
        ({"components": {"schemas": {"Thing": {"type": "objekt"}}}}, LintError),
    ],
)
def test_nothing_is_touched_when_anything_fails(
    own_copy: Path, change: dict[str, object], refused: type[Exception]
) -> None:
    before = contents(own_copy / "signedin_sdk")
    spec = {**minimal(), **change}
    (own_copy / "other.yaml").write_text(as_yaml(spec), encoding="utf-8")
    with pytest.raises(refused):
        generate(Request(own_copy / "other.yaml", own_copy / "signedin_sdk"), lambda _: None, types=False)
    assert contents(own_copy / "signedin_sdk") == before
    assert sorted(path.name for path in own_copy.iterdir()) == ["openapi.yaml", "other.yaml", "signedin_sdk"]


def test_nothing_is_touched_when_the_trial_fails(own_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise VerificationError("the trial")

    before = contents(own_copy / "signedin_sdk")
    (own_copy / "other.yaml").write_text(as_yaml(minimal()), encoding="utf-8")
    monkeypatch.setattr(pipeline, "verify", fails)
    with pytest.raises(VerificationError, match="the trial"):
        generate(Request(own_copy / "other.yaml", own_copy / "signedin_sdk"), lambda _: None)
    assert contents(own_copy / "signedin_sdk") == before


def test_a_folder_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(as_json(minimal()))
    home = tmp_path / "home"
    home.mkdir()
    (home / "diary.txt").write_text("dear diary")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    for output in (home, tmp_path / "link", tmp_path / "openapi.json"):
        with pytest.raises(GeneratorError, match=r"not replaced|no folder"):
            generate(Request(tmp_path / "openapi.json", output), lambda _: None)
    assert (home / "diary.txt").read_text() == "dear diary"


LOGIN = ("paths", "/auth/login", "post")


@pytest.mark.parametrize(
    ("name", "text", "told", "blamed"),
    [
        ("errors.py", "def", "errors.py does not compile", None),
        ("errors.py", '"\\ "', "errors.py does not compile", None),
        ("errors.py", "import nothing_of_this_name", "cannot be imported", None),
        ("errors.py", "class UnexpectedStatus(Exception):\n    def __init__(self, *a): ...\n", "mypy --strict", None),
        ("api/auth/login.py", "", r"missing \['login'\]", None),
        ("api/auth/login.py", "def", "login.py does not compile", LOGIN),
        ("api/auth/login.py", "import nothing_of_this_name", "cannot be imported", LOGIN),
        ("models/profile.py", "Profile = List[int]", "cannot be imported", ("components", "schemas", "Profile")),
    ],
)
@pytest.mark.usefixtures("types_cache")
def test_what_was_generated_is_tried_and_an_error_names_what_it_comes_of(
    own_copy: Path, name: str, text: str, told: str, blamed: tuple[str, ...] | None
) -> None:
    (own_copy / "signedin_sdk" / name).write_text(text)
    if not text:
        (own_copy / "signedin_sdk" / "resources" / "auth.py").unlink()
    with pytest.raises(VerificationError, match=told) as raised:
        verify(load(own_copy / "openapi.yaml"), own_copy / "signedin_sdk")
    pointers = [each.pointer for each in raised.value.findings]
    assert (blamed in pointers) if blamed else not pointers


def test_what_does_not_pass_the_trial_costs_its_operation_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(document: Document, *_: object, **__: object) -> None:
        if "/bad" in document.data["paths"] and document.data["paths"]["/bad"]:
            bad = error(document, ("paths", "/bad", "get"), "trial", "It fails.", "Leave it out: --leave-out.")
            raise VerificationError("the trial", [bad])

    spec = minimal()
    spec["paths"]["/bad"] = {"get": {**spec["paths"]["/things"]["get"], "operationId": "bad"}}
    (tmp_path / "spec.json").write_text(as_json(spec))
    monkeypatch.setattr(pipeline, "verify", fails)
    request = Request(tmp_path / "spec.json", tmp_path / "some_sdk")
    with pytest.raises(VerificationError, match=r"spec\.json:\d+: error \[trial\] It fails. Leave it out: --leave-out"):
        generate(request, lambda _: None)
    request = evolve(request, leave_out=True)
    [left] = generate(request, lambda _: None)
    assert (left.rule, left.advice) == ("trial", "Left out: GET /bad.")
    assert (request.output / "api" / "things" / "list_things.py").is_file()
    assert check(request, lambda _: None) == []


def test_a_changed_upstream_template_names_the_override_to_look_at(tmp_path: Path) -> None:
    theirs = tmp_path / "templates"
    shutil.copytree(upstream.installed_templates(), theirs)
    upstream.require_locked(theirs)
    (theirs / "model.py.jinja").write_text("something new")
    (theirs / "errors.py.jinja").unlink()
    with pytest.raises(GeneratorError) as refused:
        upstream.require_locked(theirs)
    assert f"model.py.jinja {upstream.digest(b'something new')}" in str(refused.value)
    assert "errors.py.jinja is gone" in str(refused.value)
    assert "types.py.jinja" not in str(refused.value)


def test_nothing_is_generated_with_templates_that_nobody_compared(
    own_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = own_copy / "upstream.lock"
    lock.write_text(upstream.LOCK.read_text("utf-8").replace("types.py.jinja ", "types.py.jinja 0"))
    monkeypatch.setattr(upstream, "LOCK", lock)
    with pytest.raises(GeneratorError, match=r"types\.py\.jinja [0-9a-f]{64}$"):
        differences(own_copy)


@pytest.mark.parametrize("tool", ["ruff", "openapi-python-client"])
def test_another_version_of_a_pinned_tool_is_refused(
    own_copy: Path, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pins.PINS, tool, "0.0.1")
    with pytest.raises(GeneratorError, match=rf"{tool} .* is installed, the generator is pinned to 0\.0\.1"):
        differences(own_copy)


def test_the_pins_are_those_of_the_project() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    exact = dict(line.split("==") for line in groups["generator"] if "==" in line)
    assert exact == pins.PINS


def test_the_package_option_names_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = ["--spec", str(ROOT / "openapi.yaml")]
    assert main(["check", *spec, "--package", "a_sdk", "--output", str(tmp_path / "b_sdk")]) == 1
    assert main(["check", *spec, "--output", str(tmp_path / "no-name")]) == 1
    told = capsys.readouterr().err
    assert "must end in the package's name, 'a_sdk'" in told
    assert "'no-name' cannot be a package's name" in told
