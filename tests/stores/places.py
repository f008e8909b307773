"""Where the state machine's stores keep their records: memory, a file, a keyring in a file, a real Redis."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signedin import EncryptedStore, FileStore, MemoryStore, RedisStore

from tests.stores.keyrings import store_in_a_file
from tests.stores.machine import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin import KeyringStore, TokenStore

    from tests.servers_redis import RedisServer


def in_memory() -> Place:
    """One store: nobody else reaches it."""
    store = MemoryStore()
    return Place(open=lambda: store)


def in_a_file(folder: Path) -> Place:
    """Two processes on one file, which its user may delete."""
    path = _fresh(folder) / "tokens.json"

    def delete(_: str) -> list[str]:
        # All records are in it, of this run and none other.
        keys = list(FileStore(path)._read())
        path.unlink()
        return keys

    return Place(open=partial(FileStore, path), end=_as_the_kernel_does, delete=delete)


def in_a_keyring(folder: Path) -> Place:
    """Two processes on one keyring, whose user may delete what it shows."""
    opening: Callable[[], KeyringStore] = partial(store_in_a_file, _fresh(folder))

    def delete(key: str) -> list[str]:
        backend = opening()._backend
        assert backend is not None
        backend.delete_password("signedin", key)
        return [key]

    return Place(open=opening, end=_as_the_kernel_does, delete=delete)


def in_redis(server: RedisServer) -> Place:
    """Two hosts on one Redis, where records are evicted and leases end by their time."""
    opening = partial(RedisStore, server.url)

    def delete(key: str) -> list[str]:
        with contextlib.closing(server.client()) as inside:
            assert inside.delete(opening()._name(key, "record")) == 1
        return [key]

    def run_out(key: str) -> None:
        with contextlib.closing(server.client()) as inside:
            name = opening()._name(key, "lease")
            assert inside.pexpire(name, 1)
            while inside.exists(name):
                time.sleep(0.001)

    return Place(open=opening, end=_closed, delete=delete, run_out=run_out)


def encrypted(place: Place) -> Place:
    """The same place, with encrypted records."""
    return replace(place, open=lambda: EncryptedStore(place.open(), bytes(32)))


def _fresh(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=folder))


def _as_the_kernel_does(store: TokenStore) -> None:
    """Close the descriptors of the locks, and nothing else."""
    ended: Any = store
    ended.after_fork()


def _closed(store: TokenStore) -> None:
    ended: Any = store
    ended.close()
