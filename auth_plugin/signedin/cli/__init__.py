"""The `signedin` command: sign in once in a terminal, for every program of this user.

What it accepts stands in `options` and `prompts`, what it writes in `output`. `commands` chooses what is done: by
`status`, `calls` (with `signing_in`) or `doctor`. Whatever goes wrong is one line on standard error and an exit code,
never a traceback.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Final

from signedin.cli import commands, options, output
from signedin.errors import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    NotSignedInError,
    RateLimitError,
    RefreshUnavailableError,
    ServerError,
    SignedInError,
    SignInRequiredError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_TRY_LATER: Final = (RefreshUnavailableError, APIConnectionError, RateLimitError, ServerError)
# Messages name arguments of the library; here they are options of the command.
_OPTIONS: Final = {
    "pass allow_http=True": "add --allow-http",
    "store: RedisStore": "--store redis://host:6379/0",
    "RedisStore": "--store redis://host:6379/0",
    "store: KeyringStore": "--store keyring:",
    "KeyringStore": "--store keyring:",
    "FileStore(path)": "--store file:///path/to/tokens.json",
    "FileStore": "--store file:",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (`options.EXIT_CODES`)."""
    line = sys.argv[1:] if arguments is None else list(arguments)
    output.escape_what_cannot_be_encoded()
    login = "signedin login"
    try:
        try:
            chosen = options.parse(line)
        except SystemExit as end:  # --help and --version, whose text argparse has not yet flushed
            output.write("")
            return int(end.code or 0)
        login = chosen.login
        return commands.run(chosen, os.environ)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141  # as a program that dies of SIGPIPE: nobody reads the answer any more
    except Exception as error:  # noqa: BLE001 -- of whatever library: a traceback helps no user, and may show values
        problem = _problem(error, login)
        output.complain(problem, as_json="--json" in line)
        return _exit_code(error)


def _exit_code(error: Exception) -> int:
    match error:
        case SignInRequiredError():
            return 3
        case ConfigurationError():
            return 2
        case _:
            return 4 if isinstance(error, _TRY_LATER) else 1


def _problem(error: Exception, login: str) -> dict[str, object]:
    message = _message(error, login)
    problem: dict[str, object] = {
        "error": type(error).__name__,
        "message": message,
        "exit_code": _exit_code(error),
    }
    if isinstance(error, APIStatusError):
        problem |= {"status_code": error.status_code, "request_id": error.request_id}
    if isinstance(error, RefreshUnavailableError | APIStatusError) and error.retry_after is not None:
        problem["retry_after"] = error.retry_after.total_seconds()
    return problem


def _message(error: Exception, login: str) -> str:
    if not isinstance(error, SignedInError):
        # Without its text, which may quote what it is about: a URL with a password, say.
        *_, (frame, line) = traceback.walk_tb(error.__traceback__)
        where = f"{frame.f_globals.get('__name__')}, line {line}"
        return f"Something unexpected went wrong: {type(error).__name__} in {where}. Please report this line."
    if isinstance(error, NotSignedInError):
        return f"Not signed in. Run: {login}"
    message = str(error)
    for name, option in _OPTIONS.items():
        message = message.replace(name, option)
    if isinstance(error, SignInRequiredError):
        message += f" Run: {login}"
    elif isinstance(error, _TRY_LATER):
        message += " If the server is well, signedin doctor looks for the cause."
    return message
