"""Which operation of an API signs in, and with which arguments: by its contract and the signature of its method."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from signedin import SignedInClient
from signedin.cli import prompts
from signedin.cli.options import PASSWORDS
from signedin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from signedin.cli.options import Options

_SECRET: Final = frozenset({
    "apikey", "assertion", "code", "credential", "key", "otp", "passcode", "passphrase", "password", "pin", "secret",
    "token",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignIn:
    """An operation that issues tokens: the method that calls it, and the arguments that its contract fixes."""

    method: Callable[..., object]
    fixed: dict[str, str]

    def call(self, options: Options, *, account: str | None) -> str | None:
        """Ask for what is missing, call the operation, and return the account: the first argument that is no secret."""
        command = options.command
        parameters = [one for one in inspect.signature(self.method).parameters.values() if one.name not in self.fixed]
        open_names = [one.name for one in parameters if not is_secret(one.name)]
        arguments = {**self.fixed, **_typed(options.values, [one.name for one in parameters], open_names)}
        for one in parameters:
            if one.name in arguments or one.default is not inspect.Parameter.empty:
                continue
            label = one.name.replace("_", " ")
            if is_secret(one.name):
                arguments[one.name] = prompts.ask_secret(label, twice=command == "register")
            else:
                default = account if command == "login" and open_names[0] == one.name else None
                usage = f"signedin {command} {' '.join(name.upper() for name in open_names)}"
                arguments[one.name] = prompts.ask_text(label, default=default, usage=usage)
        account = arguments.get(open_names[0]) if open_names else None
        try:
            self.method(**arguments)
        finally:
            arguments.clear()  # a crash reporter shows the locals of this frame
        return account


def operation(client: SignedInClient, operation_id: str) -> Callable[..., object] | None:
    """Return the method of a client that calls an operation."""
    for tag in sorted(set(dir(type(client))) - set(dir(SignedInClient)) - {"api", "with_raw_response"}):
        resource = getattr(client, tag)
        for name in dir(type(resource)):
            if not name.startswith("_") and _plain(name) == _plain(operation_id):
                method: Callable[..., object] = getattr(resource, name)
                return method
    return None


def sign_in(client: SignedInClient, options: Options) -> SignIn:
    """Return the operation that `signedin login` or `register` calls.

    Raises:
        ConfigurationError: There is none, or more than one that it may be; the text lists them.
    """
    api = client.api
    refresh = api.REFRESH.request and api.REFRESH.request.operation_id
    issues = {one.operation_id: one for one in api.ISSUES if one.operation_id != refresh or one.when}
    wanted = options.operation or options.command
    chosen = [name for name in issues if _plain(name) == _plain(wanted)]
    if not chosen and options.operation is None and options.command == "login":
        chosen = [name for name in issues if _plain(name) not in {"register", "signup", "createuser"}]
    if len(chosen) != 1 or (method := operation(client, chosen[0])) is None:
        names = ", ".join(issues) or "none"
        raise ConfigurationError(
            f"No one operation of this API is {wanted}. Those that issue tokens: {names}. Name one with --operation."
        )
    when = issues[chosen[0]].when
    return SignIn(method, {_argument(when.place.name): str(when.value)} if when else {})


def is_secret(name: str) -> bool:
    """Say whether an argument of this name is typed unseen."""
    return not _SECRET.isdisjoint(name.split("_"))


def _typed(values: Sequence[str], names: list[str], open_names: list[str]) -> dict[str, str]:
    """Return the arguments of the command line by name; those without a name fill the open ones in order."""
    arguments: dict[str, str] = {}
    free = list(open_names)
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or "@" in name:
            if not free:
                raise ConfigurationError(f"There is an argument too many. {PASSWORDS}")
            name, text = free[0], value
        elif name not in names:
            raise ConfigurationError(f"This operation has no argument of that name; it has: {', '.join(names)}.")
        if is_secret(name):
            raise ConfigurationError(f"The {name.replace('_', ' ')} is an argument here. {PASSWORDS}")
        arguments[name] = text
        free = [one for one in free if one != name]
    return arguments


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _argument(pointer: str) -> str:
    """Return the argument for a property, `/grant_type` or `/grantType`, say."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", pointer.removeprefix("/")).lower()
