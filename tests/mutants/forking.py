"""A process that collects the killers once, and forks for each mutant: to start anew takes longer than most killers.

The killers are its arguments. Reads one JSON list a line on stdin: the mutated file, its source, the killer.
Answers with one a line: the exit code, which is 1 where the killer failed, and what it printed.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import os
import pkgutil
import shutil
import signal
import sys
import tempfile
import traceback
from collections import defaultdict
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

import anyio.pytest_plugin
import pytest
import pytest_timeout  # type: ignore[import-untyped]
import signedin
import signedin_sdk
from _pytest.assertion.rewrite import AssertionRewritingHook

from tests.mutants.catalogue import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

_Place = tuple[str, str, int]  # file, qualified name, first line
# pytest's own tracebacks cost more than most killers: for each frame it looks for the source in all modules.
_OPTIONS = ("-q", "-s", "-x", "-p", "no:cacheprovider", "--tb=native", "--timeout=4", "--timeout-method=thread")
_PLUGINS = (anyio.pytest_plugin, pytest_timeout)


class Forking:
    """A pytest session that runs an item for each line that it reads, in a child, on mutated functions."""

    def __init__(self, answers: int, folder: Path) -> None:
        self._answers, self._folder = answers, folder
        self._functions = _functions()
        self._failed = False
        # For the processes that a killer starts: with its bytecode, which stays valid for all files but one.
        shutil.copytree(PACKAGE, folder / PACKAGE.name)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Fork for each line until stdin ends."""
        items = defaultdict(list)
        for item in session.items:
            for name in {item.nodeid, item.nodeid.partition("[")[0]}:
                items[name].append(item)
        gc.collect()
        gc.freeze()  # what is here is never collected: a child that looked at it all would copy it
        for line in sys.stdin:
            file, mutated, killer = json.loads(line)
            code, printed = self._fork(file, mutated, killer, items[killer])
            os.write(self._answers, json.dumps([code, printed]).encode() + b"\n")
        return True

    def _fork(self, file: str, mutated: str, killer: str, items: list[pytest.Item]) -> tuple[int, str]:
        output, copy = self._folder / "output", self._folder / PACKAGE.name / file
        original = copy.read_bytes()
        copy.write_text(mutated)
        child = os.fork()
        if not child:
            try:
                _redirect(output)
                os._exit(self._run(file, mutated, killer, items))
            except BaseException:  # noqa: BLE001 -- what the parent shows, beside the exit code
                traceback.print_exc()
            finally:
                os._exit(3)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        copy.write_bytes(original)
        return code, output.read_text(errors="replace")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed |= report.when == "call"
            sys.stdout.write(report.longreprtext)
            sys.stdout.flush()

    def _run(self, file: str, mutated: str, killer: str, items: list[pytest.Item]) -> int:
        # For the killer's own children; before the installed package on the path. None writes bytecode: two mutants of
        # one size within a second would share it.
        os.environ |= {"PYTHONPATH": str(self._folder), "PYTHONDONTWRITEBYTECODE": "1"}
        if not _swap(PACKAGE / file, mutated, self._functions):
            return _run_anew(self._folder, killer)
        for item in items:
            if killer.startswith("tests/model/"):  # which hangs nowhere, and takes its time on a busy machine
                item.add_marker(pytest.mark.timeout(60))
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
            if self._failed:
                return 1
        return 0


def _redirect(output: Path) -> None:
    signal.alarm(100)  # seconds; pytest's own timeout comes first, where it can
    printed = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for standard, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), printed, printed)):
        os.dup2(descriptor, standard)


def _functions() -> dict[_Place, list[FunctionType]]:
    functions = defaultdict(list)
    for function in gc.get_objects():
        if isinstance(function, FunctionType) and function.__code__.co_filename.startswith(str(PACKAGE)):
            functions[_place(function.__code__)].append(function)
    return functions


def _swap(path: Path, mutated: str, functions: dict[_Place, list[FunctionType]]) -> bool:
    """Give a module's live functions their mutated code; False where the mutant stands outside of functions."""
    old, new = (compile(source, str(path), "exec") for source in (path.read_text(), mutated))
    changed = list(_changed(old, new))
    if not all(code.co_flags & inspect.CO_OPTIMIZED for code, _ in changed):
        return False
    for code, replacement in changed:
        for function in functions[_place(code)]:
            function.__code__ = replacement
    return True


def _changed(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield each code that differs in more than line numbers, or holds one that does and is no module or class."""
    inner = [
        pair
        for before, after in zip(old.co_consts, new.co_consts, strict=False)
        if isinstance(before, CodeType) and isinstance(after, CodeType)
        for pair in _changed(before, after)
    ]
    yield from inner
    if _essence(old) != _essence(new) or (inner and old.co_flags & inspect.CO_OPTIMIZED):
        yield old, new


def _essence(code: CodeType) -> tuple[object, ...]:
    consts = [(type(const), None if isinstance(const, CodeType) else const) for const in code.co_consts]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return (code.co_code, code.co_flags, code.co_argcount, code.co_kwonlyargcount, names, consts)


def _place(code: CodeType) -> _Place:
    return (code.co_filename, code.co_qualname, code.co_firstlineno)


def _run_anew(folder: Path, killer: str) -> int:
    """Import everything that stands on the mutated package again."""
    for name in list(sys.modules):
        if name.split(".")[0] in {"conftest", "signedin", "signedin_sdk", "tests"}:
            del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, AssertionRewritingHook)]
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    return int(pytest.main([*_OPTIONS, killer], plugins=list(_PLUGINS)))


def main() -> None:
    """Import both packages as a whole, then serve."""
    for package in (signedin, signedin_sdk):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    answers = os.dup(1)
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory() as folder:
        options = [*_OPTIONS, f"--basetemp={folder}/each", *sys.argv[1:]]
        pytest.main(options, plugins=[*_PLUGINS, Forking(answers, Path(folder))])


if __name__ == "__main__":
    main()
