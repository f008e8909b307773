"""Every verb is bounded in time and memory, and ends in one line whatever stops it."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest

from generator import cli
from generator.cli import main

ARGUMENTS = {"diff": ["old.yaml"], "release": ["--dry-run"]}


def _verb(monkeypatch: pytest.MonkeyPatch, name: str, body: Any) -> list[str]:
    """Let a verb be something else; return how it is called."""
    monkeypatch.setattr(import_module(cli._VERBS[name][0]), name, body)
    return [name, *ARGUMENTS.get(name, [])]


@pytest.mark.parametrize("name", cli._VERBS)
def test_every_verb_is_carried_out_within_its_bounds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    @contextmanager
    def bounded(**bounds: int) -> Iterator[None]:
        seen.append(bounds)
        yield
        seen.append("end")

    monkeypatch.setattr(cli, "bounded", bounded)

    def verb(_: object) -> int:
        seen.append("verb")
        return 0

    command = _verb(monkeypatch, name, verb)
    assert main([*command, "--seconds", "7", "--memory", "9"]) == 0
    assert seen == [{"seconds": 7, "mebibytes": 9}, "verb", "end"]


@pytest.mark.parametrize("name", cli._VERBS)
def test_an_interrupted_verb_ends_in_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    assert main(_verb(monkeypatch, name, interrupted)) == 130
    assert capsys.readouterr().err == "generator: interrupted.\n"


@pytest.mark.parametrize("option", ["--seconds", "--memory"])
def test_a_bound_of_nothing_is_refused_since_it_would_be_none(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["lint", option, "0"])
    assert "0 is less than 1" in capsys.readouterr().err
