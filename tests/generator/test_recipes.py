"""The CI recipes of docs/ci hold verbs that our own CI runs, as it runs them, and beside them the CI system's own."""

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
_OF_THE_CI_SYSTEM = {"gh", "curl", "cat"}  # they post the comment, and show it in the log
_SCRIPTS = {"run", "script", "after_script"}


def lines(recipe: str) -> list[list[str]]:
    text = (ROOT / "docs" / "ci" / recipe).read_text("utf-8")
    return [shlex.split(line) for script in _scripts(yaml.safe_load(text)) for line in script.splitlines() if line]


def _scripts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in _SCRIPTS:
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
    if words[0] in _OF_THE_CI_SYSTEM:
        return None
    assert words[0] == "make", words
    return words[1]


def arguments(words: list[str], name: str = "ARGS=") -> str:
    return next((word.removeprefix(name) for word in words if word.startswith(name)), "")


def run_by_our_own_ci() -> dict[str, list[str]]:
    """Return the verbs that `.ci/run` calls make with, and the words of their lines."""
    own = (ROOT / ".ci" / "run").read_text("utf-8")
    made = [shlex.split(line) for line in re.findall(r"^ *(make .*)", own, re.MULTILINE)]
    return {verb: words for words in made for verb in words if re.fullmatch(r"[a-z][a-z-]*", verb) and verb != "make"}


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_line_is_a_verb_that_our_own_ci_runs(recipe: str) -> None:
    verbs = {verb for words in lines(recipe) if (verb := called(words))}
    assert verbs == {"check", "diff", "release"}
    assert verbs <= run_by_our_own_ci().keys() <= verbs_of_the_makefile()


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_diff_has_the_options_of_our_own_and_both_compare_with_something(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [diff] = [words for words in lines(recipe) if words[:2] == ["make", "diff"]]
    own = run_by_our_own_ci()["diff"]
    assert arguments(diff) == arguments(own) != ""
    assert arguments(diff, "OLD=").startswith("git:")
    assert arguments(own, "OLD=") == "build/before.yaml"
    assert main(["diff", str(tmp_path / "none.yaml"), *shlex.split(arguments(diff))]) == 1  # it knows the options
    assert "none.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_diff_is_posted_whatever_the_check_says(recipe: str) -> None:
    text = (ROOT / "docs" / "ci" / recipe).read_text("utf-8")
    check = yaml.safe_load(text)
    steps = check["jobs"]["check"]["steps"] if "jobs" in check else []
    if steps:  # a step before it cannot be stopped by it, and it runs whatever became of the comment
        assert "make check" in steps[-1]["run"]
        assert steps[-1]["if"] == "${{ !cancelled() }}"
        assert "gh pr comment" in steps[-2]["run"]
    else:  # what GitLab runs after a script, failed or not
        assert check["check"]["script"][-1] == "make check"
        assert "curl" in check["check"]["after_script"][0]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_release_has_all_that_it_needs_and_begins_with_a_check(
    recipe: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [release] = [words for words in lines(recipe) if words[:2] == ["make", "release"]]
    said = arguments(release).replace("$INDEX_URL", "https://packages.example/signedin/").split()
    for name in (index.USERNAME, index.PASSWORD):
        assert name in (ROOT / "docs" / "ci" / recipe).read_text("utf-8")
        monkeypatch.delenv(name, raising=False)
    assert main(["release", *said]) == 1  # the command line is right; only the credentials lack
    assert "No credentials" in capsys.readouterr().err
    made = [called(words) for words in lines(recipe) if words[0] == "make"]
    assert made == ["diff", "check", "check", "release"]
