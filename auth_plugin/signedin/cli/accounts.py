"""Who signed in where, for each profile: a small JSON file beside the tokens, without a secret.

It saves typing and decides nothing: a file that is missing, damaged or not writable counts as empty.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from signedin.errors import ConfigurationError
from signedin.stores.file import default_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_FORMAT: Final = 1


class Account(NamedTuple):  # as all values here: to make a dataclass takes four times as long, and `status` waits
    """One profile's last sign-in.

    `subject`: a digest of whose token it was, by `claims`. `store`: None where SIGNEDIN_STORE names it.
    """

    client: str
    profile: str
    base_url: str
    name: str | None = None
    subject: str | None = None
    claims: Sequence[str] = ()
    store: str | None = None


class Accounts:
    """All of them. `store`: the one chosen at the first sign-in without one."""

    def __init__(self, store: str | None = None, entries: Iterable[Account] = ()) -> None:
        self.store, self.all = store, list(entries)

    @classmethod
    def read(cls) -> Self:
        """Return what the file holds."""
        try:
            body = json.loads(_path().read_bytes())
            return cls(body["store"], [Account(**entry) for entry in body["accounts"]])
        except (OSError, ValueError, TypeError, KeyError):  # ConfigurationError, of no home folder, is a ValueError
            return cls()

    def of(self, client: str, profile: str) -> Account | None:
        """Return the last sign-in of a profile."""
        return next((one for one in self.all if (one.client, one.profile) == (client, profile)), None)

    def put(self, account: Account) -> None:
        """Replace the profile's last sign-in, and write the file."""
        before = self.of(account.client, account.profile)
        self.all = [*(one for one in self.all if one is not before), account]
        body: dict[str, Any] = {"format": _FORMAT, "store": self.store, "accounts": [one._asdict() for one in self.all]}
        with contextlib.suppress(OSError, ConfigurationError):
            _replace(_path(), json.dumps(body, indent=1).encode())


def _path() -> Path:
    return default_path().with_name("accounts.json")


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.urandom(8).hex()}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)
