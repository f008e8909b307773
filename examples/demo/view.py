"""What a person sees: a live view on a terminal, plain lines anywhere else."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

Token = tuple[int, float, float]
"""Generation, seconds left (negative: expired), seconds that it lives in all."""
_BAR: Final = 30
_WORDS: Final = {True: "ok: ", False: "FAILED: ", None: ""}
_MARKS: Final = {True: "✓", False: "✗", None: "-"}


class View(Protocol):
    """Where a run is shown."""

    def begin(self, title: str) -> None:
        """Begin a stage."""

    def progress(self, what: str, done: float, total: float) -> None:
        """Tell how far the stage is."""

    def end(self, result: str, *, well: bool | None = True) -> None:
        """Tell what came of the stage; `well` is None where it could not be played."""


class Lines:
    """One line when a stage begins, one when it ends; no escape sequences."""

    def __init__(self, out: TextIO, total: int) -> None:
        self._out, self._total, self._number, self._start = out, total, 0, 0.0

    def begin(self, title: str) -> None:
        """Begin a stage."""
        self._number, self._start = self._number + 1, time.monotonic()
        print(f"[{self._number}/{self._total}] {title} ...", file=self._out, flush=True)

    def progress(self, what: str, done: float, total: float) -> None:
        """Say nothing: a log wants no bars."""

    def end(self, result: str, *, well: bool | None = True) -> None:
        """Tell what came of the stage; `well` is None where it could not be played."""
        took = time.monotonic() - self._start
        print(f"      {_WORDS[well]}{result} ({took:.1f} s)", file=self._out, flush=True)


class Screen:
    """A list of stages, a bar for what goes on, and the life of the access token, ten times a second."""

    def __init__(self, console: Console, token: Callable[[], Token | None]) -> None:
        self._token = token
        self._rows: list[tuple[str, str, str]] = []  # title, result, mark
        self._bar: tuple[str, float, float] | None = None
        self._spinner = Spinner("dots", style="cyan")
        self.live = Live(console=console, get_renderable=self._render, refresh_per_second=10)

    def begin(self, title: str) -> None:
        """Begin a stage."""
        self._rows.append((title, "", ""))

    def progress(self, what: str, done: float, total: float) -> None:
        """Tell how far the stage is."""
        self._bar = (what, done, total)

    def end(self, result: str, *, well: bool | None = True) -> None:
        """Tell what came of the stage; `well` is None where it could not be played."""
        self._rows[-1] = (self._rows[-1][0], result, _MARKS[well])
        self._bar = None

    def _render(self) -> RenderableType:
        stages = Table.grid(padding=(0, 1))
        stages.add_column()
        stages.add_column(no_wrap=True)
        for title, result, mark in self._rows:
            shown = Text(mark, "green" if mark == _MARKS[True] else "yellow") if mark else self._spinner
            stages.add_row(shown, Text(title, "" if mark else "bold"), Text(result, "dim"))
        running = self._rows and not self._rows[-1][2]
        parts: list[RenderableType] = [stages, Text(), self._bars()] if running else [stages]
        return Group(*parts)

    def _bars(self) -> Table:
        bars = Table.grid(padding=(0, 1))
        if (token := self._token()) is not None:
            generation, left, life = token
            style = "green" if left > life / 5 else "yellow" if left > 0 else "red"
            state = f"{left:.1f} s left" if left > 0 else f"expired {-left:.1f} s ago"
            bar = ProgressBar(total=life, completed=max(0.0, left), width=_BAR, complete_style=style)
            bars.add_row(f"  access token {generation}", bar, Text(state, style=style))
        if self._bar is not None:
            what, done, total = self._bar
            bars.add_row(f"  {what}", ProgressBar(total=total, completed=done, width=_BAR), f"{done:g} of {total:g}")
        return bars


@contextmanager
def view_for(out: TextIO, total: int, token: Callable[[], Token | None]) -> Iterator[View]:
    """Show a run of so many stages, as the output allows."""
    if not out.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") in {"dumb", "unknown"}:
        yield Lines(out, total)
        return
    screen = Screen(Console(file=out), token)
    with screen.live:
        yield screen


def standard_output() -> TextIO:
    """Return stdout, made to survive characters that its encoding lacks."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    return sys.stdout
