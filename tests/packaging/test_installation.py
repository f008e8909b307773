"""The wheel in a clean environment: installed by pip, used against a running backend."""

from pathlib import Path

import pytest

from tests.packaging.building import PIP, ROOT, run

pytestmark = pytest.mark.timeout(300)


def test_installed_wheel_runs_the_quickstart_against_a_backend(python: Path, base_url: str, tmp_path: Path) -> None:
    quickstart = str(ROOT / "examples" / "quickstart.py")
    output = run(str(python), "-I", quickstart, cwd=tmp_path, SIGNEDIN_BASE_URL=base_url)
    first, last = output.splitlines()
    assert first.startswith("signed in as ada+")
    assert last.startswith("Not signed in")


def test_installed_wheel_brings_nothing_of_the_developers(python: Path, tmp_path: Path) -> None:
    freeze = run(*PIP, str(python), "freeze", cwd=tmp_path)
    names = {line.partition("==")[0].partition(" @ ")[0].lower() for line in freeze.splitlines()}
    assert {"signedin", "httpx", "attrs", "python-dateutil"} <= names
    assert not names & {"pytest", "uvicorn", "starlette", "sqlalchemy", "rich", "openapi-python-client", "vcrpy"}
    assert "No broken requirements" in run(*PIP, str(python), "check", cwd=tmp_path)


def test_every_module_imports_without_the_extras(python: Path, tmp_path: Path) -> None:
    walk = """
import importlib, pkgutil, signedin, signedin_sdk
extras = {"opentelemetry", "testing.plugin", "testing.contract", "testing.cassettes"}
for package in (signedin, signedin_sdk):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name.removeprefix("signedin.") not in extras:
            importlib.import_module(module.name)
            print(module.name)
"""
    names = run(str(python), "-W", "error", "-c", walk, cwd=tmp_path).split()
    assert {"signedin.client", "signedin.testing.server", "signedin_sdk.types"} <= set(names)
