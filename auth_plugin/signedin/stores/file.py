"""Tokens in a file that processes of one user share: `flock`, atomic replace, mode 0600.

The locks stand in `_locks`; where the file is, what is in it and how it is written, in three parts below the store.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import stat
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from signedin._tokens import FORMAT, refuse_later_format
from signedin.errors import ConfigurationError, TokenStoreError
from signedin.protocols import Stored, first_revision
from signedin.stores._locks import Locking, SideFiles

if sys.platform != "win32":
    import pwd

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL = 4 * 1024 * 1024  # bytes; each change writes the whole file, so a larger one takes no further session
_LARGEST = 4 * _FULL  # bytes; what is larger is no token file: records may grow in a full one
MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL: Final = re.compile(rb"\\([0-7]{3})")  # a blank in a mount point's name is written \040 there
# As Linux names them (`man 5 proc_pid_mountinfo`, field 9); a FUSE file system is "fuse.<program>".
_NETWORK: Final = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fhgfs", "glusterfs", "gpfs",
    "lustre", "ncpfs", "nfs", "nfs4", "orangefs", "panfs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf",
    "vmhgfs",
    "fuse.afs", "fuse.ceph", "fuse.ceph-fuse", "fuse.cvmfs2", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs",
    "fuse.gvfsd-fuse", "fuse.juicefs", "fuse.mount.davfs2", "fuse.moosefs", "fuse.rclone", "fuse.s3fs",
    "fuse.seaweedfs", "fuse.sshfs", "fuse.vmhgfs-fuse",
})  # fmt: skip


class NetworkFileSystemWarning(RuntimeWarning):
    """A token file lies where processes on other hosts may not see its locks."""


class FileStore(Locking):
    """Keep tokens in one file, by default in the user's state folder, for every process of this user.

    The file must belong to this user, be readable by nobody else and be no symlink. What cannot be read is moved aside:
    one damaged entry alone, otherwise the file. On a network file system `flock` and rename promise less: where Linux
    tells that the file is on one, a `NetworkFileSystemWarning` says so, once for each store.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        if sys.platform == "win32":
            raise ConfigurationError("FileStore needs POSIX file locks, which this system lacks; use KeyringStore.")
        self._path = absolute("path", path) if path is not None else default_path()
        self._locks = SideFiles(self._path)
        if (kind := network_file_system(self._path)) is not None:
            warning = (
                f"{self._path} is on a network file system ({kind}). Other hosts may not see its locks, and may see a "
                "new file late: two of them may then send one refresh token twice, which ends the session on a strict "
                "server. Name a path on a local disk, or use RedisStore where several hosts share a sign-in."
            )
            warnings.warn(warning, NetworkFileSystemWarning, stacklevel=2)

    def __repr__(self) -> str:
        return f"FileStore({str(self._path)!r})"

    @property
    def path(self) -> Path:
        """Where the tokens are."""
        return self._path

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._path,)

    def load(self, key: str) -> Stored | None:
        """Return what was last written under `key`."""
        with self._trouble("read"):
            try:
                return from_json(self._read().get(key))
            except ValueError:
                with self._locks.writing():
                    return self._sound(key)

    def peek(self, key: str) -> Stored | None:
        """Return what was last written under `key`, and move nothing aside: for a look that changes nothing."""
        with self._trouble("read"):
            try:
                return from_json(self._read().get(key))
            except ValueError as error:
                why = str(error)
        raise TokenStoreError(
            f"The token file {self._path} is damaged ({why}). Nothing was changed; the next use moves aside what "
            "cannot be read. Sign in again then."
        )

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        """Write `data` if the revision under `key` is still the expected one; on disk when it returns True."""
        with self._trouble("write"), self._locks.writing():
            current = self._sound(key)
            if (current.revision if current else 0) != expected_revision:
                return False
            entry = to_json(Stored(expected_revision + 1 if expected_revision else first_revision(), data))
            self._write({**self._read(), key: entry}, another=current is None)
            return True

    # ------------------------------------------------------------------------------------------------ the file

    def _sound(self, key: str) -> Stored | None:
        """Return the entry; move what is damaged aside. Under the write lock, else what is sound could be moved."""
        try:
            entries = self._read()
        except ValueError as error:
            raise self._quarantined(str(error)) from None
        try:
            return from_json(entries.get(key))
        except ValueError as error:
            raise self._without(entries, key, str(error)) from None

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
        _replace(self._path, content)

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
        _create(aside, self._content({key: records.pop(key)}))
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


# ------------------------------------------------------------------------------------------------------ where it is


def default_path() -> Path:
    """Return the token file in the user's state folder (XDG Base Directory Specification; Apple's guide on macOS)."""
    if sys.platform == "darwin":
        folder = _home() / "Library" / "Application Support"
    elif (state := Path(os.environ.get("XDG_STATE_HOME", ""))).is_absolute():
        folder = state
    else:  # the specification has relative ones ignored
        folder = _home() / ".local" / "state"
    return folder / "signedin" / "tokens.json"


def absolute(argument: str, path: str | os.PathLike[str]) -> Path:
    """Return the path that a user gave as `argument`, with its `~` expanded."""
    if "\0" in os.fsdecode(path):
        raise ConfigurationError(f"{argument} holds a NUL, which no file's name can.")
    place = Path(os.fsdecode(path))
    if place.parts[:1] == ("~",):
        return _home().joinpath(*place.parts[1:])
    try:
        return place.expanduser().absolute()
    except RuntimeError:
        raise ConfigurationError(f"{argument} begins with ~ and a user whom this system does not know.") from None
    except OSError:
        raise ConfigurationError(
            f"{argument} is relative, and the working folder is gone or cannot be read; name an absolute path."
        ) from None


def _home() -> Path:
    # Not Path.home(): that takes HOME as it is, relative or empty too.
    with contextlib.suppress(KeyError, RuntimeError):
        if sys.platform == "win32":
            return Path.home()
        if (home := Path(os.environ.get("HOME", ""))).is_absolute():
            return home
        if (home := Path(pwd.getpwuid(os.getuid()).pw_dir)).is_absolute():
            return home
    raise ConfigurationError(
        "There is no home folder for the tokens: HOME is not set to an absolute path, and the system lists none for "
        "this user. Set HOME or XDG_STATE_HOME, or name an absolute path, as in FileStore(path) or "
        "SIGNEDIN_STORE=file:///path/to/tokens.json."
    )


def network_file_system(path: Path) -> str | None:
    """Return the name of the network file system that `path` is on; None for a local one, or where nobody says."""
    try:
        # A folder that is a link to somewhere else lies where it points.
        kind = kind_of(path.parent.resolve(), MOUNTS.read_text(errors="surrogateescape"))
    except (OSError, RuntimeError):  # the latter for links in a circle, until Python 3.13
        return None
    return kind if kind in _NETWORK else None


def kind_of(folder: Path, mounts: str) -> str | None:
    """Return the type of the file system that holds an absolute folder, by the text of /proc/self/mountinfo."""
    longest, kind = 0, None
    for line in mounts.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = os.fsdecode(_OCTAL.sub(lambda digits: bytes([int(digits[1], 8)]), os.fsencode(fields[4])))
        # The longest mount point holds it; of two at one place the later hides the earlier.
        if folder.is_relative_to(point) and len(point) >= longest:
            longest, kind = len(point), after.split(" ")[0]
    return kind


# ---------------------------------------------------------------------------------------------------- what is in it


def to_json(stored: Stored) -> dict[str, object]:
    """Return an entry as JSON values; Latin-1 has one character for each byte, and shows JSON as it is."""
    return {"revision": stored.revision, "data": stored.data.decode("latin-1")}


def from_json(entry: Any) -> Stored | None:
    """Return the entry. ValueError: it is none; the message quotes nothing of it."""
    if entry is None:
        return None
    try:
        revision, data = entry["revision"], entry["data"].encode("latin-1")
    except (KeyError, TypeError, AttributeError, UnicodeError) as error:
        reason = type(error).__name__
    else:
        if isinstance(revision, int) and not isinstance(revision, bool) and revision > 0:
            return Stored(revision, data)
        reason = "revision"
    raise ValueError(f"not an entry: {reason}")


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content) if len(content) <= _LARGEST else None
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    refuse_later_format(body)
    if not isinstance(body, dict) or body.get("format") != FORMAT or not isinstance(body.get("records"), dict):
        raise ValueError("it is no token file of this format")
    records: dict[str, Any] = body["records"]
    return records


# ------------------------------------------------------------------------------------ there as a whole or not at all


def _replace(path: Path, content: bytes) -> None:
    """Put the content in the place of what is there; under a lock, since what other writers have begun is removed."""
    _drop_unfinished(path)
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    _create(new, content)
    try:
        new.replace(path)
    except BaseException:
        _unlink(new)
        raise
    _fsync_folder(path.parent)


def _create(path: Path, content: bytes) -> None:
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
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def _unlink(path: Path | os.DirEntry[str]) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108 -- an entry of a folder is no Path


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
