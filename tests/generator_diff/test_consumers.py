"""The programs that a release is held against are those of the last one, not those of today."""

import subprocess
from pathlib import Path

import pytest

from generator.diff import Level, verb
from generator.diff.sdk import consumers, unformatted
from generator.diff.verb import changes
from generator.errors import SpecError
from generator.spec.document import load
from tests.generator.specs import as_yaml, minimal
from tests.types_cache import types_cache

__all__ = ["types_cache"]
pytestmark = pytest.mark.usefixtures("types_cache")
PROGRAM = """
from helper import call
from signedin_sdk.models.thing import Thing
text: str = call(Thing())
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tag v1.0.0 with a program and a hand-written package; since then both have changed."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    (tmp_path / "auth_plugin").mkdir()
    (tmp_path / "openapi.yaml").write_text(as_yaml(minimal()), encoding="utf-8")
    (tmp_path / "program.py").write_text(PROGRAM)
    helper = tmp_path / "auth_plugin" / "helper.py"
    helper.write_text("def call(thing: object) -> str: return str(thing)\n")
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "Release"], ["tag", "v1.0.0"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    (tmp_path / "program.py").write_text("pass\n")
    return tmp_path


@pytest.fixture
def with_package(repository: Path) -> Path:
    """The tag has the package that was generated for it, by templates that gave a model one method more."""
    package = unformatted(load(repository / "openapi.yaml"), repository / "sdk", "signedin_sdk")
    with (package / "models" / "thing.py").open("a") as model:
        model.write("\n    def gone(self) -> str: return ''\n")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for command in (["add", "-A"], [*who, "commit", "-q", "-m", "Release"], ["tag", "--force", "v1.0.0"]):
        subprocess.run(["git", *command], cwd=repository, check=True, capture_output=True)
    return repository


def _breaking(repository: Path, helper: str) -> set[str]:
    (repository / "auth_plugin" / "helper.py").write_text(helper)
    spec = load(repository / "openapi.yaml")  # not edited: only what is beside it has changed
    with consumers("git:v1.0.0", ["program.py"], root=repository) as programs:
        changed = changes(spec, spec, consumers=programs)
    return {change.rule for change in changed if change.level is Level.BREAKING}


def test_program_of_the_last_release_breaks_though_the_one_of_today_does_not(repository: Path) -> None:
    assert _breaking(repository, "def call(thing: int) -> str: return str(thing)\n") == {"consumer-does-not-type-check"}


def test_program_of_the_last_release_still_fits(repository: Path) -> None:
    assert _breaking(repository, "def call(thing: object, more: int = 0) -> str: return str(thing)\n") == set()


def test_package_of_the_last_release_is_the_one_that_was_generated_then(
    with_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "consumer_changes", lambda *_: [])  # the tests above have the type checker
    assert _breaking(with_package, "") == {"python-api-changed"}


def test_program_that_the_revision_lacks_is_reported(repository: Path) -> None:
    with pytest.raises(SpecError, match=r"no other\.py"), consumers("git:v1.0.0", ["other.py"], root=repository):
        pass


def test_absolute_name_and_a_file_as_the_old_spec_mean_the_file_as_it_stands(repository: Path) -> None:
    with consumers("git:v1.0.0", [str(repository / "program.py")], root=repository) as programs:
        assert programs.programs == [repository / "program.py"]
    with consumers("openapi.yaml", ["program.py"], root=repository) as programs:
        assert programs.programs == [repository / "program.py"]
        assert programs.before == programs.after
