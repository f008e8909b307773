"""The CI recipes of docs/ci hold only verbs that exist, and nothing beside them but the CI system's own."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.cli import main
from generator.release import index
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


def called(words: list[str]) -> str | None:
    """Return the verb of a line, None for a line of the CI system's own."""
    if words[0] == "make":
        assert all(word.startswith("ARGS=") for word in words[2:]), words
        return words[1]
    if words[0] in _OF_THE_CI_SYSTEM:
        return None
    assert words[: len(_GENERATOR)] == _GENERATOR
    return words[len(_GENERATOR)]


def run_by_our_own_ci() -> set[str]:
    """Return the verbs that `.ci/run` calls make with."""
    own = (ROOT / ".ci" / "run").read_text("utf-8")
    return {verb for verbs in re.findall(r"^ *make ((?:[a-z][a-z-]* )+)", own, re.MULTILINE) for verb in verbs.split()}


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_line_is_a_verb_that_our_own_ci_runs(recipe: str) -> None:
    verbs = {verb for words in lines(recipe) if (verb := called(words))}
    assert verbs == {"check", "diff", "release"}
    assert verbs <= run_by_our_own_ci() <= verbs_of_the_makefile()


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
def test_the_release_has_all_that_it_needs_and_begins_with_a_check(
    recipe: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [release] = [words for words in lines(recipe) if words[:2] == ["make", "release"]]
    arguments = release[2].removeprefix("ARGS=").replace("$INDEX_URL", "https://packages.example/signedin/").split()
    for name in (index.USERNAME, index.PASSWORD):
        assert name in (ROOT / "docs" / "ci" / recipe).read_text("utf-8")
        monkeypatch.delenv(name, raising=False)
    assert main(["release", *arguments]) == 1  # the command line is right; only the credentials lack
    assert "No credentials" in capsys.readouterr().err
    made = [called(words) for words in lines(recipe) if words[0] == "make"]
    assert made == ["check", "check", "release"]
