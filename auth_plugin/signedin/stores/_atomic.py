"""Files that are there as a whole or not at all, on the disk, and nobody else's to read. Who may write when: `file`."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Put the content in the place of what is there; under a lock, since what other writers have begun is removed."""
    _drop_unfinished(path)
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    create(new, content)
    try:
        new.replace(path)
    except BaseException:
        _unlink(new)
        raise
    _fsync_folder(path.parent)


def create(path: Path, content: bytes) -> None:
    """Write a file that is not there yet; when this fails it is not there, either."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        _unlink(path)
        raise


def _drop_unfinished(path: Path) -> None:
    """Remove what a process left that was killed between writing and replacing: it holds secrets."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}\.new")
    with os.scandir(path.parent) as entries:
        for entry in entries:
            if ours.fullmatch(entry.name) and _is_own_file(entry):
                _unlink(entry)


def _is_own_file(entry: os.DirEntry[str]) -> bool:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def _unlink(path: Path | os.DirEntry[str]) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108 -- an entry of a folder is no Path


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
