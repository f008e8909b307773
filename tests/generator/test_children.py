"""A command that starts others, which `make` and the builder do, leaves none of them behind."""

import fcntl
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from generator.bounds import bounded
from generator.errors import LimitError
from generator.release.distribution import run

# The child holds a lock for as long as it lives, and says when it has it; its parent waits for it.
_CHILD: Final = """
import fcntl, pathlib, sys, time
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
pathlib.Path(sys.argv[1] + ".held").touch()
time.sleep(300)
"""
_PARENT: Final = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"


def _command(lock: Path) -> list[str]:
    return [sys.executable, "-c", _PARENT, _CHILD, str(lock)]


def _ends(lock: Path) -> bool:
    """Say whether nobody holds the lock within ten seconds."""
    until = time.monotonic() + 10
    with lock.open("w") as file:
        while time.monotonic() < until:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.05)
            else:
                return True
    return False


def test_a_command_that_takes_too_long_ends_with_all_that_it_started(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with pytest.raises(subprocess.TimeoutExpired):
        run(_command(lock), seconds=3)
    assert lock.with_name("lock.held").exists()
    assert _ends(lock)


def test_the_bounds_of_a_verb_end_a_command_with_all_that_it_started(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with pytest.raises(LimitError), bounded(seconds=3, mebibytes=4096):
        run(_command(lock))
    assert lock.with_name("lock.held").exists()
    assert _ends(lock)


def test_a_command_that_fails_is_no_error_and_its_words_are_kept(tmp_path: Path) -> None:
    program = "import os, sys; print(os.getcwd()); print('no', file=sys.stderr); sys.exit(3)"
    done = run([sys.executable, "-c", program], cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, f"{tmp_path}\n", "no\n")
