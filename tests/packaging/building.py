"""Builds the distribution as users' tools do, from a snapshot of the repository."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
_NOT_THE_SOURCE: Final = shutil.ignore_patterns(
    ".git", ".venv*", "__pycache__", ".*_cache", ".hypothesis", "build", "dist", "*.egg-info", "*.sqlite3*", "*.log"
)


@dataclass(frozen=True, slots=True)
class Built:
    """One sdist and one wheel, and the tree that they were built from."""

    tree: Path
    sdist: Path
    wheel: Path


def snapshot(folder: Path) -> Path:
    """Copy the repository, everything that could end in a wheel by mistake included."""
    return Path(shutil.copytree(ROOT, folder / "tree", ignore=_NOT_THE_SOURCE, copy_function=shutil.copyfile))


def build(tree: Path, out: Path, *what: str) -> Path:
    """Build into `out`, with the backend that is installed here; return the one file of the last kind."""
    command = [sys.executable, "-m", "build", "--no-isolation", *(f"--{kind}" for kind in what)]
    run(*command, "--outdir", str(out), str(tree), cwd=tree)
    (artifact,) = out.glob("*.whl" if what[-1] == "wheel" else "*.tar.gz")
    return artifact


# The pip of the environment that the tests run in, for another one: a pip of its own would take ten seconds to set up.
PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python")


def install(wheel: Path, folder: Path) -> None:
    """Install a wheel with what it needs into a new environment."""
    venv.create(folder, symlinks=True)
    run(*PIP, str(folder / "bin" / "python"), "install", "--quiet", "--no-compile", str(wheel), cwd=folder)


def run(*command: str, cwd: Path, **environ: str) -> str:
    """Run a program in an environment without ours and return what it printed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SIGNEDIN_"))}
    done = subprocess.run(
        command, cwd=cwd, env={**clean, **environ}, capture_output=True, text=True, timeout=240, check=False
    )
    if done.returncode:
        raise AssertionError(f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def members(archive: Path) -> dict[str, bytes]:
    """Return what a wheel or an sdist holds, by name; an sdist's without its first folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}
    with tarfile.open(archive) as sdist:
        files = [(one.name.partition("/")[2], sdist.extractfile(one)) for one in sdist.getmembers() if one.isfile()]
        return {name: file.read() for name, file in files if file is not None}
