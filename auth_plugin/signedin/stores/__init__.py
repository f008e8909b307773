"""Where tokens live: each store one compare-and-set (`signedin.protocols.TokenStore`), named by an object or a URL."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from signedin.errors import ConfigurationError
from signedin.stores.memory import MemoryStore

if TYPE_CHECKING:
    from signedin.protocols import TokenStore
    from signedin.stores._mounts import NetworkFileSystemWarning
    from signedin.stores.file import FileStore
    from signedin.stores.keyring import KeyringStore
    from signedin.stores.redis import RedisStore
else:
    # Loaded when first asked for (PEP 562): importing all of them takes as long as the rest of the package.
    _MODULES = {
        "FileStore": "file",
        "KeyringStore": "keyring",
        "NetworkFileSystemWarning": "_mounts",
        "RedisStore": "redis",
    }

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


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


def _named(text: str) -> Any:
    try:
        url = urlsplit(text)
    except ValueError:  # its text quotes the URL
        raise _nameless(text) from None
    stores = import_module(__name__)  # whose names load their modules
    match url.scheme:
        case "memory" if not url.path and not url.netloc:
            return MemoryStore()
        case "file" if not url.netloc:
            return stores.FileStore(unquote(url.path) or None)
        case "keyring" if not url.netloc:
            return stores.KeyringStore(*filter(None, [unquote(url.path)]))
        case "redis" | "rediss" | "unix":
            return stores.RedisStore(text, encryption_key=_encryption_key())
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
