"""A Redis of a test's own on a free loopback port, stopped with it. It writes every change to disk before it answers.

with redis_server(tmp_path) as server:
    RedisStore(server.url)
"""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tests.servers import free_port, stop_process

_PATIENCE = 20  # seconds
_ATTEMPTS = 5  # another program may take the port that was free a moment ago


@dataclass(slots=True)
class RedisServer:
    """A Redis that can be stopped, killed and started again on its port with what it had on disk."""

    folder: Path
    options: tuple[str, ...] = ()
    password: str | None = None
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where it is, with its password."""
        return f"redis://{f':{self.password}@' if self.password else ''}127.0.0.1:{self.port}/0"

    @property
    def socket_path(self) -> Path:
        """Its Unix socket."""
        return self.folder / "redis.sock"

    def client(self) -> "redis.Redis":
        """Return a client for looking inside; close it."""
        return redis.Redis.from_url(self.url, decode_responses=True, socket_timeout=5)

    def start(self) -> None:
        """Start it and return when it answers.

        Raises:
            RuntimeError: It is not installed, or does not start.
        """
        program = shutil.which("redis-server")
        if program is None:
            raise RuntimeError("redis-server is missing: apt-get install redis-server, or brew install redis")
        for _ in range(_ATTEMPTS):
            port = self.port or free_port()
            self.process = subprocess.Popen([program, *self._arguments(port)], stdout=subprocess.DEVNULL)
            if self._answers(port):
                self.port = port
                return
            self.stop()
        raise RuntimeError(f"redis-server does not start in {self.folder}")

    def stop(self) -> None:
        """End it, if it runs."""
        if self.process is not None:
            stop_process(self.process)
            self.process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(_PATIENCE)
            self.process = None

    def _arguments(self, port: int) -> list[str]:
        made = {
            "port": str(port), "bind": "127.0.0.1", "dir": str(self.folder), "save": "", "appendonly": "yes",
            "appendfsync": "always", "unixsocket": str(self.socket_path), "daemonize": "no",
            **({"requirepass": self.password} if self.password else {}),
        }  # fmt: skip
        return [*(part for name, value in made.items() for part in (f"--{name}", value)), *self.options]

    def _answers(self, port: int) -> bool:
        end = time.monotonic() + _PATIENCE
        client = redis.Redis(port=port, password=self.password, socket_timeout=5)
        with contextlib.closing(client):
            while time.monotonic() < end and self.process is not None and self.process.poll() is None:
                with contextlib.suppress(redis.ConnectionError, redis.BusyLoadingError):
                    return bool(client.ping())
                time.sleep(0.02)
        return False


@contextlib.contextmanager
def redis_server(folder: Path, *options: str, password: str | None = None) -> Iterator[RedisServer]:
    """Start a Redis with its files in `folder`, and stop it at the end. `options` as on its command line."""
    server = RedisServer(folder, options, password)
    try:
        server.start()
        yield server
    finally:
        server.stop()
