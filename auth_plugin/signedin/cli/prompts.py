"""How the command asks: at the terminal, secrets unseen, or line by line from standard input."""

from __future__ import annotations

import getpass
import sys
from typing import Final

from signedin.errors import ConfigurationError

_LONGEST_LINE: Final = 4096


def ask_text(label: str, *, default: str | None, usage: str) -> str:
    """Return what is typed at the terminal, or the default; standard input is for secrets alone."""
    if not _at_a_terminal():
        if default is None:
            raise ConfigurationError(f"No {label}: give it as an argument, as in {usage}")
        return default
    if sys.stderr is not None:
        sys.stderr.write(f"{label.capitalize()}{f' [{default}]' if default else ''}: ")
        sys.stderr.flush()
    return _line(label, default)


def ask_secret(label: str, *, twice: bool) -> str:
    """Return what is typed at the terminal, unseen, or else the next line of standard input."""
    if not _at_a_terminal():
        return _line(label)
    secret = _typed_unseen(f"{label.capitalize()}: ", label)
    if twice and _typed_unseen("Once more: ", label) != secret:
        raise ConfigurationError(f"The two {label}s differ; nothing was sent.")
    if not secret:
        raise ConfigurationError(f"The {label} is empty; nothing was sent.")
    return secret


def _typed_unseen(prompt: str, label: str) -> str:
    try:
        text = getpass.getpass(prompt)
        text.encode()  # as in `_line`
    except EOFError:
        raise ConfigurationError(f"No {label} was typed; nothing was sent.") from None
    except UnicodeError:
        raise ConfigurationError(f"The {label} is no text in this locale's encoding; nothing was sent.") from None
    return text


def _line(label: str, default: str | None = None) -> str:
    try:
        line = sys.stdin.readline(_LONGEST_LINE) if sys.stdin else ""
        line.encode()  # some locales let bytes through that are no text
    except UnicodeError:
        raise ConfigurationError(f"The {label} on standard input is no text in this locale's encoding.") from None
    except OSError as error:
        raise ConfigurationError(f"The {label} cannot be read from standard input: {error.strerror}.") from None
    if not (text := line.removesuffix("\n").removesuffix("\r") or default):
        raise ConfigurationError(f"No {label}: one line is expected on standard input.")
    return text


def _at_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
