"""The reference backend as a child process, for every suite and program that needs a real one.

with backend(tmp_path, "--access-ttl", "2", "--ledger") as server:
    httpx.get(f"{server.base_url}/users/profile")
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

START_SECONDS = 90
STOP_SECONDS = 20
KEY = "cdb0a0f4ec21f6fe777aced3aa990f5b4336327da954a3216f4416a2ad1fbbf6"
_LISTENING = "listening on "
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Backend:
    """A running backend."""

    base_url: str
    """With the base path: `http://127.0.0.1:PORT/api/v1`."""
    process: subprocess.Popen[str]
    database: Path
    log: Path
    """Its log, one JSON object a line."""
    database_url: str

    @property
    def root_url(self) -> str:
        """Where `/healthz` and `/readyz` stand."""
        return self.base_url.removesuffix("/api/v1")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def stop(self) -> int:
        """Ask it to stop and return its exit code; kill it when it does not."""
        self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def backend(
    folder: Path,
    *options: str,
    database: str = "backend.sqlite3",
    environ: Mapping[str, str] | None = None,
    checked: bool = True,
) -> Iterator[Backend]:
    """Start a backend on a free loopback port with its SQLite file in `folder`, and stop it at the end.

    Several may share one folder and so one file, as workers do. `database` may be a URL as well; with a
    PostgreSQL one comes a signing key, for there is no file to keep one beside. `options` are those of
    `python -m signedin_backend`; rate limits are off unless one of them says `--rate-limit`. Every answer is held
    against `openapi.yaml`, whoever gets it; `checked=False` runs the program itself, for measuring and for tests whose
    clients check.

    Raises:
        RuntimeError: It did not start; the text has the end of its log.
        AssertionError: It gave an answer that breaks the contract.
    """
    file = Path(database.removeprefix("sqlite:///")) if "://" in database else folder / database
    url = database if "://" in database else f"sqlite:///{file}"
    log = folder / f"{file.name}.{os.urandom(4).hex()}.log"
    required = {} if url.startswith("sqlite") else {"SIGNEDIN_BACKEND_JWT_KEY": KEY}
    limits = () if "--rate-limit" in options else ("--no-rate-limit",)
    module = "tests.checked_backend" if checked else "signedin_backend"
    command = [sys.executable, "-m", module, "--port", "0", *limits, *options]
    with log.open("w") as errors:
        env = _environ(url, {**required, **(environ or {})})
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env, cwd=_ROOT)
    try:
        yield Backend(_base_url(process, log), process, file.absolute(), log, url)
    finally:
        stop_process(process)
    broken = [line for line in log.read_text().splitlines() if line.startswith("an answer breaks the contract: ")]
    assert not broken, broken[:5]


@dataclass(frozen=True, slots=True)
class Workers:
    """A running backend of several processes, under uvicorn's own supervisor, which replaces one that dies."""

    process: subprocess.Popen[str]
    log: Path

    @property
    def base_url(self) -> str:
        """With the base path."""
        listening = re.search(r"running on (http://\S+)", self.log.read_text())
        if listening is None:
            raise RuntimeError(f"the workers did not start: {self.log.read_text()[-2000:]}")
        return f"{listening[1]}/api/v1"

    @property
    def died(self) -> int:
        """How many workers ended and were replaced."""
        return len(re.findall(r"Child process \[\d+\] died", self.log.read_text()))

    def kill(self) -> None:
        """End all of them at once, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)


@contextmanager
def workers(
    folder: Path,
    count: int,
    *,
    database: str,
    factory: str = "signedin_backend:from_environment",
    environ: Mapping[str, str] | None = None,
) -> Iterator[Workers]:
    """Start so many workers of the backend on a free loopback port, and stop them at the end.

    Raises:
        RuntimeError: They did not start; the text has the end of their log.
    """
    log = folder / f"workers.{os.urandom(4).hex()}.log"
    command = [
        *(sys.executable, "-m", "uvicorn", "--factory", factory),
        *("--workers", str(count), "--port", "0", "--no-access-log", "--http", "signedin_backend.protocol:Protocol"),
        # A busy machine starts a worker slower than the default of 5 seconds, after which it would be ended.
        *("--timeout-worker-healthcheck", "15"),
        *("--log-config", "backend/uvicorn_log.json"),
    ]
    required = {"SIGNEDIN_BACKEND_JWT_KEY": KEY, "SIGNEDIN_BACKEND_RATE_LIMIT": "off"}
    env = _environ(database, {**required, **(environ or {})})
    with log.open("w") as errors:
        process = subprocess.Popen(command, stderr=errors, text=True, env=env, cwd=_ROOT, start_new_session=True)
    started = Workers(process, log)
    try:
        end = time.monotonic() + START_SECONDS
        while log.read_text().count("Application startup complete") < count:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the workers did not start: {log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield started
    finally:
        if process.poll() is None:
            stop_process(process)


def _environ(database_url: str, required: Mapping[str, str]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SIGNEDIN_", "DATABASE_URL"))}
    return {**clean, "DATABASE_URL": database_url, **required}


def _base_url(process: subprocess.Popen[str], log: Path) -> str:
    line: Future[str] = Future()
    stdout = process.stdout
    if stdout is None:
        raise RuntimeError("the child has no stdout")
    Thread(target=lambda: line.set_result(stdout.readline()), daemon=True).start()
    try:
        first = line.result(START_SECONDS)
    except TimeoutError:
        first = ""
    if not first.startswith(_LISTENING):
        raise RuntimeError(f"the backend did not start: {log.read_text()[-2000:]}")
    return first.removeprefix(_LISTENING).strip()


def stop_process(
    process: subprocess.Popen[Any], how: signal.Signals = signal.SIGTERM, *, patience: float = STOP_SECONDS
) -> None:
    """Ask a program to stop, if it runs; kill it when it does not."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
    if process.stdout is not None:
        process.stdout.close()


def free_port() -> int:
    """Return a port that nobody has yet."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
