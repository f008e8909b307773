"""Where tokens live: each store one compare-and-set (`signedin.typing.TokenStore`), named by an object or a URL."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from signedin.errors import ConfigurationError
from signedin.stores.file import FileStore
from signedin.stores.memory import MemoryStore

if TYPE_CHECKING:
    from signedin.typing import TokenStore

__all__ = ["FileStore", "MemoryStore", "open_store"]


def open_store(store: TokenStore | str | None) -> TokenStore:
    """Return the store that is given, or named by a URL, or by SIGNEDIN_STORE; a new MemoryStore if none is.

    URLs: "memory:", "file:" (the default path), "file:relative/path", "file:///absolute/path".
    """
    if store is None:
        store = os.environ.get("SIGNEDIN_STORE") or "memory:"
    if not isinstance(store, str):
        return store
    url = urlsplit(store)
    match url.scheme:
        case "memory" if not url.path and not url.netloc:
            return MemoryStore()
        case "file" if not url.netloc:
            return FileStore(unquote(url.path) or None)
    raise ConfigurationError(f"{store!r} names no store; write memory:, file: or file:/path/to/tokens.json.")
