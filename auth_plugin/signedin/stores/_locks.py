"""Locks between processes of one machine, on side files that are never deleted: on a deleted file they exclude nobody.

`<path>.lock` is held for the moment of one write, `<path>.<key>.lock` for a whole refresh. The system gives both back
when their holder dies. What is written under them is the stores' business.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from signedin.errors import TokenStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_FLAGS: Final = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_LOCKED_BYTE: Final = 2**30  # Windows locks bytes, also against readers: one that is never written


class SideFiles:
    """The locks beside `path`. `patience`: seconds to wait for another process's write, which takes milliseconds."""

    def __init__(self, path: Path, *, patience: float = 5.0) -> None:
        self._path = path
        self._patience = patience
        self._held: dict[tuple[str, str], int] = {}  # (key, owner) → descriptor of the refresh lock

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the write lock for the block; wait for it.

        Raises:
            TokenStoreError: Somebody else has had it for longer than a write can take.
        """
        descriptor = self._open(self._path.with_name(f"{self._path.name}.lock"))
        try:
            self._await(descriptor)
            yield
        finally:
            _give_back(descriptor)

    def try_lock(self, key: str, owner: str) -> bool:
        """Take the refresh lock of `key`, unless another descriptor, here or in another process, has it."""
        descriptor = self._open(self._refresh_lock(key))
        try:
            taken = _lock(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        if not taken:
            os.close(descriptor)
            return False
        self._held[key, owner] = descriptor
        _sign(descriptor)
        return True

    def unlock(self, key: str, owner: str) -> None:
        """Give the refresh lock back."""
        descriptor = self._held.pop((key, owner), None)
        if descriptor is not None:
            _give_back(descriptor)

    def holder(self, key: str) -> str | None:
        """Return who holds the refresh lock of `key`, in words; None if nobody does."""
        try:
            descriptor = os.open(self._refresh_lock(key), _FLAGS)
        except FileNotFoundError:
            return None
        try:
            if _lock(descriptor):
                return None
            return os.read(descriptor, 200).decode("ascii", "replace") or "a process that is just taking it"
        finally:
            _give_back(descriptor)

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's locks; closing the copies leaves the parent's lock alone."""
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()

    def _await(self, descriptor: int) -> None:
        end = time.monotonic() + self._patience
        while not _lock(descriptor):
            if time.monotonic() > end:
                raise TokenStoreError(
                    f"Another process has been writing {self._path} for {self._patience:g} s. Nothing was changed; "
                    "if no such process runs, the file system's locks do not work: use a local folder."
                )
            time.sleep(0.002)

    def _refresh_lock(self, key: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{hashlib.sha256(key.encode()).hexdigest()[:16]}.lock")

    def _open(self, side: Path) -> int:
        side.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(side, _FLAGS | os.O_CREAT, 0o600)


class Locking:
    """What stores with such locks have in common. `_trouble` makes an error of the system that of a store."""

    private = False
    _locks: SideFiles

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:  # noqa: ARG002 -- the kernel sees holders end
        """Take the refresh lock of `key`, unless anybody else, here or in another process, has it."""
        with self._trouble("lock"):
            return self._locks.try_lock(key, owner)

    def unlock(self, key: str, owner: str) -> None:
        """Give the refresh lock back."""
        self._locks.unlock(key, owner)

    def lock_holder(self, key: str) -> str | None:
        """Return who holds the refresh lock of `key`, in words; None if nobody does."""
        with self._trouble("look at the locks of"):
            return self._locks.holder(key)

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's locks."""
        self._locks.after_fork()

    def close(self) -> None:
        """Do nothing: nothing stays open between two calls, and a lock ends with its holder."""

    def _trouble(self, verb: str) -> contextlib.AbstractContextManager[None]:
        raise NotImplementedError


def _sign(descriptor: int) -> None:
    """Write who holds the lock into its file, for people; the lock itself is the system's, also on a full disk."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}".encode("ascii"))


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the latter is Windows' word for it
        return False
    return True


def _give_back(descriptor: int) -> None:
    # Not by closing alone: a child that was forked meanwhile has a copy of the descriptor, and with it the lock.
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
