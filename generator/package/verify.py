"""Tries what was generated before it replaces anything: it compiles, imports, type-checks, and has every operation."""

import json
import os
import re
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from generator.errors import VerificationError
from generator.lint.finding import Finding, error, shown
from generator.package.provenance import files
from generator.package.refusals import maker
from generator.spec.document import Document, Pointer
from generator.spec.operations import operations

_PROBE: Final = """
import importlib, json, pkgutil, sys
sys.path.insert(0, sys.argv[1])
package = importlib.import_module(sys.argv[2])
names = [module.name for module in pkgutil.walk_packages(package.__path__, f"{sys.argv[2]}.")]
modules = [importlib.import_module(name) for name in names]
models = importlib.import_module(f"{sys.argv[2]}.models")
[getattr(models, name) for name in getattr(models, "__all__", ())]
print(json.dumps([module.OPERATION.id for module in modules if hasattr(module, "OPERATION")]))
"""


# Where a compiler, a traceback or mypy says that an error stands.
_PLACE: Final = re.compile(
    r"(?:^|/)(?P<room>api|models|resources)/(?P<name>\w+)(?:/(?P<module>\w+))?\.pyi?(?:(?:\", line |:)(?P<line>\d+))?"
)


def verify(document: Document, package: Path, *, types: bool = True) -> None:
    """Try a package that stands in a folder of its own.

    Raises:
        VerificationError: Says what does not hold, and what in the spec it comes of; the package must not be used.
    """
    try:
        _compile(package)
        _compare_operations(document, _import(package))
        if types:
            check_types(package)
    except VerificationError as failure:
        failure.findings = list(_blamed(document, package, str(failure)))
        raise


def _blamed(document: Document, package: Path, text: str) -> Iterator[Finding]:
    """Yield the operations and schemas whose modules a trial's text names as the place of an error."""
    named = {(each.resource, each.module): each.pointer for each in operations(document)}
    blamed = dict[Pointer, str]()
    for line in text.splitlines():
        if (match := _PLACE.search(line)) is None or ": note:" in line:
            continue
        room, name, module = match["room"], match["name"], match["module"]
        if room == "resources" and match["line"]:
            module = _method(package / room / f"{name}.py", int(match["line"]))
        pointer = maker(document, name) if room == "models" else named.get((name, module or ""), ())
        if pointer:
            blamed.setdefault(pointer, f"The generated code fails: {shown(line.partition('error: ')[2] or line)}.")
    for pointer, message in blamed.items():
        yield error(document, pointer, "trial", message, "Write it in another way, or leave it out: --leave-out.")


def _method(path: Path, line: int) -> str | None:
    """Return the method of a resource that a line stands in."""
    above = path.read_text("utf-8").splitlines()[:line] if path.is_file() else []
    return next((match[1] for each in reversed(above) if (match := re.match(r"    (?:async )?def (\w+)", each))), None)


def _compile(package: Path) -> None:
    for name, path in files(package):
        if path.suffix not in {".py", ".pyi"}:
            continue
        try:
            with warnings.catch_warnings(action="error"):  # an invalid escape is only a warning
                compile(path.read_bytes(), name, "exec", dont_inherit=True)
        except (SyntaxError, SyntaxWarning, ValueError) as failure:
            raise VerificationError(f"{name} does not compile: {failure}") from failure


def _import(package: Path) -> list[str]:
    done = _python(["-c", _PROBE, str(package.parent), package.name], package.parent)
    if done.returncode != 0:
        raise VerificationError(f"{package.name} cannot be imported:\n{done.stderr.strip()}")
    identifiers: list[str] = json.loads(done.stdout.splitlines()[-1])
    return identifiers


def _compare_operations(document: Document, generated: list[str]) -> None:
    wanted = Counter(operation.id for operation in operations(document))
    missing, extra = wanted - Counter(generated), Counter(generated) - wanted
    if missing or extra:
        raise VerificationError(
            f"The package does not have the operations of the spec: missing {sorted(missing)}, extra {sorted(extra)}."
        )


def check_types(*packages: Path) -> None:
    """Let mypy judge packages that stand in one folder.

    Raises:
        VerificationError: Says what it says.
    """
    folder, names = packages[0].parent, [package.name for package in packages]
    # No configuration and no cache but what the caller names by mypy's own variable.
    cache = Path(os.environ.get("MYPY_CACHE_DIR") or folder / ".mypy").absolute()
    options = ["--strict", "--config-file=", "--python-version=3.11", "--no-error-summary", f"--cache-dir={cache}"]
    done = _python(["-m", "mypy", *options, *(f"-p{name}" for name in names)], folder)
    if done.returncode != 0:
        raise VerificationError(f"{', '.join(names)} does not pass mypy --strict:\n{done.stdout}{done.stderr}".rstrip())


def _python(arguments: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    # -I: neither the working directory nor PYTHON* variables; -B: no caches in what is about to be compared.
    command = [sys.executable, "-I", "-B", "-X", "utf8", *arguments]
    return subprocess.run(command, cwd=cwd, env={}, capture_output=True, text=True, encoding="utf-8", check=False)
