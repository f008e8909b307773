"""What each command does: a few lines around a client, or around the store alone where nothing is sent."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import httpx

from signedin import Client, SignedInClient, TokenSession
from signedin._tokens import Records
from signedin.cli import doctor, options, output, signing_in
from signedin.cli.accounts import Account, Accounts
from signedin.cli.output import Answer
from signedin.errors import ConfigurationError, TokenStoreError
from signedin.stores import open_store
from signedin.stores.file import default_path

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from signedin.cli.options import Options
    from signedin.protocols import Contract, TokenStore

_OURS: Final = "signedin:Client"


@dataclass(frozen=True, slots=True)
class Work:
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
        answer = _profiles(accounts)
    else:
        account = _account(chosen, accounts, environ)
        # Without a URL it is read from SIGNEDIN_STORE, and errors name that.
        store = open_store(account.store)
        if store.private:
            raise ConfigurationError(
                "A sign-in in memory would end with this command: use file:, keyring: or redis://host"
            )
        answer = _COMMANDS[chosen.command](Work(chosen, accounts, account, store))
    output.show(answer, as_json=chosen.json, quiet=chosen.quiet and chosen.command != "token")
    return answer.code


# ------------------------------------------------------------------------------------------------- whose, and where


def _account(chosen: Options, accounts: Accounts, environ: os._Environ[str]) -> Account:
    before = accounts.of(chosen.client, chosen.profile)
    # The variable is for our own API: another one's passwords must not go there.
    variable = environ.get("SIGNEDIN_BASE_URL") if chosen.client == _OURS else None
    base_url = chosen.base_url or variable or (before and before.base_url) or _spec_of(chosen.client).DEFAULT_BASE_URL
    if not base_url:
        raise ConfigurationError("Which API? Add --base-url https://api.example.com/v1: its spec names no server.")
    try:  # as the client writes it, since it is part of the key in the store
        base_url = str(httpx.URL(str(httpx.URL(base_url)))).rstrip("/")
    except httpx.InvalidURL:
        raise ConfigurationError("The base URL is no URL; write https://api.example.com/v1, say.") from None
    store = chosen.store
    if store is None and not environ.get("SIGNEDIN_STORE"):
        store = (before and before.store) or accounts.store or _default_store(chosen)
    same = before is not None and before.base_url == base_url
    account = before if same and before else Account(client=chosen.client, profile=chosen.profile, base_url=base_url)
    return replace(account, store=store)


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


def _spec_of(client: str) -> Contract:
    return _class(client).api


def _class(name: str) -> type[SignedInClient]:
    if name == _OURS:
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


# ---------------------------------------------------------------------------------------------------- the commands


def _sign_in(work: Work) -> Answer:
    with closing(work.client()) as client:
        name = signing_in.sign_in(client, work.options).call(work.options, account=work.account.name)
        pair = client.session.tokens
        if pair is None:  # the first of two factors
            return Answer(
                {"signed_in": False}, 3, "The server accepted that and issued no tokens: a second step follows.\n"
            )
        subject, claims = pair.claims.subject, [*client.api.REFRESH.subject]
    account = replace(work.account, name=name, subject=subject, claims=claims)
    if work.accounts.store is None and account.store is not None and work.options.store is None:
        work.accounts.store = account.store
        output.note(f"The tokens are in {_place(work.store)}.", quiet=work.options.quiet or work.options.json)
    work.accounts.put(account)
    return _status(replace(work, account=account))


def _place(store: TokenStore) -> str:
    path = getattr(store, "path", None)
    return f"the file {path}, since no keyring works here" if path else "the keyring of this user"


def _profile(work: Work) -> Answer:
    with closing(work.client()) as client:
        method = signing_in.operation(client, "getProfile")
        if method is None:
            raise ConfigurationError("This API's spec has no operation getProfile.")
        profile: Any = method()
        return Answer(profile.to_dict())


def _logout(work: Work) -> Answer:
    with closing(work.client()) as client:
        client.logout()
    return replace(_status(work), code=0)


def _status(work: Work) -> Answer:
    values = _state(work.account, work.store, allow_http=work.options.allow_http)
    signed_in = values["signed_in"]
    who = f" as {values['account']}" if signed_in and values["account"] else ""
    headline = f"Signed in{who}." if signed_in else f"Not signed in. Run: {login(work.options)}"
    return Answer(values, 0 if signed_in else 3, headline + "\n" + output.lines(values, but={"signed_in", "account"}))


def _state(account: Account, store: TokenStore, *, allow_http: bool) -> dict[str, object]:
    """Return who is signed in, where and until when, by the store alone."""
    key = f"{account.base_url}#{account.profile}"
    session = TokenSession(_NoRefresher(), key=key, origins=[account.base_url], store=store, allow_http=allow_http)
    state = session.explain()
    if state["store_failure"] is not None:
        raise TokenStoreError(str(state["store_failure"]))
    record = Records(store, key, tuple(account.claims)).peek()
    # Another program may have signed another user in.
    same = record is not None and record.pair is not None and record.claims.subject == account.subject
    return {
        "signed_in": state["status"] == "active",
        "account": account.name if same else None,
        "base_url": account.base_url,
        "profile": account.profile,
        **{name: state[name] for name in ("status", "store", "obtained_at", "expires_at", "next_planned_refresh_in")},
    }


class _NoRefresher:
    """Of a session that is looked at and never used."""

    def refresh(self, *_: object, **__: object) -> Any:
        raise NotImplementedError

    def revoke(self, *_: object, **__: object) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def _profiles(accounts: Accounts) -> Answer:
    rows, text = [], ""
    for account in sorted(accounts.all, key=lambda one: (one.client, one.profile)):
        client, base_url = account.client, account.base_url
        name: object = account.name
        try:
            state = _state(account, open_store(account.store), allow_http=True)
            name, signed_in = state["account"], state["signed_in"]
            status = "signed in" if signed_in else "not signed in"
        except (TokenStoreError, ConfigurationError):
            signed_in, status = None, "its store cannot be read"
        row = {"profile": account.profile, "client": client, "base_url": base_url}
        rows.append({**row, "account": name, "signed_in": signed_in})
        who, of = f" as {name}" if name else "", f" ({client})" if client != _OURS else ""
        text += f"{account.profile}: {status}{who} at {base_url}{of}\n"
    text = output.printable_lines(text or "No profile has signed in by this command. Run: signedin login\n")
    return Answer({"profiles": rows}, 0, text)


def _token(work: Work) -> Answer:
    with closing(work.client()) as client:
        pair = client.session.load()
        # Near its end a token may be refused before curl has sent it.
        due = client.session.explain()["next_planned_refresh_in"]
        if pair is None or due == 0.0:
            pair = client.session.refresh()
        expires_at = pair.expires_at.isoformat() if pair.expires_at else None
        return Answer({"access_token": pair.access_token, "expires_at": expires_at}, 0, f"{pair.access_token}\n")


def _doctor(work: Work) -> Answer:
    with closing(work.client()) as client:
        return doctor.examine(client, work.store, login(work.options))


def login(chosen: Options) -> str:
    """Return the command that signs in where this one looked."""
    parts = ["signedin login"]
    parts += [f"--client {chosen.client}"] * (chosen.client != _OURS)
    parts += [f"--profile {chosen.profile}"] * (chosen.profile != "default")
    return " ".join(parts)


_COMMANDS: Final[dict[str, Callable[[Work], Answer]]] = {
    "register": _sign_in,
    "login": _sign_in,
    "profile": _profile,
    "logout": _logout,
    "status": _status,
    "token": _token,
    "doctor": _doctor,
}
