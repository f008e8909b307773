"""The replacement: one step, and whole again after a crash."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from generator.provenance import NAME
from generator.swap import recover, replace
from tests.generator.conftest import ROOT

CRASH = """
import os, signal, sys
from pathlib import Path
from generator import swap
swap._exchange = lambda one, other: False
renames = 0
rename = Path.rename
def dying(self, target):
    global renames
    renames += 1
    if renames > int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.rename = dying
swap.replace(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def package(folder: Path, mark: str) -> Path:
    folder.mkdir()
    (folder / NAME).write_text("{}")
    (folder / f"{mark}.py").write_text(mark)
    return folder


def crash(new: Path, target: Path, renames: int) -> int:
    """Replace without the exchange and die before the rename after `renames`."""
    command = [sys.executable, "-c", CRASH, str(new), str(target), str(renames)]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False).returncode


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("atomic", [True, False])
def test_the_new_package_replaces_the_old_one_whole(
    atomic: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not atomic:
        monkeypatch.setattr("generator.swap._exchange", lambda *_: False)
    old = package(tmp_path / "sdk", "old")
    new = package(tmp_path / "new", "new")
    (new / "__pycache__").mkdir()
    replace(new, old)
    assert names(old) == [NAME, "new.py"]
    assert names(tmp_path) == ["new", "sdk"]


def test_linux_exchanges_the_folders_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("renameat2 is Linux's")
    target = package(tmp_path / "sdk", "old")

    def refuse(self: Path, target: Path) -> Path:
        raise AssertionError(f"{self} was renamed to {target}: for a moment nothing was there")

    monkeypatch.setattr(Path, "rename", refuse)
    replace(package(tmp_path / "new", "new"), target)
    assert names(target) == [NAME, "new.py"]


@pytest.mark.parametrize(("renames", "there"), [(0, "old.py"), (1, "old.py"), (2, "new.py")])
def test_a_crash_during_the_replacement_is_recovered(renames: int, there: str, tmp_path: Path) -> None:
    target, new = package(tmp_path / "sdk", "old"), package(tmp_path / "new", "new")
    assert crash(new, target, renames) == (0 if renames == 2 else -signal.SIGKILL)
    recover(target)
    assert names(target) == [NAME, there]
    assert names(tmp_path) == ["new", "sdk"]


def test_a_crashed_replacement_does_not_hinder_the_next_one(tmp_path: Path) -> None:
    target, new = package(tmp_path / "sdk", "old"), package(tmp_path / "new", "new")
    crash(new, target, 1)
    assert not target.exists()
    replace(new, target)
    assert names(target) == [NAME, "new.py"]
    assert names(tmp_path) == ["new", "sdk"]


def test_a_first_package_is_put_in_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    replace(package(tmp_path / "new", "new"), tmp_path / "deep" / "sdk")
    assert names(tmp_path / "deep") == ["sdk"]
