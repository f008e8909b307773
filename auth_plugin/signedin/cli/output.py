"""How the command writes: one JSON object, or plain lines that no terminal's width cuts.

A stream may be closed, full, without a reader, or of an encoding that lacks the letters; none of it is a traceback.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import TYPE_CHECKING, NamedTuple, TextIO

from signedin.errors import SignedInError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Answer(NamedTuple):
    """What a command answers: values for machines, the exit code, and text for people where lines will not do."""

    values: Mapping[str, object]
    code: int = 0
    text: str | None = None


class UnwritableAnswerError(SignedInError):
    """The command did what it was to do, and standard output does not take its answer."""


def escape_what_cannot_be_encoded() -> None:
    """Have letters escaped that the encoding of a stream lacks: an old locale, cron, PYTHONIOENCODING=ascii."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def show(answer: Answer, *, as_json: bool, quiet: bool) -> None:
    """Write an answer to standard output."""
    if as_json:
        write(json.dumps(answer.values) + "\n")
    elif not quiet:
        write(lines(answer.values) if answer.text is None else answer.text)


def lines(values: Mapping[str, object], *, but: Collection[str] = ()) -> str:
    """Return a line for each value, for people."""
    return "".join(f"{name.replace('_', ' ')}: {_text(value)}\n" for name, value in values.items() if name not in but)


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


def note(text: str, *, quiet: bool) -> None:
    """Write one line to standard error, beside the answer."""
    if not quiet:
        _write_error(f"signedin: {printable(text)}\n")


def complain(problem: Mapping[str, object], *, as_json: bool) -> None:
    """Write what went wrong to standard error, in one line."""
    _write_error((json.dumps(problem) if as_json else f"signedin: {printable(str(problem['message']))}") + "\n")


def _write_error(text: str) -> None:
    if sys.stderr is None:  # `print` would take standard output in its place
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _redirect_to_nowhere(sys.stderr)


def _redirect_to_nowhere(stream: TextIO) -> None:
    # The text is still in the stream's buffer, and Python writes it once more at its end, and complains.
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


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
            return printable(str(value))


def printable(text: str) -> str:
    """Return the text on one line, without what would steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def printable_lines(text: str) -> str:
    """As `printable`, line by line."""
    return "".join(f"{printable(line)}\n" for line in text.split("\n")[:-1])
