"""What the command accepts: its arguments, its environment and its exit codes.

argparse, since `import httpx` takes nearly twice as long where click is installed; shtab writes the completion.
"""

from __future__ import annotations

import argparse
import difflib
import re
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import parse_qs, urlsplit

from signedin._options import VERSION
from signedin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COMMANDS: Final = {
    "register": "create an account and sign in",
    "login": "sign in, for every program that uses the same store and profile",
    "profile": "show the signed-in user, as the server answers",
    "logout": "sign out everywhere, and end the session at the server",
    "status": "show who is signed in, where and until when; sends nothing (exit code 3 if nobody is)",
    "profiles": "list the profiles that signed in by this command; sends nothing",
    "token": 'write an access token that is valid now: curl -H "Authorization: Bearer $(signedin token)" …',
    "doctor": "look for what stops a sign-in from working: store, session, server, clocks; shows no secret",
    "completion": "write a completion script: bash, zsh or tcsh",
}
EXIT_CODES: Final = (
    "exit codes: 0 done, 1 failed, 2 wrong usage, 3 sign in again, 4 try later, 130 interrupted, "
    "141 nobody reads the output"
)
PASSWORDS: Final = (
    "A password is typed at the terminal, or read as one line from standard input. It is never an argument or an "
    "environment variable: other processes can read those."
)
SHELLS: Final = ("bash", "zsh", "tcsh")
OURS: Final = "signedin:Client"  # the API whose operations have no need of --client


class Options(argparse.Namespace):
    """What one command line asks for; these are the defaults."""

    command: str
    client: str = OURS
    base_url: str | None = None
    store: str | None = None
    profile: str = "default"
    values: Sequence[str] = ()
    operation: str | None = None
    shell: str = "bash"
    json: bool = False
    quiet: bool = False
    allow_http: bool = False

    @property
    def login(self) -> str:
        """The command that signs in where this one looks."""
        parts = ["signedin login"]
        parts += [f"--client {self.client}"] * (self.client != OURS)
        parts += [f"--profile {self.profile}"] * (self.profile != "default")
        return " ".join(parts)


def parse(arguments: Sequence[str]) -> Options:
    """Return the options; `--help` and `--version` leave.

    Raises:
        ConfigurationError: The arguments cannot be understood, or hold a secret.
    """
    try:
        "".join(arguments).encode()
    except UnicodeEncodeError:
        raise ConfigurationError("An argument is no text in this locale's encoding.") from None
    # A parser for each command takes longer than all the rest of `status`.
    named = [name for name in COMMANDS if name in arguments]
    options, rest = _parser(named or COMMANDS).parse_known_args(arguments, Options())
    if rest:
        # Not quoted: it may be a password that somebody typed there.
        words = [word.partition("=")[0] for word in rest if word.startswith("--")]
        hint = _did_you_mean(words[0], _option_strings(options.command)) if words else ""
        raise ConfigurationError(f"There is an argument that signedin does not have.{hint} {PASSWORDS}")
    if options.store and _holds_a_password(options.store):
        raise ConfigurationError(
            "The store's URL holds a password, and other processes can read arguments: set SIGNEDIN_STORE instead."
        )
    if not options.profile or not options.profile.isprintable():
        raise ConfigurationError("A profile is a printable name.")
    return options


def completion(shell: str) -> str:
    """Return the script that completes `signedin` in a shell."""
    try:
        import shtab
    except ImportError:
        raise ConfigurationError("Completion needs the extra `cli`: pip install signedin[cli]") from None
    script: str = shtab.complete(_parser(COMMANDS), shell=shell)
    return script


def _did_you_mean(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(words), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _holds_a_password(store: str) -> bool:
    try:
        url = urlsplit(store)
        return "@" in url.netloc or "password" in parse_qs(url.query)
    except ValueError:
        return False  # no URL; the store's own message says so


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        if wrong := re.search(r"invalid choice: '([^']*)'", message):
            message += f".{_did_you_mean(wrong[1], COMMANDS)}"
        raise ConfigurationError(f"{message} (see {self.prog} --help)")


def _common() -> _Parser:
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--profile", metavar="NAME", help="which of several sign-ins (default: default)")
    common.add_argument(
        "--base-url", metavar="URL", help="where the API is; else SIGNEDIN_BASE_URL, the last sign-in, the spec"
    )
    common.add_argument(
        "--store",
        metavar="URL",
        help="where tokens are stored; else SIGNEDIN_STORE, else a keyring that works or file:",
    )
    common.add_argument("--client", metavar="MODULE:CLASS", help="another API's SignedInClient, as shop:Shop")
    common.add_argument("--json", action="store_true", help="answer with one JSON object; errors too, on stderr")
    common.add_argument("--quiet", action="store_true", help="write no answer and no notes; the exit code tells")
    common.add_argument("--allow-http", action="store_true", help="let tokens travel unencrypted to other machines")
    return common


def _option_strings(command: str) -> list[str]:
    strings = re.findall(r"--[a-z-]+", _common().format_help())
    return [*strings, "--help", *(["--operation"] if command in {"login", "register"} else [])]


def _parser(names: Iterable[str]) -> argparse.ArgumentParser:
    common = _common()
    top = _Parser(
        prog="signedin",
        description="Sign in once, for every program of this user.",
        epilog=f"{PASSWORDS} {EXIT_CODES.capitalize()}.",
        parents=[common],
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"signedin {VERSION}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in names:
        text = COMMANDS[name]
        command = commands.add_parser(
            name, help=text, description=text.capitalize(), epilog=EXIT_CODES, parents=[common], allow_abbrev=False
        )
        if name in {"register", "login"}:
            command.add_argument(
                "values", nargs="*", metavar="ACCOUNT", help="the e-mail, say; further arguments as name=value"
            )
            command.add_argument("--operation", metavar="ID", help="which operation, where several issue tokens")
        if name == "completion":
            command.add_argument("shell", choices=SHELLS)
    return top
