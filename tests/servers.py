"""The reference backend as a child process, for every suite and program that needs a real one.

with backend(tmp_path, "--access-ttl", "2", "--ledger") as server:
    httpx.get(f"{server.base_url}/users/profile")
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

START_SECONDS = 30
STOP_SECONDS = 20
KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
_LISTENING = "listening on "


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
    folder: Path, *options: str, database: str = "backend.sqlite3", environ: Mapping[str, str] | None = None
) -> Iterator[Backend]:
    """Start a backend on a free loopback port with its SQLite file in `folder`, and stop it at the end.

    Several may share one folder and so one file, as workers do. `database` may be a URL as well; a PostgreSQL one is
    given a signing key, for there is no file to keep one beside. `options` are those of `python -m signedin_backend`;
    rate limits are off unless one of them says `--rate-limit`.

    Raises:
        RuntimeError: It did not start; the text has the end of its log.
    """
    file = Path(database.removeprefix("sqlite:///")) if "://" in database else folder / database
    url = database if "://" in database else f"sqlite:///{file}"
    log = folder / f"{file.name}.{os.urandom(4).hex()}.log"
    given = {"DATABASE_URL": url} | ({} if url.startswith("sqlite") else {"SIGNEDIN_BACKEND_JWT_KEY": KEY})
    limits = () if "--rate-limit" in options else ("--no-rate-limit",)
    command = [sys.executable, "-m", "signedin_backend", "--port", "0", *limits, *options]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SIGNEDIN_", "DATABASE_URL"))}
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**clean, **given, **(environ or {})},
        )
    try:
        yield Backend(_base_url(process, log), process, file, log, url)
    finally:
        _end(process)


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


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
    if process.stdout is not None:
        process.stdout.close()
