"""Which command is carried out, whose sign-in it is about, and where the tokens are."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx

from signedin import Client, SignedInClient
from signedin.cli import options, output, status
from signedin.cli.accounts import Account, Accounts
from signedin.cli.options import OURS
from signedin.errors import ConfigurationError
from signedin.stores import open_store
from signedin.stores.file import default_path

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from signedin.cli.options import Options
    from signedin.cli.output import Answer
    from signedin.protocols import TokenStore

# The module of each command is imported when it is carried out: `status` needs none of the others.
_COMMANDS: Final = {
    "register": ("calls", "sign_in"),
    "login": ("calls", "sign_in"),
    "profile": ("calls", "profile"),
    "logout": ("calls", "logout"),
    "token": ("calls", "token"),
    "status": ("status", "status"),
    "doctor": ("doctor", "doctor"),
}


class Work(NamedTuple):
    """One command at work: its options, whose sign-in it is about, and where the tokens are."""

    options: Options
    accounts: Accounts
    account: Account
    store: TokenStore

    def client(self) -> SignedInClient:
        """Return a client of this API. Constructing one takes longer than all that `status` does."""
        made = _class(self.account.client)
        return made(
            self.account.base_url, store=self.store, profile=self.options.profile, allow_http=self.options.allow_http
        )


def run(chosen: Options, environ: os._Environ[str]) -> int:
    """Carry one command out and return its exit code; its errors are raised."""
    if chosen.command == "completion":
        output.write(options.completion(chosen.shell))
        return 0
    accounts = Accounts.read()
    if chosen.command == "profiles":
        answer = status.profiles(accounts)
    else:
        account = _account(chosen, accounts, environ)
        # Without a URL it is read from SIGNEDIN_STORE, and errors name that.
        store = open_store(account.store)
        if store.private:
            raise ConfigurationError(
                "A sign-in in memory would end with this command: use file:, keyring: or redis://host"
            )
        module, name = _COMMANDS[chosen.command]
        command: Callable[[Work], Answer] = getattr(import_module(f"signedin.cli.{module}"), name)
        answer = command(Work(chosen, accounts, account, store))
    output.show(answer, as_json=chosen.json, quiet=chosen.quiet and chosen.command != "token")
    return answer.code


def _account(chosen: Options, accounts: Accounts, environ: os._Environ[str]) -> Account:
    before = accounts.of(chosen.client, chosen.profile)
    # The variable is for our own API: another one's passwords must not go there.
    variable = environ.get("SIGNEDIN_BASE_URL") if chosen.client == OURS else None
    base_url = chosen.base_url or variable or (before and before.base_url)
    base_url = base_url or _class(chosen.client).api.DEFAULT_BASE_URL
    if not base_url:
        raise ConfigurationError("Which API? Add --base-url https://api.example.com/v1: its spec names no server.")
    try:  # as the client writes it, since it is part of the key in the store
        base_url = str(httpx.URL(str(httpx.URL(base_url)))).rstrip("/")
    except httpx.InvalidURL:
        raise ConfigurationError("The base URL is no URL; write https://api.example.com/v1, say.") from None
    store = chosen.store
    if store is None and not environ.get("SIGNEDIN_STORE"):
        store = (before and before.store) or accounts.store or _default_store(chosen)
    if before is None or before.base_url != base_url:
        before = Account(client=chosen.client, profile=chosen.profile, base_url=base_url)
    return before._replace(store=store)


def _default_store(chosen: Options) -> str:
    """Return the keyring's URL where a keyring works, else the file's; a file with tokens in it stays in use."""
    if sys.platform != "win32" and (default_path().exists() or chosen.command not in {"login", "register"}):
        return "file:"
    return "keyring:" if sys.platform == "win32" or _keyring_works() else "file:"


def _keyring_works() -> bool:
    try:
        import keyring

        # Not every backend encrypts; those that the library recommends do.
        recommended = keyring.core.recommended(keyring.get_keyring())
        return bool(recommended) and open_store("keyring:").load("signedin login") is None
    except Exception:  # noqa: BLE001 -- whatever the import of a backend raises, and a keyring that is locked
        return False


def _class(name: str) -> type[SignedInClient]:
    if name == OURS:
        return Client
    module, _, attribute = name.partition(":")
    sys.path.insert(0, "")  # a script's path has no working folder
    try:
        made = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"--client {name} cannot be imported: {type(error).__name__}: {error}") from None
    if not (isinstance(made, type) and issubclass(made, SignedInClient)):
        raise ConfigurationError(f"--client {name} is no SignedInClient; write MODULE:CLASS, as in shop:Shop.")
    return made
