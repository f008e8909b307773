"""How the command speaks: one JSON object, a table where `rich` is there to draw it, or plain lines."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from signedin.errors import APIStatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signedin.errors import SignedInError


def show(said: Mapping[str, object], *, as_json: bool) -> None:
    """Write the answer to standard output."""
    if as_json:
        print(json.dumps(said))  # noqa: T201 -- the command's voice
    elif not (sys.stdout is not None and sys.stdout.isatty() and _drawn(said)):
        for name, value in said.items():
            print(f"{_words(name)}: {_shown(value)}")  # noqa: T201


def complain(error: SignedInError, code: int, *, as_json: bool) -> None:
    """Write what went wrong to standard error, in one line."""
    said: dict[str, object] = {"error": type(error).__name__, "message": str(error), "exit_code": code}
    if isinstance(error, APIStatusError):
        said |= {"status_code": error.status_code, "request_id": error.request_id}
    text = json.dumps(said) if as_json else f"signedin: {_printable(str(error))}"
    print(text, file=sys.stderr)  # noqa: T201


def flush() -> None:
    """Find out now, and not at the interpreter's end, that nobody reads the answer."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _drawn(said: Mapping[str, object]) -> bool:
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    table = Table(show_header=False, box=None)
    for name, value in said.items():
        # Text, not markup: a server's words draw nothing.
        table.add_row(Text(_words(name), style="bold"), Text(_shown(value)))
    Console().print(table)
    return True


def _words(name: str) -> str:
    return name.replace("_", " ")


def _shown(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.3g} s" if abs(value) < 1 else f"{value:.0f} s"
        case list():
            return "; ".join(map(_shown, value)) or "none"
    return _printable(str(value))


def _printable(text: str) -> str:
    """Return the text on one line, without what would steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
