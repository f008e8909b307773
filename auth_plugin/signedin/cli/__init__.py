"""The `signedin` command: sign in once in a terminal, for every program of this user.

What it accepts stands in `options`, what it does in `commands` and `doctor`, how it speaks in `output`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from signedin.cli import commands, options, output
from signedin.errors import ConfigurationError, NotSignedInError, SessionExpiredError, SignedInError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (`options.EXIT_CODES`)."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = _answered(given)
        output.flush()
    except BrokenPipeError:
        code = 141  # as a program that dies of SIGPIPE: whoever read the answer has gone
    except KeyboardInterrupt:
        code = 130
    return code


def _answered(given: list[str]) -> int:
    try:
        return commands.run(options.parsed(given))
    except SignedInError as error:
        code = _code_of(error)
        output.complain(error, code, as_json="--json" in given)
        return code


def _code_of(error: SignedInError) -> int:
    if isinstance(error, NotSignedInError | SessionExpiredError):
        return 3
    return 2 if isinstance(error, ConfigurationError) else 1
