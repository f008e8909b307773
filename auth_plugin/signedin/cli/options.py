"""What the command accepts, and where a value comes from: the command line, the environment, the terminal."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import parse_qs, urlsplit

from signedin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = {
    "register": "create an account and sign in",
    "login": "sign in, for every program that uses the same store and profile",
    "profile": "show the signed-in user, as the server knows it",
    "logout": "sign out everywhere, and end the session at the server",
    "status": "say whether there is a sign-in; asks no server (exit code 3 if there is none)",
    "doctor": "say what there is to know of store, session, server and clocks; shows no secret",
}
EXIT_CODES: Final = "exit codes: 0 done, 1 failed, 2 wrong usage, 3 not signed in or expired, 130 interrupted"
_PASSWORDS: Final = (
    "A password is asked for on the terminal, or read as one line from standard input. It is never an argument or an "
    "environment variable: other processes can read those."
)
_LONGEST_LINE: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one command line asks for."""

    command: str
    base_url: str | None
    store: str
    profile: str
    email: str | None
    as_json: bool
    allow_http: bool


def parse(arguments: Sequence[str]) -> Options:
    """Return the options; `--help` and `--version` leave.

    Raises:
        ConfigurationError: The arguments cannot be understood, or hold a secret.
    """
    try:
        "".join(arguments).encode()
    except UnicodeEncodeError:
        raise ConfigurationError("An argument is no text in this locale's encoding.") from None
    values = vars(_parser().parse_args(arguments))
    store = values.get("store") or os.environ.get("SIGNEDIN_STORE") or "file:"
    if "store" in values and _holds_a_password(values["store"]):
        raise ConfigurationError(
            "The store's URL holds a password, and other processes can read arguments: set SIGNEDIN_STORE instead."
        )
    return Options(
        command=values["command"],
        base_url=values.get("base_url") or os.environ.get("SIGNEDIN_BASE_URL"),
        store=store,
        profile=values.get("profile", "default"),
        email=values.get("email"),
        as_json=values.get("json", False),
        allow_http=values.get("allow_http", False),
    )


def ask_email() -> str:
    """Return the e-mail typed at the terminal."""
    if not _at_a_terminal():
        raise ConfigurationError("Whose account? Give the e-mail as an argument: signedin login ada@example.com")
    if sys.stderr is not None:
        sys.stderr.write("E-mail: ")
        sys.stderr.flush()
    return _line("e-mail")


def ask_password(*, twice: bool) -> str:
    """Return the password typed at the terminal, unseen, or else the next line of standard input."""
    if not _at_a_terminal():
        return _line("password")
    password = _typed_unseen("Password: ")
    if twice and _typed_unseen("Once more: ") != password:
        raise ConfigurationError("The two passwords differ; nothing was sent.")
    if not password:
        raise ConfigurationError("The password is empty; nothing was sent.")
    return password


def _typed_unseen(prompt: str) -> str:
    try:
        text = getpass.getpass(prompt)
        text.encode()  # as in `_line`
    except EOFError:
        raise ConfigurationError("No password was typed; nothing was sent.") from None
    except UnicodeError:
        raise ConfigurationError("The password is no text in this locale's encoding; nothing was sent.") from None
    return text


def _line(what: str) -> str:
    try:
        line = sys.stdin.readline(_LONGEST_LINE) if sys.stdin else ""
        line.encode()  # some locales let bytes through that are no text
    except UnicodeError:
        raise ConfigurationError(f"The {what} on standard input is no text in this locale's encoding.") from None
    except OSError as error:
        raise ConfigurationError(f"The {what} cannot be read from standard input: {error.strerror}.") from None
    if not (text := line.removesuffix("\n").removesuffix("\r")):
        raise ConfigurationError(f"No {what}: one line is expected on standard input.")
    return text


def _at_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _holds_a_password(store: str) -> bool:
    try:
        url = urlsplit(store)
        return "@" in url.netloc or "password" in parse_qs(url.query)
    except ValueError:
        return False  # no URL; the store says so


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments"):
            # Not quoted: it may be a password that somebody typed there.
            message = f"there are arguments that {self.prog} does not know. {_PASSWORDS}"
        raise ConfigurationError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--base-url", metavar="URL", help="where the API is; else SIGNEDIN_BASE_URL")
    common.add_argument("--store", metavar="URL", help="where tokens are kept; else SIGNEDIN_STORE, else file:")
    common.add_argument("--profile", metavar="NAME", help="which of several sign-ins (default: default)")
    common.add_argument("--json", action="store_true", help="answer with one JSON object; errors too, on stderr")
    common.add_argument("--allow-http", action="store_true", help="let tokens travel unencrypted to other machines")
    top = _Parser(
        prog="signedin",
        description="Sign in once, for every program of this user.",
        epilog=f"{_PASSWORDS} {EXIT_CODES.capitalize()}.",
        parents=[common],
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"signedin {version('signedin')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(
            name, help=text, description=text.capitalize(), epilog=EXIT_CODES, parents=[common], allow_abbrev=False
        )
        if name in {"register", "login"}:
            command.add_argument("email", nargs="?", help="asked for at a terminal if it is not given")
    return top
