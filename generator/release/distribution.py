"""Wheel and sdist, built twice from two copies and compared byte for byte; copies of a tree, commands run in them."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from generator.errors import GeneratorError
from generator.package.upstream import digest


def snapshot(root: Path, target: Path) -> Path:
    """Copy what git tracks, as it stands now."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode("utf-8")
    for name in filter(None, names.split("\0")):
        if (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, target / name)
    return target


def tracked(tree: Path, target: Path) -> Path:
    """Copy a tree to where tests may leave what they like; git tracks it all there, as tests expect of a checkout."""
    shutil.copytree(tree, target, copy_function=shutil.copyfile)
    for command in (["git", "init", "--quiet"], ["git", "add", "--all"]):
        subprocess.run(command, cwd=target, check=True, capture_output=True)
    return target


def built_twice(tree: Path, out: Path, epoch: str) -> list[Path]:
    """Return sdist and wheel.

    Raises:
        GeneratorError: They cannot be built, or the second build gave other bytes.
    """
    again = shutil.copytree(tree, out / "again", copy_function=shutil.copyfile)
    first, second = _built(tree, out / "dist", epoch), _built(Path(again), out / "dist-again", epoch)
    if [each.name for each in first] != [each.name for each in second]:
        raise GeneratorError("Two builds of one tree gave files of other names.")
    for one, other in zip(first, second, strict=True):
        if one.read_bytes() != other.read_bytes():
            raise GeneratorError(f"{one.name}: two builds of one tree gave other bytes; nobody could check it.")
    return first


def manifest(files: list[Path]) -> str:
    """Return the hashes as `sha256sum --check` reads them."""
    return "".join(f"{digest(each.read_bytes())}  {each.name}\n" for each in files)


def _built(tree: Path, out: Path, epoch: str) -> list[Path]:
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(tree)]
    environ = {**os.environ, "SOURCE_DATE_EPOCH": epoch, "PYTHONHASHSEED": "0"}
    done = run(command, cwd=tree, env=environ)
    if done.returncode:
        raise GeneratorError(f"The distribution cannot be built:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return sorted([*out.glob("*.tar.gz"), *out.glob("*.whl")])


def run(
    command: list[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Return what became of a command and all that it starts, as `make` and `python -m build` do.

    Raises:
        OSError: It cannot be started.
        subprocess.TimeoutExpired: It took longer than `seconds`; it and all that it started have ended.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException:  # time was up, or somebody interrupted: a terminal does not reach a session of its own
            _end(process)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _end(process: subprocess.Popen[str]) -> None:
    if process.returncode is not None:
        return
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
