"""Where tokens live: each store one compare-and-set (`signedin.typing.TokenStore`), named by an object or a URL."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from signedin.errors import ConfigurationError
from signedin.stores._mounts import NetworkFileSystemWarning
from signedin.stores.file import FileStore
from signedin.stores.keyring import KeyringStore
from signedin.stores.memory import MemoryStore
from signedin.stores.redis import RedisStore

if TYPE_CHECKING:
    from signedin.typing import TokenStore

__all__ = ["FileStore", "KeyringStore", "MemoryStore", "NetworkFileSystemWarning", "RedisStore", "open_store"]


def open_store(store: TokenStore | str | None) -> TokenStore:
    """Return the store that is given, or named by a URL, or by SIGNEDIN_STORE; a new MemoryStore if none is.

    URLs: "memory:", "file:" (the default path), "file:relative/path", "file:///absolute/path", "keyring:",
    "keyring:service-name", "redis://user:password@host:6379/0", "rediss://…" (TLS), "unix:///path/to/redis.sock".
    What Redis keeps is encrypted with SIGNEDIN_STORE_KEY, 64 hexadecimal digits, where that is set.
    """
    if store is None:
        store = os.environ.get("SIGNEDIN_STORE") or "memory:"
    return _named(store) if isinstance(store, str) else store


def _named(text: str) -> TokenStore:
    try:
        url = urlsplit(text)
    except ValueError:  # its text quotes the URL
        raise _nameless(text) from None
    match url.scheme:
        case "memory" if not url.path and not url.netloc:
            return MemoryStore()
        case "file" if not url.netloc:
            return FileStore(unquote(url.path) or None)
        case "keyring" if not url.netloc:
            return KeyringStore(unquote(url.path)) if url.path else KeyringStore()
        case "redis" | "rediss" | "unix":
            return RedisStore(text, encryption_key=_encryption_key())
    raise _nameless(text)


def _nameless(text: str) -> ConfigurationError:
    # A URL may hold a password, a mistyped one too.
    scheme, colon, _ = text.partition(":")
    shown = f"{scheme}:…" if colon else text
    return ConfigurationError(
        f"{shown!r} names no store; write memory:, file:, file:/path/to/tokens.json, keyring: or redis://host:6379/0."
    )


def _encryption_key() -> bytes | None:
    digits = os.environ.get("SIGNEDIN_STORE_KEY")
    if not digits:
        return None
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ConfigurationError("SIGNEDIN_STORE_KEY must be 64 hexadecimal digits: openssl rand -hex 32") from None
