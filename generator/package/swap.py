"""Puts a printed package in the place of the committed one, in one step, whatever happens in between.

Linux exchanges two folders atomically (renameat2(2), RENAME_EXCHANGE). Elsewhere the old one is renamed aside first;
a process that dies between the two renames leaves that name behind, and `recover` puts it back. What is put in place is
on the disk before. One process at a time does so: it holds a lock on the folder around, which ends with the process.
"""

import ctypes
import errno
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from generator.errors import GeneratorError
from generator.package.provenance import NAME, files

if sys.platform != "win32":
    import fcntl

_RENAME_EXCHANGE: Final = 2
_AT_FDCWD: Final = -100
# A replacement takes seconds.
_PATIENCE: Final = 60.0


def require_replaceable(target: Path) -> None:
    """Refuse to replace a folder that the generator did not print: `--output` may name anything.

    Raises:
        GeneratorError: Says what stands there.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise GeneratorError(f"{target} is no folder. Name a folder of its own with --output.")
    if target.is_dir() and any(files(target)) and not (target / NAME).is_file():
        raise GeneratorError(f"{target} holds files, and no {NAME}: not printed by this generator, so not replaced.")


def recover(target: Path) -> None:
    """Finish a replacement that was interrupted; nothing to do otherwise.

    Raises:
        GeneratorError: Another process replaces it, and does not come to an end.
    """
    if target.parent.is_dir():
        with _alone(target):
            _recover(target)


def replace(package: Path, target: Path, *, move: bool = False) -> None:
    """Let `target` be what `package` is; a reader sees the old one or the new one, whole.

    `move` spares the copy of a package that nobody needs any more, where both stand in one file system.

    Raises:
        GeneratorError: Another process replaces it, and does not come to an end.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        _recover(target)
        incoming = _incoming(target)  # beside the target: only a rename within one file system is atomic
        if move:
            shutil.move(package, incoming)
        else:
            shutil.copytree(package, incoming, ignore=shutil.ignore_patterns("__pycache__"))
        _write_through(incoming)
        if not target.exists():
            incoming.rename(target)
        elif not _exchange(incoming, target):
            target.rename(_outgoing(target))
            incoming.rename(target)
        _write_folder(target.parent)
        _recover(target)


def _recover(target: Path) -> None:
    outgoing = _outgoing(target)
    if outgoing.exists() and not target.exists():
        outgoing.rename(target)
    for leftover in (outgoing, _incoming(target)):
        if leftover.exists():
            shutil.rmtree(leftover)


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        _lock(folder, target)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, target: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise GeneratorError(f"{target}: another process replaces a package here. Run it again.") from None
            time.sleep(0.05)
        else:
            return


def _write_through(package: Path) -> None:
    """Let a package reach the disk: after a power failure a rename may be there, and what was renamed not."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if sys.platform == "linux" else None
    if syncfs is None:  # one call for all files takes a fortieth of the time
        for path in package.rglob("*"):
            _write_folder(path)
        return
    folder = os.open(package, os.O_RDONLY)
    try:
        if syncfs(folder) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(package))
    finally:
        os.close(folder)


def _write_folder(path: Path) -> None:
    """Let a file, or the names in a folder, reach the disk; Windows opens no folder."""
    if sys.platform == "win32":
        return
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _incoming(target: Path) -> Path:
    return target.with_name(f".{target.name}.incoming")


def _outgoing(target: Path) -> Path:
    return target.with_name(f".{target.name}.outgoing")


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders atomically; False where the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if rename is None:
        return False
    done = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    if done == 0:
        return True
    if (code := ctypes.get_errno()) in {errno.EINVAL, errno.ENOSYS, errno.EPERM}:  # not on this file system
        return False
    raise OSError(code, os.strerror(code), str(other))
