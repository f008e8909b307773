"""What a person sees of the demo, on a terminal and in a file."""

import io
import re

import pytest
from rich.console import Console

from examples.demo.view import Lines, Screen, Token, view_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _no_token() -> Token | None:
    return None


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_no_colour_gets_plain_lines(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with view_for(Terminal(), 1, _no_token) as view:
        assert isinstance(view, Lines)


def test_a_file_gets_plain_lines() -> None:
    out = io.StringIO()
    with view_for(out, 2, _no_token) as view:
        view.begin("A stage")
        view.progress("calls", 1, 2)
        view.end("went well")
        view.begin("Another")
        view.end("went wrong", well=False)
    assert re.fullmatch(
        r"\[1/2] A stage ...\n      ok: went well \([\d.]+ s\)\n"
        r"\[2/2] Another ...\n      FAILED: went wrong \([\d.]+ s\)\n",
        out.getvalue(),
    )


def test_a_terminal_sees_the_stages_the_bar_and_the_life_of_the_token() -> None:
    out = io.StringIO()
    screen = Screen(Console(file=out, force_terminal=True, width=100), lambda: (7, -1.5, 2.0))
    with screen.live:
        screen.begin("Read [brackets]")
        screen.progress("calls", 3, 50)
        screen.live.refresh()
        screen.end("went well")
        screen.begin("Not here")
        screen.end("not shown", well=None)
    seen = out.getvalue()
    for words in ("Read [brackets]", "3 of 50", "access token 7", "expired 1.5 s ago", "✓", "went well", "not shown"):
        assert words in seen
    assert seen.rstrip().endswith("\x1b[?25h"), "the cursor must come back"
