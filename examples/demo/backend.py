"""The backend that the demo talks to: the reference backend as a child process, or one that runs already."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ACCESS_TTL: Final = 2  # seconds
_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 10


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


@contextmanager
def reference_backend(folder: Path) -> Iterator[str]:
    """Run the reference backend on a free loopback port with its data in `folder`; yield its base URL."""
    options = ["--port", "0", "--database", str(folder / "backend.sqlite3"), "--access-ttl", str(ACCESS_TTL)]
    command = [sys.executable, "-m", "signedin_backend", *options, "--ledger", "--no-rate-limit"]
    output, log = folder / "backend.out", folder / "backend.err"
    with output.open("w") as out, log.open("w") as err, child(command, stdout=out, stderr=err) as process:
        yield _base_url(process, output, log)


@contextmanager
def child(command: list[str], **streams: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a program of ours, and stop it at the end whatever happens."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SIGNEDIN_", "DATABASE_URL"))}
    # A session of its own: Ctrl-C reaches the demo alone, which then stops its children in order.
    process = subprocess.Popen(command, text=True, env=clean, start_new_session=True, **streams)
    try:
        yield process
    finally:
        _stop(process)


def ledger(base_url: str) -> dict[str, int]:
    """Return the backend's own counts; empty for a backend that keeps none."""
    try:
        answer = httpx.get(f"{base_url}/__ledger__", timeout=5.0, trust_env=False)
        ledger = answer.json() if answer.status_code == 200 else {}
    except (httpx.HTTPError, ValueError):
        return {}
    return {name: value for name, value in ledger.items() if isinstance(value, int)} if isinstance(ledger, dict) else {}


def since(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return what a ledger counted between two looks at it."""
    return {name: value - before.get(name, 0) for name, value in after.items()}


def _base_url(process: subprocess.Popen[str], output: Path, log: Path) -> str:
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if match := re.search(r"listening on (\S+)\n", output.read_text()):
            return match[1]
        time.sleep(0.02)
    raise DemoError(f"the backend did not start: {log.read_text()[-2000:] or 'it wrote nothing'}")


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
