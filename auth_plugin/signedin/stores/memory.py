"""Tokens in the memory of this process, gone with it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from signedin.errors import TokenStoreError

if TYPE_CHECKING:
    from signedin._tokens import Record


class MemoryStore:
    """Keep records in this process; the default. Several sessions may share one."""

    private = True

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}  # guarded by _mutex
        self._holders: dict[str, str] = {}  # guarded by _mutex
        self._writers: dict[str, int] = {}  # the process that wrote each record; guarded by _mutex
        self._mutex = threading.Lock()

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._records)} records)"

    def load(self, key: str) -> Record | None:
        """Return the record last written under `key`."""
        with self._mutex:
            return self._records.get(key)

    def compare_and_set(self, key: str, expected: int, record: Record) -> bool:
        """Write `record` if the revision under `key` is still `expected`."""
        with self._mutex:
            current = self._records.get(key)
            if (current.revision if current else 0) != expected:
                return False
            self._records[key], self._writers[key] = record, os.getpid()
            return True

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:  # noqa: ARG002 -- a holder ends only with us
        """Take the lock of `key`; its holders are threads of this process and always give it back.

        A record that came along in a fork is never refreshed here: the parent would be signed out.
        """
        with self._mutex:
            if self._writers.get(key, os.getpid()) != os.getpid():
                raise TokenStoreError(
                    "These tokens are in the memory of the process that this one was forked from, and a refresh token "
                    "works once. Use a FileStore, or sign in in the child."
                )
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
