"""Generates and imports hostile specs in child processes that are bounded, watched and baited.

`make hostile` is the deep run: texts put together at random. The suite runs each known one (`test_untrusted.py`).
The generating child logs whatever it does outside its folder; the importing child may do nothing but import.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from attrs import define

ROOT: Final = Path(__file__).parents[2]
_MIBS: Final = 2_048
_SECONDS: Final = 60

_WATCH: Final = """
import json, os, shutil, sys
DONE = []
INSIDE = os.path.realpath(sys.argv[1])
def watch(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        path = os.path.realpath(os.fsdecode(args[0]))
        writes = (args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        bad = writes and not (MAY_WRITE and path.startswith(INSIDE + os.sep)) and path != os.devnull
        bad = bad or path == "/etc/passwd"
    elif event in {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.chmod"}:
        paths = [os.path.realpath(os.fsdecode(arg)) for arg in args[:2] if isinstance(arg, (str, bytes, os.PathLike))]
        relative = any(isinstance(arg, str) and not os.path.isabs(arg) for arg in args[:2])  # below a dir_fd
        bad = not MAY_WRITE or not (relative or all(path.startswith(INSIDE) for path in paths))
    elif event == "subprocess.Popen":
        bad = not MAY_WRITE or os.path.basename(str(args[0])) != "ruff"
    else:
        bad = event in {"os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "socket.getaddrinfo",
                        "socket.bind", "urllib.Request", "ctypes.dlopen" if not MAY_WRITE else ""}
    if bad and not (event == "urllib.Request" and args[0].startswith("file://") and "/site-packages/" in args[0]):
        DONE.append(f"{event} {args!r}"[:300])
"""
_GENERATE: Final = """
from pathlib import Path
import email, mimetypes, tempfile, time
from generator.bounds import bounded
from generator.spec.document import Document, load
from generator.errors import GeneratorError
from generator.package.formatting import format_package
from generator.lint import lint
from generator.package.generation import generate_package
if sys.argv[4]:
    sys.modules[generate_package.__module__].TEMPLATES = Path(sys.argv[4])
tempfile.tempdir = str(Path(INSIDE) / "tmp")
MAY_WRITE = True
sys.addaudithook(watch)
def run(case, package):
    path = Path(INSIDE, case["file"])
    if case["templates_alone"]:
        document = Document(path, b"", json.loads(path.read_bytes()))
    else:
        document = load(path)
        if errors := [each for each in lint(document) if each.is_error]:
            raise GeneratorError(f"{errors[0].rule}: {errors[0].message}")
    generate_package(document, package)
for index, case in enumerate(json.loads(Path(INSIDE, "cases.json").read_bytes())):
    package, started, refused = Path(INSIDE, "out", f"victim{index}_sdk"), time.process_time(), None
    try:
        with bounded(seconds=int(sys.argv[2]), mebibytes=int(sys.argv[3])):
            run(case, package)
    except GeneratorError as error:
        refused = str(error)
        shutil.rmtree(package, ignore_errors=True)
    spent = round(time.process_time() - started, 2)
    print(json.dumps({"case": case["name"], "package": package.name, "refused": refused, "seconds": spent}), flush=True)
print(json.dumps({"did": DONE}))
"""
_IMPORT: Final = """
import ast, importlib, pkgutil, warnings
from generator.bounds import bounded
import attrs, httpx, dateutil.parser, uuid, typing
from functools import cached_property
warnings.simplefilter("error")
MAY_WRITE = False
sys.addaudithook(watch)
sys.path.insert(0, os.path.join(INSIDE, "out"))
def read(folder):
    for path in (os.path.join(where, name) for where, _, names in os.walk(folder) for name in names):
        if path.endswith((".py", ".pyi")):
            with open(path, "rb") as file:
                tree = ast.parse(file.read(), path)
            assert not [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "__import__"], path
def load(name):
    read(os.path.join(INSIDE, "out", name))
    for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
        importlib.import_module(module.name)
    models = sys.modules[f"{name}.models"]
    [getattr(models, each) for each in getattr(models, "__all__", ())]
    calls = sys.modules[f"{name}.resources"].Resources(lambda call: call)
    [getattr(calls, each) for each in dir(calls)]
broken = {}
names = json.loads(sys.argv[2])
for name in names:
    try:
        with bounded(seconds=int(sys.argv[3]), mebibytes=int(sys.argv[4])):
            load(name)
    except (SyntaxError, SyntaxWarning, ImportError, AttributeError, NameError, TypeError, ValueError) as error:
        broken[name] = f"{type(error).__name__}: {error}"
print(json.dumps({"did": DONE, "broken": broken}))
"""


@define(frozen=True)
class Case:
    """One hostile document; `templates_alone` hands it to the templates as if no linter stood in the way."""

    name: str
    content: bytes
    suffix: str = "json"
    templates_alone: bool = False


@define(frozen=True)
class Outcome:
    """What became of a case; `refused` is what the generator said, None when there is a package."""

    case: str
    package: Path
    refused: str | None
    seconds: float


def generate_all(
    folder: Path, cases: list[Case], *, seconds: int = _SECONDS, templates: Path | None = None
) -> list[Outcome]:
    """Generate a package for each case in one watched child; `folder` must be empty.

    Other templates than ours leak, to show that a leak would be seen.
    """
    sandbox = folder / "sandbox"
    for name in ("tmp", "out"):
        (sandbox / name).mkdir(parents=True)
    listed = []
    for index, case in enumerate(cases):
        file = f"spec{index}.{case.suffix}"
        (sandbox / file).write_bytes(case.content)
        listed.append({"name": case.name, "file": file, "templates_alone": case.templates_alone})
    (sandbox / "cases.json").write_text(json.dumps(listed))
    *lines, last = _child(_WATCH + _GENERATE, sandbox, str(seconds), str(_MIBS), str(templates or ""))
    assert last == {"did": []}, last
    _require_no_canary(folder)
    assert (beside := {path.name for path in folder.iterdir()}) == {"sandbox"}, beside
    assert not list((sandbox / "tmp").iterdir())
    assert len(lines) == len(cases)
    return [
        Outcome(each["case"], sandbox / "out" / each["package"], each["refused"], each["seconds"]) for each in lines
    ]


def import_all(folder: Path, outcomes: list[Outcome]) -> dict[str, str]:
    """Import every module of what was generated, in a child that may do nothing else; return what is no Python."""
    generated = {each.package.name: each.case for each in outcomes if each.refused is None}
    [last] = _child(_WATCH + _IMPORT, folder / "sandbox", json.dumps(list(generated)), str(_SECONDS), str(_MIBS))
    assert last["did"] == [], last
    _require_no_canary(folder)
    return {generated[name]: error for name, error in last["broken"].items()}


def _require_no_canary(folder: Path) -> None:
    assert not (left := list(folder.rglob("*CANARY*"))), left


def _child(code: str, sandbox: Path, *arguments: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-B", "-c", code, str(sandbox), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        command, cwd=sandbox, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return [json.loads(line) for line in done.stdout.splitlines()]
