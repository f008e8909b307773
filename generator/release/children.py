"""Runs a command that starts others, as `make` and `python -m build` do: what ends the wait for it ends all of them."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def run(
    command: list[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Return what became of a command, whatever its exit code.

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
