"""Installs the release from the index into a clean environment and runs the README's example against the backend."""

import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from generator.errors import GeneratorError
from generator.release.distribution import run
from generator.release.index import Index

_SECONDS: Final = 300
_DEFAULT: Final = "http://localhost:5000/api/v1"


def try_release(index: Index, version: str, root: Path, folder: Path) -> str:
    """Return the output of the example.

    Raises:
        GeneratorError: It cannot be installed, or the example fails.
    """
    python = installed(index, f"signedin=={version}", folder)
    with _backend(folder) as base_url:
        program = example((root / "README.md").read_text("utf-8")).replace(_DEFAULT, base_url)
        return _run([python, "-c", program], folder, HOME=str(folder), XDG_STATE_HOME=str(folder))


def installed(index: Index, requirement: str, folder: Path) -> str:
    """Install from the index alone into a clean environment and return its interpreter.

    Raises:
        GeneratorError: It cannot be installed.
    """
    venv.create(folder / "venv", symlinks=True)
    python = str(folder / "venv" / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "--python", python]
    # The address holds the password: in the environment, since argv is for all to read. No file of pip's is read, since
    # that of the machine may name another index; `--isolated` would read those all the same, and not the environment.
    alone = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.address}
    _run([*pip, "install", "--quiet", requirement], folder, **alone)
    return python


def example(readme: str) -> str:
    """Return the first program of the README.

    Raises:
        GeneratorError: It has none.
    """
    if not (match := re.search(r"(?s)```python\n(.*?)```", readme)):
        raise GeneratorError("README.md has no example in Python.")
    return match[1]


@contextmanager
def _backend(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "signedin_backend", "--port", "0", "--database", str(folder / "trial.sqlite3")]
    with (folder / "backend.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith("listening on "):
            raise GeneratorError(f"The backend did not start: {(folder / 'backend.log').read_text()[-1000:]}")
        yield line.removeprefix("listening on ").strip()
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout:
            process.stdout.close()


def _run(command: list[str], cwd: Path, **environ: str) -> str:
    dropped = ("PYTHON", "SIGNEDIN_", "PIP_", "UV_", "VIRTUAL_ENV")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    try:
        done = run(command, cwd=cwd, env={**clean, **environ}, seconds=_SECONDS)
    except subprocess.TimeoutExpired:
        raise GeneratorError(f"The release does not work from the index: no end within {_SECONDS} seconds.") from None
    if done.returncode:
        raise GeneratorError(f"The release does not work from the index:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout
