"""A PostgreSQL of a test run's own: a new cluster on a free loopback port, and as many databases as tests ask for.

with postgres_server() as server, server.database() as url:
    Settings(database=url)
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.servers import free_port, stop_process

_PATIENCE = 60  # seconds
_ATTEMPTS = 5  # another program may take the port that was free a moment ago
_USER, _PASSWORD = "signedin", "only-on-loopback"
_MISSING = "PostgreSQL is missing: apt-get install postgresql, or brew install postgresql"
# A killed server loses nothing by them, only a power cut would: the machine's memory keeps what was written.
FAST = {"fsync": "off", "full_page_writes": "off"}


@dataclass(slots=True)
class PostgresServer:
    """A PostgreSQL that can be stopped, killed and started again on its port with what it had."""

    folder: Path
    options: dict[str, str]
    port: int = 0
    version: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def url(self, name: str) -> str:
        """Return where the database of this name is."""
        return f"postgresql://{_USER}:{_PASSWORD}@127.0.0.1:{self.port}/{name}"

    @contextlib.contextmanager
    def database(self, options: str = "", *, template: str = "template0") -> Iterator[str]:
        """Make an empty database, or a copy of one, and drop it at the end, whoever still uses it."""
        name = f"test_{os.urandom(6).hex()}"
        # Copying files is five times as fast as writing every page to the log; before 15 it was the only way.
        strategy = "STRATEGY FILE_COPY" if self.version >= 150_000 else ""
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} {strategy} {options}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement past every backend, in no transaction."""
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=10) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def start(self) -> None:
        """Start it and return when it answers.

        Raises:
            RuntimeError: It does not start; the text has the end of its log.
        """
        for _ in range(_ATTEMPTS):
            port = self.port or free_port()
            arguments = {**self.options, "port": str(port)}
            self.process = _popen(
                self.folder,
                [_program("postgres"), "-D", str(self.folder / "data")]
                + [part for name, value in arguments.items() for part in ("-c", f"{name}={value}")],
            )
            self.port, before = port, self.port
            if self._answers():
                return
            self.stop()
            self.port = before
        raise RuntimeError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        """End it and every connection, if it runs; nothing committed is lost."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a power cut would."""
        # SIGQUIT ends every process of the server at once, without a checkpoint: the next start recovers.
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            stop_process(self.process, how, patience=_PATIENCE)
            self.process = None

    def _answers(self) -> bool:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and self.process is not None and self.process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError):
                self.version = int(self.execute("SHOW server_version_num")[0][0])
                return True
            time.sleep(0.02)
        return False


@contextlib.contextmanager
def postgres_server(**options: str) -> Iterator[PostgresServer]:
    """Start a new cluster, and stop and remove it at the end. `options` are settings of postgresql.conf.

    Without options it does not force its writes to the disk; for measuring, pass `fsync="on"`.

    Raises:
        RuntimeError: It is not installed, or does not start.
    """
    # Not below pytest's folder: that is closed to the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="signedin-postgres-"))
    server = PostgresServer(folder, {**FAST, **options})
    try:
        _give(folder)
        _initialise(folder)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(folder: Path) -> None:
    password = folder / "password"
    password.write_text(_PASSWORD)
    command = [
        _program("initdb"), "--pgdata", str(folder / "data"), "--username", _USER, "--pwfile", str(password),
        "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
    ]  # fmt: skip
    if _popen(folder, command).wait(_PATIENCE):
        raise RuntimeError(f"initdb failed: {(folder / 'log').read_text()[-2000:]}")
    with (folder / "data" / "postgresql.conf").open("a") as file:
        # Some scores of connections: every test opens a few backends.
        file.write(f"\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\nmax_connections = 200\n")


def _popen(folder: Path, command: list[str]) -> subprocess.Popen[bytes]:
    # PostgreSQL refuses to run as root.
    user = _someone()
    run_as: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    with (folder / "log").open("ab") as log:
        # A group of its own: Ctrl+C in the terminal is for the tests, and they stop it.
        return subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **run_as
        )


def _give(folder: Path) -> None:
    if user := _someone():
        os.chown(folder, user.pw_uid, user.pw_gid)


def _someone() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise RuntimeError(_MISSING) from None


def _program(name: str) -> str:
    # Debian keeps them out of PATH, a folder for each version.
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name.split(".")[0])
    )
    path = shutil.which(name, path=os.pathsep.join([*map(str, reversed(folders)), os.environ.get("PATH", "")]))
    if path is None:
        raise RuntimeError(_MISSING)
    return path
