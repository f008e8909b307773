"""The `signedin` command: sign in once in a terminal, for every program of this user.

What it accepts stands in `options`, what it does in `commands` and `doctor`, how it speaks in `output`. Whatever goes
wrong is one line on standard error and an exit code, never a traceback.
"""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

from signedin.cli import commands, options, output
from signedin.errors import APIStatusError, ConfigurationError, SignedInError, SignInRequiredError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (`options.EXIT_CODES`)."""
    line = sys.argv[1:] if arguments is None else list(arguments)
    output.escape_what_cannot_be_encoded()
    try:
        code = _run(line)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = 141  # as a program that dies of SIGPIPE: nobody reads the answer any more
    except SignedInError as error:
        code = _exit_code(error)
        output.complain(_problem(error, str(error), code), as_json="--json" in line)
    except Exception as error:  # noqa: BLE001 -- of whatever library: a traceback helps no user, and may show values
        code = 1
        output.complain(_problem(error, _unexpected(error), code), as_json="--json" in line)
    return code


def _run(line: list[str]) -> int:
    try:
        chosen = options.parse(line)
    except SystemExit as end:  # --help and --version, whose text argparse has not yet flushed
        output.write("")
        return int(end.code or 0)
    return commands.run(chosen)


def _exit_code(error: SignedInError) -> int:
    if isinstance(error, SignInRequiredError):
        return 3
    return 2 if isinstance(error, ConfigurationError) else 1


def _problem(error: Exception, message: str, code: int) -> dict[str, object]:
    problem: dict[str, object] = {"error": type(error).__name__, "message": message, "exit_code": code}
    if isinstance(error, APIStatusError):
        problem |= {"status_code": error.status_code, "request_id": error.request_id}
    return problem


def _unexpected(error: Exception) -> str:
    # Without its text, which may quote what it is about: a URL with a password, say.
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    where = f"{frame.f_globals.get('__name__')}, line {line}"
    return f"Something unexpected went wrong: {type(error).__name__} in {where}. Please report this line."
