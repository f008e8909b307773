"""Keyrings for tests: one in memory that keeps the rules of the strictest platform, and a real one in a file."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError
from keyrings.alt.file import PlaintextKeyring  # type: ignore[import-untyped]
from signedin import KeyringStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WINDOWS_LIMIT = 2560  # bytes per secret, in UTF-16


class MemoryKeyring(KeyringBackend):
    """A keyring that refuses what Windows refuses, can be locked, can hang, and tells what was done to it."""

    priority = 0  # never chosen by the library

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.secrets: dict[tuple[str, str], str] = {}
        self.done: list[tuple[str, str, str]] = []
        self.locked = False
        self.open = threading.Event()
        self.open.set()
        self.hanging = threading.Event()  # somebody waits for `open`
        self.before: Callable[[str, str, str], None] = lambda *_: None

    def get_password(self, service: str, username: str) -> str | None:
        self._enter("get", service, username)
        return self.secrets.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._enter("set", service, username)
        if len(password.encode("utf-16-le")) > WINDOWS_LIMIT:
            raise ValueError("the stub received bad data")  # as the Credential Manager says it
        self.secrets[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._enter("delete", service, username)
        if self.secrets.pop((service, username), None) is None:
            raise PasswordDeleteError("No such password!")

    def services(self) -> list[str]:
        """Return the service of each secret."""
        return sorted(service for service, _ in self.secrets)

    def _enter(self, verb: str, service: str, username: str) -> None:
        self.before(verb, service, username)
        if not self.open.is_set():
            self.hanging.set()
            assert self.open.wait(20)
        if self.locked:
            raise KeyringLocked("Failed to unlock the collection!")
        self.done.append((verb, service, username))


def store_in_a_file(folder: Path) -> KeyringStore:
    """Open a store on the keyring in a file of the folder; picklable, for other processes."""
    backend: Any = PlaintextKeyring()
    backend.file_path = str(folder / "keyring.cfg")
    return KeyringStore(backend=backend, folder=folder, patience=15)
