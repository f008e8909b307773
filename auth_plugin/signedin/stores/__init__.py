"""Where tokens live: each store one compare-and-set (`signedin.protocols.TokenStore`), named by an object or a URL."""

from __future__ import annotations

import contextlib
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from signedin.errors import ConfigurationError
from signedin.stores.memory import MemoryStore

if TYPE_CHECKING:
    from signedin.protocols import TokenStore
    from signedin.stores.encrypted import EncryptedStore
    from signedin.stores.file import FileStore, NetworkFileSystemWarning
    from signedin.stores.keyring import KeyringStore
    from signedin.stores.redis import RedisStore
else:
    # Loaded at their first use (PEP 562): importing all of them takes as long as the rest of the package.
    _MODULES = {
        "EncryptedStore": "encrypted",
        "FileStore": "file",
        "KeyringStore": "keyring",
        "NetworkFileSystemWarning": "file",
        "RedisStore": "redis",
    }

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "EncryptedStore",
    "FileStore",
    "KeyringStore",
    "MemoryStore",
    "NetworkFileSystemWarning",
    "RedisStore",
    "open_store",
]


def open_store(store: TokenStore | str | None) -> TokenStore:
    """Return the store itself, or the one named by a URL, or by SIGNEDIN_STORE; a new MemoryStore if none is.

    URLs: "memory:", "file:" (the default path), "file:relative/path", "file:///absolute/path", "keyring:",
    "keyring:service-name", "redis://user:password@host:6379/0", "rediss://…" (TLS), "unix:///path/to/redis.sock".
    What a URL's store keeps is encrypted with SIGNEDIN_STORE_KEY, 64 hexadecimal digits, where that is set. Whoever had
    a store opened by its URL closes it: `store.close()`.
    """
    if store is not None and not isinstance(store, str):
        return store
    url = os.environ.get("SIGNEDIN_STORE") if store is None else None
    try:
        named = _named(url) if url else _named("memory:" if store is None else store)
    except ConfigurationError as error:
        raise ConfigurationError(f"{'SIGNEDIN_STORE' if url else 'store'}: {error}") from None
    digits = os.environ.get("SIGNEDIN_STORE_KEY")
    if not digits or named.private:
        return named
    return import_module(__name__).EncryptedStore(named, _encryption_key(digits))  # type: ignore[no-any-return]


def _named(text: str) -> TokenStore:
    try:
        url = urlsplit(text)
    except ValueError:  # its text quotes the URL
        raise _nameless() from None
    stores: Any = import_module(__name__)  # whose names load their modules
    opened: TokenStore
    match url.scheme:
        case "memory" if not url.path and not url.netloc:
            opened = MemoryStore()
        case "file" if not url.netloc:
            opened = stores.FileStore(unquote(url.path) or None)
        case "keyring" if not url.netloc:
            opened = stores.KeyringStore(*filter(None, [unquote(url.path)]))
        case "redis" | "rediss" | "unix":
            opened = stores.RedisStore(text)
        case _:
            raise _nameless()
    return opened


def _nameless() -> ConfigurationError:
    # Not quoted: a URL may hold a password, a mistyped one too.
    return ConfigurationError(
        "this names no store; write memory:, file:, file:/path/to/tokens.json, keyring: or redis://host:6379/0."
    )


def _encryption_key(digits: str) -> bytes:
    with contextlib.suppress(ValueError):
        if len(key := bytes.fromhex(digits)) == 32:
            return key
    raise ConfigurationError("SIGNEDIN_STORE_KEY must be 64 hexadecimal digits: openssl rand -hex 32")
