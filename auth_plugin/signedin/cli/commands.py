"""What each command does: a few lines around `Client`, which does the work."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from signedin import Client
from signedin.cli import options, output
from signedin.cli.doctor import examine
from signedin.errors import ConfigurationError, TokenStoreError
from signedin.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from signedin.cli.options import Options

Answer = tuple["Mapping[str, object]", int]  # what to show, and the exit code


def run(chosen: Options) -> int:
    """Carry one command out and return its exit code; its errors are raised."""
    store = open_store(chosen.store)
    if store.private:
        raise ConfigurationError("A sign-in in memory would end with this command: choose file:, keyring: or redis://…")
    if not chosen.base_url:
        raise ConfigurationError("Which API? Give --base-url https://api.example.com/v1, or set SIGNEDIN_BASE_URL.")
    client = Client(chosen.base_url, store=store, profile=chosen.profile, allow_http=chosen.allow_http)
    with closing(client):  # not the client's own `with`, which fails with its store: doctor explains, login repairs
        if chosen.command == "doctor":
            answer, code = examine(client, store)
        else:
            answer, code = _COMMANDS[chosen.command](client, chosen)
    output.show(answer, as_json=chosen.as_json)
    return code


def _register(client: Client, chosen: Options) -> Answer:
    email = chosen.email or options.ask_email()
    client.auth.register(email=email, password=options.ask_password(twice=True))
    return _status(client, chosen)


def _login(client: Client, chosen: Options) -> Answer:
    email = chosen.email or options.ask_email()
    client.auth.login(email=email, password=options.ask_password(twice=False))
    return _status(client, chosen)


def _profile(client: Client, _chosen: Options) -> Answer:
    return client.users.get_profile().to_dict(), 0


def _logout(client: Client, chosen: Options) -> Answer:
    client.logout()
    return _status(client, chosen)[0], 0


def _status(client: Client, chosen: Options) -> Answer:
    state = client.session.explain()
    if state["store_failure"] is not None:
        raise TokenStoreError(str(state["store_failure"]))
    signed_in = state["status"] == "active"
    names = ("status", "store", "obtained_at", "expires_at", "next_planned_refresh_in")
    answer = {"signed_in": signed_in, "profile": chosen.profile, **{name: state[name] for name in names}}
    return answer, 0 if signed_in else 3


_COMMANDS: Final[dict[str, Callable[[Client, Options], Answer]]] = {
    "register": _register,
    "login": _login,
    "profile": _profile,
    "logout": _logout,
    "status": _status,
}
