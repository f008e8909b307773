"""The CI recipes of docs/ci hold only verbs that exist, and nothing beside them but the CI system's own."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.cli import main
from tests.generator.conftest import ROOT

RECIPES = ("github-actions.yml", "gitlab-ci.yml")
_OF_THE_CI_SYSTEM = {"gh", "curl"}  # they post the comment
_GENERATOR = [".venv/bin/python", "-m", "generator"]


def lines(recipe: str) -> list[list[str]]:
    text = (ROOT / "docs" / "ci" / recipe).read_text("utf-8")
    return [shlex.split(line) for script in _scripts(yaml.safe_load(text)) for line in script.splitlines() if line]


def _scripts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"run", "script"}:
                yield from [value] if isinstance(value, str) else value
            else:
                yield from _scripts(value)
    elif isinstance(node, list):
        for item in node:
            yield from _scripts(item)


def verbs_of_the_makefile() -> set[str]:
    return set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8")))


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_line_is_a_verb_that_exists(recipe: str) -> None:
    for words in lines(recipe):
        if words[0] == "make":
            assert set(words[1:]) <= verbs_of_the_makefile(), words
        elif words[0] not in _OF_THE_CI_SYSTEM:
            assert words[: len(_GENERATOR)] == _GENERATOR


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_call_of_the_generator_has_options_that_it_knows(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # so each call ends at a file that is not there, after its command line was read
    calls = [words[len(_GENERATOR) :] for words in lines(recipe) if words[: len(_GENERATOR)] == _GENERATOR]
    assert calls
    for words in calls:
        assert main([word for word in words[: words.index(">")] if not word.startswith("git:")]) == 1
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("recipe", RECIPES)
def test_checks_run_before_a_release(recipe: str) -> None:
    made = [word for words in lines(recipe) if words[0] == "make" for word in words[1:]]
    assert made[-3:] == ["check", "test", "release"]
    assert made[0] == "check"


def test_our_own_ci_runs_the_same_verbs() -> None:
    own = (ROOT / ".ci" / "run").read_text("utf-8")
    assert {"check", "test"} <= set(re.findall(r"[a-z-]+", own))
