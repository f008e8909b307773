"""The replacement: one step, and whole again after a crash."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.errors import GeneratorError
from generator.package import swap
from generator.package.provenance import NAME
from generator.package.swap import recover, replace
from tests.generator.conftest import ROOT

CRASH = """
import os, signal, sys
from pathlib import Path
from generator.package import swap
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
        monkeypatch.setattr("generator.package.swap._exchange", lambda *_: False)
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


def test_a_run_that_is_killed_anywhere_leaves_a_whole_package_and_the_next_one_works(tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.generator.killed", str(tmp_path / "spec")],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    right = {"killed": True, "whole": True, "then": True, "beside": ["killed_sdk"]}
    assert [line for line in lines if line | right != line] == [], done.stderr
    assert len(lines) == 10


def test_a_replacement_waits_for_another_one_and_does_not_take_its_copy_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "_PATIENCE", 0.0)
    target, other = package(tmp_path / "sdk", "old"), package(tmp_path / "other", "other")
    move = shutil.move

    def interrupted(package: Path, incoming: Path) -> None:
        move(package, incoming)
        with pytest.raises(GeneratorError, match="another process replaces a package here"):
            recover(target)
        with pytest.raises(GeneratorError, match="another process replaces a package here"):
            replace(other, target)

    monkeypatch.setattr(shutil, "move", interrupted)
    replace(package(tmp_path / "new", "new"), target, move=True)
    assert names(target) == [NAME, "new.py"]
    replace(other, target)
    assert names(target) == [NAME, "other.py"]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_package_is_on_the_disk_before_it_is_put_in_place(
    at_once: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not at_once:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    target, new = package(tmp_path / "sdk", "old"), package(tmp_path / "new", "new")
    written: list[str] = []
    through, folder, exchange = swap._write_through, swap._write_folder, swap._exchange

    def logged(name: str, done: Callable[..., Any]) -> Callable[..., Any]:
        def do(path: Path, *more: Path) -> object:
            written.append(f"{name} {path.name}")
            return done(path, *more)

        return do

    monkeypatch.setattr(swap, "_write_through", logged("all", through))
    monkeypatch.setattr(swap, "_write_folder", logged("one", folder))
    monkeypatch.setattr(swap, "_exchange", logged("exchange", exchange))
    replace(new, target)
    files = [] if at_once else ["one _provenance.json", "one new.py"]
    assert sorted(written[:-2]) == ["all .sdk.incoming", *files]
    assert written[-2:] == ["exchange .sdk.incoming", f"one {tmp_path.name}"]
