"""Tokens in a file that processes of one user share: `flock`, atomic replace, mode 0600.

The locks stand in `_locks`, how a record is written in `_codec`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import stat
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signedin.errors import ConfigurationError, TokenStoreError
from signedin.stores._atomic import create, replace
from signedin.stores._codec import FORMAT, decode, encode, refuse_newer
from signedin.stores._locks import SideFiles
from signedin.stores._mounts import NetworkFileSystemWarning, network_file_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signedin._tokens import Record

_FULL = 4 * 1024 * 1024  # bytes; each change writes the whole file, so a larger one takes no further session
_LARGEST = 4 * _FULL  # bytes; what is larger is no token file: records may grow in a full one


class FileStore:
    """Keep records in one file, by default in the user's state folder, for every process of this user.

    The file must belong to this user, be readable by nobody else and be no symlink. What cannot be read is moved aside:
    one damaged record alone, otherwise the file. On a network file system `flock` and rename promise less: where Linux
    tells that the file is on one, a `NetworkFileSystemWarning` says so, once for each store.
    """

    private = False

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        if sys.platform == "win32":
            raise ConfigurationError("FileStore needs POSIX file locks, which this system lacks; use KeyringStore.")
        if path is not None and "\0" in os.fsdecode(path):
            raise ConfigurationError("The path of the token file holds a NUL, which no file's name can.")
        self._path = Path(path).expanduser().absolute() if path is not None else default_path()
        self._locks = SideFiles(self._path)
        if (kind := network_file_system(self._path)) is not None:
            warnings.warn(_shared(self._path, kind), NetworkFileSystemWarning, stacklevel=2)

    def __repr__(self) -> str:
        return f"FileStore({str(self._path)!r})"

    @property
    def path(self) -> Path:
        """Where the tokens are."""
        return self._path

    def load(self, key: str) -> Record | None:
        """Return the record last written under `key`."""
        with self._trouble("read"):
            try:
                return _record(self._read(), key)
            except ValueError:
                with self._locks.writing():
                    return self._record(key)

    def peek(self, key: str) -> Record | None:
        """Return the record last written under `key`, and move nothing aside: for a look that changes nothing."""
        with self._trouble("read"):
            try:
                return _record(self._read(), key)
            except ValueError as error:
                why = str(error)
        raise TokenStoreError(
            f"The token file {self._path} is damaged ({why}). Nothing was changed; the next use moves aside what "
            "cannot be read. Sign in again then."
        )

    def compare_and_set(self, key: str, expected: int, record: Record) -> bool:
        """Write `record` if the revision under `key` is still `expected`; on disk when it returns True."""
        with self._trouble("write"), self._locks.writing():
            current = self._record(key)
            if (current.revision if current else 0) != expected:
                return False
            self._write({**self._read(), key: encode(record)}, another=current is None)
            return True

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:  # noqa: ARG002 -- the kernel sees holders end
        """Take the refresh lock of `key`, unless another descriptor, here or in another process, has it."""
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

    # ------------------------------------------------------------------------------------------------ the file

    def _record(self, key: str) -> Record | None:
        """Return the record; move what is damaged aside. Under the write lock, else what is sound could be moved."""
        try:
            records = self._read()
        except ValueError as error:
            raise self._quarantined(str(error)) from None
        try:
            return _record(records, key)
        except ValueError as error:
            raise self._without(records, key, str(error)) from None

    def _read(self) -> dict[str, Any]:
        try:
            # O_NONBLOCK: a named pipe in the file's place would wait for a writer.
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return {}
        with os.fdopen(descriptor, "rb") as file:
            self._demand_private(os.fstat(descriptor))
            content = file.read(_LARGEST + 1)
        return _parsed(content)

    def _write(self, records: dict[str, Any], *, another: bool) -> None:
        content = self._content(records)
        if another and len(content) > _FULL:
            raise TokenStoreError(
                f"The token file {self._path} is full: it holds {len(records) - 1} sessions. Nothing was changed. Use "
                "one file for each user, or RedisStore."
            )
        replace(self._path, content)

    def _content(self, records: dict[str, Any]) -> bytes:
        try:
            return json.dumps({"format": FORMAT, "records": records}, indent=1).encode()
        except RecursionError:  # what can be read as JSON may be too deep to be written
            raise self._quarantined("it is nested too deep") from None

    # -------------------------------------------------------------------------------------------------- refusals

    def _demand_private(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise TokenStoreError(f"{self._path} is not a regular file; nothing was read. Name another path.")
        if status.st_uid != os.geteuid():
            raise TokenStoreError(
                f"{self._path} belongs to another user (uid {status.st_uid}); nothing was read. Name another path."
            )
        if status.st_mode & 0o077:
            raise TokenStoreError(
                f"{self._path} can be read by others (mode {stat.S_IMODE(status.st_mode):04o}), so its tokens are not "
                f"used. Nothing was changed: run `chmod 600 {self._path}`, or sign in anew if it was exposed."
            )

    def _quarantined(self, why: str) -> TokenStoreError:
        aside = self._aside()
        self._path.rename(aside)
        return TokenStoreError(
            f"The token file {self._path} was damaged ({why}). It was moved to {aside}; nothing is lost. Sign in again."
        )

    def _without(self, records: dict[str, Any], key: str, why: str) -> TokenStoreError:
        """Move one record aside: the others in the file are other sign-ins, and sound as far as anybody knows."""
        aside = self._aside()
        create(aside, self._content({key: records.pop(key)}))
        self._write(records, another=False)
        return TokenStoreError(
            f"The record {key!r} in the token file {self._path} was damaged ({why}). It was moved to {aside}; the "
            "others stay, and nothing is lost. Sign in again."
        )

    def _aside(self) -> Path:
        return self._path.with_name(f"{self._path.name}.corrupt-{secrets.token_hex(4)}")

    @contextlib.contextmanager
    def _trouble(self, verb: str) -> Iterator[None]:
        try:
            yield
        except TokenStoreError as error:
            raise error.again() from None  # the frames below hold the file's content, and crash reporters show frames
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise TokenStoreError(f"{self._path} is a symlink; it was not followed. Name the real path.") from None
            raise TokenStoreError(
                f"Cannot {verb} the token file {self._path}: {error.strerror}. The tokens were left as they are."
            ) from error.with_traceback(None)  # as above


def default_path() -> Path:
    """Return the token file in the user's state folder (XDG Base Directory Specification; Apple's guide on macOS)."""
    if sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    else:
        folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return folder / "signedin" / "tokens.json"


def _shared(path: Path, kind: str) -> str:
    return (
        f"{path} is on a network file system ({kind}). Other hosts may not see its locks, and may see a new file late: "
        "two of them may then send one refresh token twice, which ends the session on a strict server. Name a path on "
        "a local disk, or use RedisStore where several hosts share a sign-in."
    )


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content) if len(content) <= _LARGEST else None
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    refuse_newer(said)
    if not isinstance(said, dict) or said.get("format") != FORMAT or not isinstance(said.get("records"), dict):
        raise ValueError("it is no token file of this format")
    records: dict[str, Any] = said["records"]
    return records


def _record(records: dict[str, Any], key: str) -> Record | None:
    return decode(records[key]) if key in records else None
