"""What the server's process and its database hold, read from outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from signedin_backend.schema import REFRESH_TOKENS, SESSIONS
from sqlalchemy import create_engine, func, select

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Held:
    """Counts at one moment."""

    kibibytes: int
    threads: int
    descriptors: int
    sessions: int
    tokens: int

    def __sub__(self, earlier: Held) -> Held:
        """Return the growth."""
        return Held(*(getattr(self, name) - getattr(earlier, name) for name in self.__slots__))


def held(pid: int, database: str) -> Held:
    """Count now (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    figures = {
        name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in status) if name in _READ
    }
    engine = create_engine(database)
    with engine.connect() as connection:
        sessions, tokens = (
            connection.scalar(select(func.count()).select_from(one)) for one in (SESSIONS, REFRESH_TOKENS)
        )
    engine.dispose()
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Held(figures["VmRSS"], figures["Threads"], descriptors, sessions or 0, tokens or 0)


_READ = {"VmRSS", "Threads"}


def processor_seconds(pid: int) -> float:
    """Return how long the threads have run that a process has now (Linux); one that ends takes its time with it."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def loop_seconds(pid: int) -> float:
    """Return how long the first thread of a process has run, which is the one of the event loop (Linux)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def load() -> str:
    """Return how busy this machine is, in processes that want a core."""
    return Path("/proc/loadavg").read_text().split()[0]


def quantile(seconds: Iterable[float], share: float) -> float:
    """Return the value that this share of them stays below."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
