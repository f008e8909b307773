"""What users import: complete, sorted, documented, typed."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
import signedin
import signedin_sdk
from signedin import errors, opentelemetry, stores, testing

PUBLIC: Final = (signedin, opentelemetry, stores, testing)
ERRORS: Final = {
    name: exported
    for name, exported in vars(errors).items()
    if inspect.isclass(exported) and issubclass(exported, Exception) and exported.__module__ == errors.__name__
}


@pytest.mark.parametrize("package", PUBLIC, ids=lambda package: package.__name__)
def test_all_is_sorted_and_true(package: object) -> None:
    public: list[str] = vars(package)["__all__"]
    assert public == sorted(set(public))
    assert all(hasattr(package, name) for name in public)


def test_all_has_everything_that_the_package_imports() -> None:
    tree = ast.parse(inspect.getsource(signedin))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    imported = {alias.name for node in imports for alias in node.names} - {"stores"}
    assert imported | {"Client", "AsyncClient"} == set(signedin.__all__)


def test_dir_is_all() -> None:
    assert dir(signedin) == signedin.__all__


@pytest.mark.parametrize("package", [signedin, stores], ids=lambda package: package.__name__)
def test_a_store_is_an_attribute_before_it_is_loaded(package: ModuleType) -> None:
    program = f"""
import sys, {package.__name__} as package
assert "RedisStore" in dir(package)
assert not {{"signedin.stores.redis", "signedin.stores.keyring", "asyncio"}} & set(sys.modules)
assert package.RedisStore.__name__ == "RedisStore"
assert "signedin.stores.redis" in sys.modules
try:
    package.NoSuchStore
except AttributeError as error:
    assert "NoSuchStore" in str(error)
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_importing_the_package_brings_nothing_along_that_a_first_call_may_bring() -> None:
    program = """
import sys
sys.modules["click"] = None  # whose command line httpx imports where it finds it; a plain install has none
import dataclasses, httpx
before = set(sys.modules)
import signedin
new = {name.lstrip("_") for name in set(sys.modules) - before if not name.startswith("signedin")}
print(*sorted(new - {"contextvars", "dataclasses", "heapq", "importlib._abc", "importlib.util", "pkgutil", "queue"}))
print(*sorted(name for name in sys.modules if name.startswith(("signedin_sdk.", "signedin.stores."))))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    own = "signedin.stores.memory signedin_sdk.contract signedin_sdk.resources signedin_sdk.types"
    assert done.stdout.splitlines() == ["", own]


def test_on_windows_the_package_is_imported_and_a_token_file_refused() -> None:
    program = """
import argparse, getpass, httpx, sys, types
sys.platform = "win32"  # after what of the standard library is another there
sys.modules |= {"fcntl": None, "pwd": None, "msvcrt": types.ModuleType("msvcrt")}
import signedin, signedin.cli
try:
    signedin.FileStore()
except signedin.ConfigurationError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "FileStore needs POSIX file locks, which this system lacks; use KeyringStore.\n"


@pytest.mark.parametrize("name", signedin.__all__)
def test_public_name_says_what_it_is(name: str) -> None:
    exported = getattr(signedin, name)
    assert (exported.__doc__ or "").strip()
    methods = {
        name: method
        for name, method in vars(exported).items()
        if not name.startswith("_") and callable(method) and not inspect.isclass(method)
    }
    assert [name for name, method in methods.items() if not inspect.getdoc(method)] == []


@pytest.mark.parametrize("name", ERRORS)
def test_error_is_exported_documented_and_drawn_in_the_tree(name: str) -> None:
    assert name in signedin.__all__
    assert vars(ERRORS[name])["__doc__"]
    assert name in _drawn()


def test_tree_draws_no_error_that_is_not_there() -> None:
    assert set(_drawn()) == ERRORS.keys()


@pytest.mark.parametrize("name", ERRORS)
def test_error_stands_below_its_base_in_the_tree(name: str) -> None:
    lines = (errors.__doc__ or "").splitlines()
    (at,) = [number for number, line in enumerate(lines) if name in line.replace("│", " ").split()]
    column = lines[at].index(name)
    above = [line for line in lines[:at] if _first_column(line) < _first_column(lines[at])]
    assert column >= _first_column(lines[at])
    base = ERRORS[name].__bases__[0].__name__
    assert name == "SignedInError" or base in above[-1].replace("│", " ").split()


@pytest.mark.parametrize("package", [signedin, signedin_sdk], ids=lambda package: package.__name__)
def test_package_is_marked_as_typed(package: object) -> None:
    (folder,) = (Path(place) for place in vars(package)["__path__"])
    assert (folder / "py.typed").is_file()


def _drawn() -> list[str]:
    return [word for word in (errors.__doc__ or "").replace("│", " ").split() if word.endswith("Error")]


def _first_column(line: str) -> int:
    return len(line) - len(line.lstrip(" │├└─"))
