"""Runs the pinned ruff over what was generated, out of reach of anybody's configuration."""

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

from generator.errors import GenerateError
from generator.package.pins import PINS

# `exclude=[]`: a tag may be called `dist` or `venv`, which ruff leaves out by default.
_SETTINGS: Final = (
    "--isolated",
    "--no-cache",
    "--no-respect-gitignore",
    "--config=line-length=120",
    "--config=target-version='py311'",
    "--config=exclude=[]",
)


def format_package(package: Path) -> None:
    """Sort imports, drop the unused ones, format.

    Raises:
        GenerateError: The environment has no ruff, or another one; or ruff met no Python in what was generated.
    """
    ruff = _ruff()
    _run([ruff, "check", *_SETTINGS, "--fix-only", "--select=F401,I", "--unsafe-fixes", "."], package)
    _run([ruff, "format", *_SETTINGS, "."], package)


def _ruff() -> str:
    name = "ruff.exe" if sys.platform == "win32" else "ruff"
    ruff = Path(sysconfig.get_path("scripts")) / name
    if not ruff.is_file():
        raise GenerateError(
            "ruff is missing beside the running Python. Install requirements/dev.txt into its environment."
        )
    if (version := _run([str(ruff), "--version"], ruff.parent).split()[-1]) != PINS["ruff"]:
        raise GenerateError(f"ruff beside the running Python is {version}, the generator is pinned to {PINS['ruff']}.")
    return str(ruff)


def _run(command: list[str], cwd: Path) -> str:
    # An empty environment: whatever RUFF_* variables come to mean, the bytes stay.
    done = subprocess.run(command, cwd=cwd, env={}, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise GenerateError(f"ruff cannot format what was generated:\n{done.stderr or done.stdout}")
    return done.stdout
