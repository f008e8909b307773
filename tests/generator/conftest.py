"""What the generator's tests share: the repository, and packages generated once from specs of several shapes."""

import importlib
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from generator.package.verify import check_types
from generator.pipeline import Request, generate
from tests.generator.public import public
from tests.generator.specs import as_json, minimal
from tests.once import first, shared
from tests.types_cache import types_cache

__all__ = ["types_cache"]

ROOT = Path(__file__).parents[2]


def generate_package(spec: str, output: Path, suffix: str = "yaml") -> Path:
    """Generate a package as `generate` does, without mypy, and return its folder."""
    path = output.with_suffix(f".{suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(spec, encoding="utf-8")
    generate(Request(path, output), lambda _: None, types=False)
    return output


def imported(package: Path) -> ModuleType:
    """Import a generated package; its name must be one that no other test uses."""
    sys.path.insert(0, str(package.parent))
    try:
        for name in ("contract", "errors", "models", "resources", "types"):
            importlib.import_module(f"{package.name}.{name}")
        return sys.modules[package.name]
    finally:
        sys.path.remove(str(package.parent))


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory, types_cache: None) -> Path:  # noqa: ARG001
    """The folder of the packages of shapes, habits, kinds and a public spec, which mypy has judged in one run."""
    folder = shared(tmp_path_factory) / "packages"
    with first(folder) as is_first:
        if is_first:
            for name in ("shapes", "habits", "kinds"):
                spec = Path(__file__).with_name(f"{name}.yaml")
                assert generate(Request(spec, folder / f"{name}_sdk"), lambda _: None, types=False) == []
            (folder / "public.json").write_text(as_json(public(1)), encoding="utf-8")
            whole = Request(folder / "public.json", folder / "public_sdk", leave_out=True)
            generate(whole, lambda _: None, types=False)
            check_types(*(folder / f"{name}_sdk" for name in ("shapes", "habits", "kinds", "public")))
    return folder


@pytest.fixture(scope="session")
def shapes(packages: Path) -> ModuleType:
    """A package of parameters, enums, unions, forms and files."""
    return imported(packages / "shapes_sdk")


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """A package of an OpenAPI 3.0 document in JSON, without any contract of tokens."""
    return imported(generate_package(as_json(minimal()), tmp_path_factory.mktemp("plain") / "plain_sdk", "json"))


@pytest.fixture
def own_copy(tmp_path: Path) -> Path:
    """A folder with a copy of our spec and of the package as it is committed."""
    shutil.copy(ROOT / "openapi.yaml", tmp_path / "openapi.yaml")
    shutil.copytree(
        ROOT / "sdk" / "signedin_sdk", tmp_path / "signedin_sdk", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path
