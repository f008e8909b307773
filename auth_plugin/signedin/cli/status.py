"""`signedin status` and `profiles`: who is signed in, by the stores alone. Nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from signedin import TokenSession
from signedin._tokens import Records
from signedin.cli import output
from signedin.cli.options import OURS
from signedin.cli.output import Answer
from signedin.errors import ConfigurationError, TokenStoreError
from signedin.stores import open_store

if TYPE_CHECKING:
    from signedin.cli.accounts import Account, Accounts
    from signedin.cli.commands import Work
    from signedin.protocols import TokenStore


def status(work: Work) -> Answer:
    """Show who is signed in, where and until when."""
    values = _state(work.account, work.store, allow_http=work.options.allow_http)
    signed_in = values["signed_in"]
    who = f" as {values['account']}" if signed_in and values["account"] else ""
    headline = f"Signed in{who}." if signed_in else f"Not signed in. Run: {work.options.login}"
    but = {"signed_in", "account"} | {name for name, value in values.items() if value is None}
    return Answer(values, 0 if signed_in else 3, headline + "\n" + output.lines(values, but=but))


def place(store: TokenStore) -> str:
    """Return where the tokens are, as `--store` takes it where it can."""
    path = getattr(store, "path", None)
    return f"file:{path}" if path else repr(store)


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
        "store": place(store),
        **{name: state[name] for name in ("status", "obtained_at", "expires_at", "next_planned_refresh_in")},
    }


def profiles(accounts: Accounts) -> Answer:
    """Show every profile that signed in by this command."""
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
        who, of = f" as {name}" if name else "", f" ({client})" if client != OURS else ""
        text += f"{account.profile}: {status}{who} at {base_url}{of}\n"
    text = output.printable_lines(text or "No profile has signed in by this command. Run: signedin login\n")
    return Answer({"profiles": rows}, 0, text)


class _NoRefresher:
    """Of a session that is looked at and never used."""

    def refresh(self, *_: object, **__: object) -> Any:
        raise NotImplementedError

    def revoke(self, *_: object, **__: object) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
