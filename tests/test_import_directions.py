"""Who may import whom, held for every module by reading it. Imports for types count too: they are knowledge."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = {
    "signedin": "auth_plugin/signedin",
    "signedin_sdk": "sdk/signedin_sdk",
    "signedin_backend": "backend/signedin_backend",
    "generator": "generator",
}
OURS: Final = {*PACKAGES, "tests", "examples", "benchmarks"}
# What each package may know of ours besides itself.
MAY_KNOW: Final = {"signedin": {"signedin_sdk"}, "signedin_sdk": set(), "signedin_backend": set(), "generator": set()}
# Each line may import its own and the lines below it, never up. A package stands for all that is in it.
LAYERS: Final = (
    ("signedin.cli", "signedin.opentelemetry", "signedin.testing"),
    ("signedin",),
    ("signedin.client",),
    ("signedin._profiles",),
    ("signedin._call", "signedin._exchange"),
    ("signedin.auth",),
    ("signedin._answers",),
    ("signedin._options",),
    ("signedin._plan",),
    ("signedin.session",),
    ("signedin._renewal",),
    ("signedin._flight", "signedin._wire", "signedin._connections", "signedin._events", "signedin.stores"),
    ("signedin._threads",),
    ("signedin._contract",),
    ("signedin._network", "signedin.protocols", "signedin._tokens"),
    ("signedin._fast", "signedin.timing"),
    ("signedin.errors",),
)
KNOW_THE_SDK: Final = {"signedin"}
CONTRACT: Final = "signedin_sdk.types"  # the same in any generated package
STANDARD_LIBRARY_ONLY: Final = {"signedin.protocols", "signedin.errors", "signedin.timing", "signedin._tokens"}
EXTRAS: Final = {"cryptography", "keyring", "pyreqwest", "redis", "shtab", "vcr", "yaml"}

Import = tuple[str, bool, bool]  # the name, in a function?, for types only?


def _imports(node: ast.AST, *, inside: bool = False, types: bool = False) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, inside, types) for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and not child.level:
            # `from signedin import session` is the module as much as `import signedin.session` is.
            yield from ((_module(f"{child.module}.{alias.name}"), inside, types) for alias in child.names)
        in_function = inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for_types = types or (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING")
        yield from _imports(child, inside=in_function, types=for_types)


def _module(name: str) -> str:
    """Return the module that defines a name."""
    while (package := name.partition(".")[0]) in PACKAGES and name not in MODULES and name != package:
        name = name.rpartition(".")[0]
    return name


def _modules() -> Iterator[tuple[str, Path]]:
    for package, place in PACKAGES.items():
        for file in sorted((ROOT / place).rglob("*.py")):
            parts = (package, *file.relative_to(ROOT / place).with_suffix("").parts)
            yield ".".join(parts).removesuffix(".__init__"), file


MODULES: Final = dict(_modules())
READ: Final = {name: list(_imports(ast.parse(file.read_text(encoding="utf-8")))) for name, file in MODULES.items()}


def _layer(module: str) -> int:
    depths = {name: depth for depth, names in enumerate(LAYERS) for name in names}
    return depths[max((name for name in depths if f"{module}.".startswith(f"{name}.")), key=len)]


@pytest.mark.parametrize("module", MODULES)
def test_module_knows_no_package_that_its_package_must_not_know(module: str) -> None:
    package = module.partition(".")[0]
    imported = {name.partition(".")[0] for name, _, _ in READ[module]} & OURS
    assert imported <= {package, *MAY_KNOW[package]}
    sdk = {name for name, _, _ in READ[module] if name.partition(".")[0] == "signedin_sdk"}
    assert sdk <= {CONTRACT} or package == "signedin_sdk" or module in KNOW_THE_SDK


@pytest.mark.parametrize("module", [name for name in MODULES if name.partition(".")[0] == "signedin"])
def test_module_of_the_auth_layer_imports_nothing_above_it(module: str) -> None:
    names = {name for name, _, _ in READ[module] if name.partition(".")[0] == "signedin"}
    assert {name for name in names if _layer(name) < _layer(module)} == set()


@pytest.mark.parametrize("module", sorted(STANDARD_LIBRARY_ONLY))
def test_lowest_layers_run_on_the_standard_library_and_each_other(module: str) -> None:
    names = {name for name, _, types in READ[module] if not types and name.partition(".")[0] != "__future__"}
    assert {name for name in names if not _standard(name)} <= STANDARD_LIBRARY_ONLY


@pytest.mark.parametrize("module", [name for name in MODULES if name.partition(".")[0] != "signedin_sdk"])
def test_nothing_is_imported_in_a_function_but_optional_extras(module: str) -> None:
    # The generated package imports a tag's resource when it is first used.
    assert {name for name, inside, _ in READ[module] if inside and name.partition(".")[0] not in EXTRAS} == set()


def test_every_module_of_the_auth_layer_has_a_layer_of_its_own() -> None:
    listed = {name for names in LAYERS for name in names}
    top = {".".join(name.split(".")[:2]) for name in MODULES if name.partition(".")[0] == "signedin"}
    assert top - {"signedin.cli"} == listed - {"signedin.cli"}


def _standard(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names
