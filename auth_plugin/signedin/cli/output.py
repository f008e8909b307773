"""How the command speaks: one JSON object, a table where `rich` is there to draw it, or plain lines.

A stream may be closed, full, without a reader, or of an encoding that lacks the letters; none of it is a traceback.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import TYPE_CHECKING, TextIO

from signedin.errors import SignedInError

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnwritableAnswerError(SignedInError):
    """The command did what it was to do, and standard output does not take its answer."""


def escape_what_cannot_be_encoded() -> None:
    """Have letters escaped that the encoding of a stream lacks: an old locale, cron, PYTHONIOENCODING=ascii."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def show(answer: Mapping[str, object], *, as_json: bool) -> None:
    """Write an answer to standard output."""
    if as_json:
        write(json.dumps(answer) + "\n")
    else:
        table = _table(answer) if sys.stdout is not None and sys.stdout.isatty() else None
        write(table or "".join(f"{_words(name)}: {_text(value)}\n" for name, value in answer.items()))


def write(text: str) -> None:
    """Write to standard output, now: what is left in a buffer fails at the interpreter's end, in Python's own words.

    Raises:
        BrokenPipeError: Nobody reads it any more.
        UnwritableAnswerError: It is full, say.
    """
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        _redirect_to_nowhere(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        raise UnwritableAnswerError(f"Done, but the answer cannot be written: {error.strerror}.") from None


def complain(problem: Mapping[str, object], *, as_json: bool) -> None:
    """Write what went wrong to standard error, in one line."""
    if sys.stderr is None:  # `print` would take standard output in its place
        return
    text = json.dumps(problem) if as_json else f"signedin: {_printable(str(problem['message']))}"
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:
        _redirect_to_nowhere(sys.stderr)


def _redirect_to_nowhere(stream: TextIO) -> None:
    # The text is still in the stream's buffer, and Python writes it once more at its end, and complains.
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _table(answer: Mapping[str, object]) -> str | None:
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return None
    table = Table(show_header=False, box=None)
    for name, value in answer.items():
        # Text, not markup: a server's words draw nothing.
        table.add_row(Text(_words(name), style="bold"), Text(_text(value)))
    console = Console()
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def _words(name: str) -> str:
    return name.replace("_", " ")


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.3g} s" if abs(value) < 1 else f"{value:.0f} s"
        case list():
            return "; ".join(map(_text, value)) or "none"
        case _:
            return _printable(str(value))


def _printable(text: str) -> str:
    """Return the text on one line, without what would steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
