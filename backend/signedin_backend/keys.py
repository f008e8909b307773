"""The keys: configured, or one made once and written beside the SQLite file so that a restart keeps every session.

The first one signs. The others are those that other workers sign with, or did until one access lifetime ago.
"""

import hashlib
import hmac
import os
import re
import secrets
import stat
from pathlib import Path

from signedin_backend.settings import PREFIX, Settings, SettingsError, check_keys

Keys = tuple[bytes, ...]


def signing_keys(settings: Settings) -> tuple[Keys, Path | None]:
    """Return the keys, and the file that they were made in or read from when none is configured.

    Raises:
        SettingsError: There is no key and no file to write one beside, or the one in it may not be used.
    """
    if settings.jwt_key is not None:
        configured = tuple(settings.jwt_key.split(b","))
        return _strong(configured, f"{PREFIX}JWT_KEY", "make one with: openssl rand -hex 32"), None
    if settings.sqlite_file is None:
        raise SettingsError(f"{PREFIX}JWT_KEY is missing: without an SQLite file there is no place to keep one beside")
    path = settings.sqlite_file.with_name(settings.sqlite_file.name + ".key")
    if not path.exists():
        _make(path)
    return _from_file(path), path


def derived(key: bytes, purpose: str) -> bytes:
    """Return a key for another purpose than signing.

    The text that HS256 signs is two base64url words and a dot, so a purpose with a space in it is never a signature.
    """
    return hmac.digest(key, f"signedin {purpose}".encode(), hashlib.sha256)


def _make(path: Path) -> None:
    # Linked into place whole: of several workers that start at once one wins, and none reads half a key.
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_hex(32).encode())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def name(key: bytes) -> str:
    """Return the `kid` of a key: it tells keys apart and nothing about them."""
    return derived(key, "key id").hex()[:16]


def _from_file(path: Path) -> Keys:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SettingsError(f"{path} holds the signing key and is open to others; chmod 600 it")
    keys = tuple(re.split(rb"[,\s]+", path.read_bytes().strip()))
    return _strong(keys, str(path), "restore it, or remove it and every session with it")


def _strong(keys: Keys, source: str, remedy: str) -> Keys:
    try:
        check_keys(keys, remedy)
    except ValueError as error:
        raise SettingsError(f"{source} {error}") from None
    return keys
