"""The fake auth server behind a real socket, and real child processes that use it."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from signedin.testing import FakeAuthServer, VirtualClock

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

PATIENCE = 30  # seconds; a child takes one


@dataclass(frozen=True, slots=True)
class Loopback:
    """A fake server with an address; its clock starts at the machine's own time."""

    fake: FakeAuthServer
    base_url: str


@contextmanager
def loopback(tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """Serve a fake server on a free loopback port."""
    fake = FakeAuthServer(clock=VirtualClock(time.time()))
    fake.add_user()
    with fake.listening(tls) as base_url:
        yield Loopback(fake, base_url)


class Child:
    """A Python program of its own."""

    def __init__(self, program: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)

    def output(self) -> str:
        """Wait for its end and return what it printed; fail if it failed."""
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == 0, err
        assert err == "", err
        return out.strip()


@contextmanager
def child(program: str, *arguments: object) -> Iterator[Child]:
    """Start a program, and see that it ends with the test."""
    started = Child(program, *arguments)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.kill()
        for stream in (started.process.stdout, started.process.stderr):
            if stream is not None:
                stream.close()
