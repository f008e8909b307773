"""Tokens in the memory of this process, gone with it."""

from __future__ import annotations

import os
import threading
from typing import NoReturn

from signedin.errors import ConfigurationError
from signedin.protocols import Stored, first_revision


class MemoryStore:
    """Keep tokens in this process; the default. Several sessions may share one.

    A forked child has a copy of them and must not use it: a refresh token works once, so that its refresh would sign
    the parent out. It signs in itself, or both use a store that processes share.
    """

    private = True

    def __init__(self) -> None:
        self._stored: dict[str, tuple[int, Stored]] = {}  # with the process that wrote it; guarded by _mutex
        self._holders: dict[str, str] = {}  # guarded by _mutex
        self._mutex = threading.Lock()

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._stored)} records)"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a MemoryStore is neither pickled nor copied: its tokens are this process's own. Pass a FileStore, a "
            "KeyringStore or a RedisStore"
        )

    def load(self, key: str) -> Stored | None:
        """Return what was last written under `key`.

        Raises:
            ConfigurationError, TokenStoreError: It came along when this process was forked.
        """
        with self._mutex:
            writer, stored = self._stored.get(key, (os.getpid(), None))
        if writer != os.getpid():
            raise ConfigurationError(
                "These tokens are in the memory of the process that this one was forked from, and a refresh token "
                "works once. Use a FileStore, or sign in in the child."
            )
        return stored

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        """Write `data` if the revision under `key` is still the expected one."""
        with self._mutex:
            writer, current = self._stored.get(key, (0, None))
            # What came along in a fork counts as nothing: signing in replaces it.
            if (current.revision if current and writer == os.getpid() else 0) != expected_revision:
                return False
            revision = expected_revision + 1 if expected_revision else first_revision()
            self._stored[key] = os.getpid(), Stored(revision, data)
            return True

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:  # noqa: ARG002 -- a holder ends only with us
        """Take the lock of `key`; its holders are threads of this process and always give it back."""
        with self._mutex:
            return self._holders.setdefault(key, owner) == owner

    def unlock(self, key: str, owner: str) -> None:
        """Give the lock back if `owner` has it."""
        with self._mutex:
            if self._holders.get(key) == owner:
                del self._holders[key]

    def after_fork(self) -> None:
        """Forget, in a forked child, the threads that did not come along."""
        self._mutex = threading.Lock()
        self._holders.clear()

    def close(self) -> None:
        """Do nothing: a closed session may be used again."""
