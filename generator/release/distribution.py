"""Wheel and sdist, built twice from two copies and compared byte for byte; hashes of what came out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from generator.errors import GeneratorError
from generator.package.upstream import digest
from generator.release.children import run


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
