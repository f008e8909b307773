"""The commands that need a client: sign in, show the profile, write a token, sign out."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from signedin.cli import output, signing_in
from signedin.cli.output import Answer
from signedin.cli.status import place, status
from signedin.errors import ConfigurationError

if TYPE_CHECKING:
    from signedin.cli.commands import Work


def sign_in(work: Work) -> Answer:
    """Sign in, and remember who and where."""
    with closing(work.client()) as client:
        name = signing_in.sign_in(client, work.options).call(work.options, account=work.account.name)
        pair = client.session.tokens
        if pair is None:  # the first of two factors
            return Answer(
                {"signed_in": False}, 3, "The server accepted that and issued no tokens: a second step follows.\n"
            )
        subject, claims = pair.claims.subject, [*client.api.REFRESH.subject]
    account = work.account._replace(name=name, subject=subject, claims=claims)
    if work.accounts.store is None and account.store is not None and work.options.store is None:
        work.accounts.store = account.store
        in_file = f"{place(work.store)}, since no keyring works here"
        where = in_file if account.store == "file:" else "the keyring of this user"
        output.note(f"The tokens are in {where}.", quiet=work.options.quiet or work.options.json)
    work.accounts.put(account)
    return status(work._replace(account=account))


def profile(work: Work) -> Answer:
    """Show the user, as the server answers."""
    with closing(work.client()) as client:
        method = signing_in.operation(client, "getProfile")
        if method is None:
            raise ConfigurationError("This API's spec has no operation getProfile.")
        user: Any = method()
        return Answer(user.to_dict())


def logout(work: Work) -> Answer:
    """Sign out everywhere."""
    with closing(work.client()) as client:
        client.logout()
    return status(work)._replace(code=0, text="Signed out.\n")


def token(work: Work) -> Answer:
    """Write an access token that is valid now."""
    with closing(work.client()) as client:
        pair = client.session.load()
        # Near its end a token may be refused before curl has sent it.
        due = client.session.explain()["next_planned_refresh_in"]
        if pair is None or due == 0.0:
            pair = client.session.refresh()
        expires_at = pair.expires_at.isoformat() if pair.expires_at else None
        return Answer({"access_token": pair.access_token, "expires_at": expires_at}, 0, f"{pair.access_token}\n")
