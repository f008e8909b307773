"""The whole way: an edited spec in a clone, released to a real index, installed from there, the example run."""

import json
import os
import subprocess
import tomllib
from functools import partial
from pathlib import Path

import pytest

from generator.diff import Change
from generator.diff.sdk import Consumers
from generator.diff.verb import changes
from generator.errors import GeneratorError
from generator.pipeline import generate
from generator.release import history, steps
from generator.release.changelog import CHANGELOGS, fragments, released, section, unreleased
from generator.release.distribution import snapshot
from generator.release.history import VERSIONED, Push, record
from generator.release.index import Index
from generator.release.steps import Plan, carry_out, prove
from tests.release.indexes import SECRET, USER, Served

ROOT = Path(__file__).parents[2]
EMAIL = "maxLength: 320"


def _git(tree: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=tree, check=True, capture_output=True, text=True).stdout


def _remote(folder: Path) -> str:
    _git(folder, "init", "-q", "--bare", "remote.git")
    return str(folder / "remote.git")


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever commits, without a configuration of the machine."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "t")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "t@example.com")
        monkeypatch.setenv(f"GIT_{name}_DATE", "2026-01-02T03:04:05Z")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone with a release behind it and an edited spec.

    It lacks the program of a user, which would be type-checked: the tests of the comparison have that.
    """
    tree = snapshot(ROOT, tmp_path / "clone")
    (tree / "tests" / "typing" / "consumer.py").unlink()
    _git(tree, "init", "-q", "-b", "main")
    _git(tree, "add", "-A")
    _git(tree, "commit", "-q", "-m", "Release")
    _git(tree, "tag", "v0.1.0")
    spec = tree / "openapi.yaml"
    spec.write_text(spec.read_text("utf-8").replace(EMAIL, "maxLength: 300"), encoding="utf-8")
    return tree


def _state(tree: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in tree.rglob("*") if path.is_file() and ".git" not in path.parts}


@pytest.mark.timeout(300)
def test_edited_spec_becomes_a_version_that_runs_from_the_index(
    tree: Path, private: Served, wheelhouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "generate", partial(generate, types=False))  # test_pipeline has the types
    for path in wheelhouse.glob("*.whl"):
        (private.folder / path.name).write_bytes(path.read_bytes())
    before, lines = _state(tree), list[str]()
    tests = "python -c pass"
    dry = Plan(tree, None, None, tests, None, tmp_path / "dry")
    with monkeypatch.context() as once:  # the release below generates twice, as `check` asks
        once.setattr(steps, "check", lambda *_: [])
        assert carry_out(dry, lines.append) == "0.2.0"  # a limit that shrinks breaks: 0.x has that in the second number
    assert _state(tree) == before
    assert [line for line in lines if "would upload signedin-0.2.0" in line]
    assert "would leave it to you to commit, and to tag it v0.2.0" in lines
    index = Index(private.simple, f"{private.root}/", USER, SECRET)
    plan = Plan(tree, None, None, tests, index, tmp_path / "out", tag=True, push=Push(_remote(tmp_path), "main"))
    with pytest.raises(GeneratorError, match=r"in none:(?s:.*)openapi\.yaml"):
        carry_out(plan, lines.append)
    _git(tree, "commit", "-q", "-a", "-m", "Take shorter addresses")
    lines.clear()
    assert carry_out(plan, lines.append) == "0.2.0"
    assert "tagged v0.2.0, pushed to" in lines[-1]
    numbers = [line.partition(" ")[0] for line in lines if line.startswith("[")]
    assert numbers == [f"[{number}/8]" for number in range(1, 9) for _ in ("begins", "took")]
    assert (
        _git(tmp_path / "remote.git", "rev-parse", "main", "v0.2.0^{}").split()
        == [_git(tree, "rev-parse", "HEAD").strip()] * 2
    )
    assert _git(tree, "status", "--porcelain") == ""
    assert "ada@example.com" in "".join(lines)
    assert tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]["version"] == "0.2.0"
    changelog = (tree / "CHANGELOG.md").read_text("utf-8")
    assert "## [0.2.0] - 2026-01-02" in changelog  # the day of the commit, whenever it is released
    assert "**Breaking:** `Credentials.email`: maxLength: 320 became 300. Keep to the new limit." in changelog
    assert "maxLength" not in (tree / "CHANGELOG-maintainers.md").read_text("utf-8")
    assert not list((tree / "changelog.d").rglob("*.*.md"))
    names = {path.name for path in private.folder.glob("signedin-*")}
    assert names == {"signedin-0.2.0.tar.gz", "signedin-0.2.0-py3-none-any.whl"}
    assert (tmp_path / "out" / "SHA256SUMS").read_bytes() == (tmp_path / "dry" / "SHA256SUMS").read_bytes()
    bill = json.loads((tmp_path / "out" / "sbom.cdx.json").read_text("utf-8"))
    assert {"httpx", "attrs", "python-dateutil", "anyio"} <= {each["name"] for each in bill["components"]}
    assert all(each["properties"] for each in bill["components"])


@pytest.mark.timeout(300)
def test_failing_tests_and_a_version_too_small_stop_before_anything_is_built(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_generate", lambda *_: None)  # as above
    monkeypatch.setattr(history, "changes", partial(changes, specs_only=True))
    before = _state(tree)
    with pytest.raises(GeneratorError, match=r"at least 0\.2\.0"):
        carry_out(Plan(tree, None, "0.1.1", "python -c pass", None, tmp_path / "out"), lambda _: None)
    with pytest.raises(GeneratorError, match="tests fail"):
        carry_out(Plan(tree, None, None, "python -c 1/0", None, tmp_path / "out"), lambda _: None)
    with pytest.raises(GeneratorError, match="names no command"):
        prove(tree, " ")
    assert not (tmp_path / "out").exists()
    assert _state(tree) == before


def test_version_is_decided_with_the_program_of_the_last_release(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tree / "tests" / "typing" / "consumer.py"
    program.write_text("was_released = 1\n")
    _git(tree, "add", "-A")
    _git(tree, "commit", "-q", "-m", "Release")
    _git(tree, "tag", "v0.1.1")
    program.write_text("is_not = 1\n")
    programs = list[str]()

    def asking(*_: object, consumers: Consumers) -> list[Change]:
        programs.extend(each.read_text() for each in consumers.programs)
        return []

    monkeypatch.setattr(history, "changes", asking)
    assert history.decide(tree, tree, None, "0.1.2", lambda _: None) == ("0.1.2", {})
    assert programs == ["was_released = 1\n"]


def test_tests_run_in_a_checkout_of_their_own_and_what_they_leave_is_not_released(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "README.md").write_text("Read.\n")
    look = "import subprocess as s; assert s.check_output(['git', 'ls-files']) == b'README.md\\n'; open('left', 'w')"
    prove(tmp_path / "tree", f'python -c "{look}"')
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["README.md"]


def test_refused_push_says_that_the_index_has_it_and_what_is_left_to_do(tree: Path, tmp_path: Path) -> None:
    remote = _remote(tmp_path)
    (tree / "CHANGELOG.md").write_text("released\n")
    _git(tree, "push", "-q", remote, "HEAD:main")
    _git(tree, "push", "-q", remote, "v0.1.0:refs/tags/v0.2.0")  # somebody was faster
    with pytest.raises(GeneratorError, match=r"0\.2\.0 is on the index.*by hand: git push: "):
        record(tree, "0.2.0", Push(remote, "main"))
    pushed = _git(tmp_path / "remote.git", "rev-parse", "main").strip()
    assert pushed == _git(tree, "rev-parse", "v0.1.0^{}").strip()  # neither of both arrived


def test_fragments_become_a_section_above_the_older_ones(tmp_path: Path) -> None:
    (tmp_path / "one.added.md").write_text("- One.\n")
    (tmp_path / "two.fixed.md").write_text("Two.\n")
    (tmp_path / "README.md").write_text("Not a fragment.\n")
    added = section("1.1.0", "2026-01-02", {"added": ["- Zero."]}, fragments(tmp_path))
    assert added == "## [1.1.0] - 2026-01-02\n\n### Added\n\n- Zero.\n- One.\n\n### Fixed\n\n- Two.\n"
    sections = {"added": ["- Zero."]}, fragments(tmp_path)
    older = "# Changelog\n\n## [1.0.0]\n"
    assert released(older, "1.1.0", "2026-01-02", *sections) == (f"# Changelog\n\n{added}\n## [1.0.0]\n", added)
    assert released("# Changelog\n", "1.1.0", "2026-01-02", *sections) == (f"# Changelog\n\n{added}", added)


def test_each_changelog_gets_its_own_fragments_and_users_what_the_spec_changes(tmp_path: Path) -> None:
    for name in (*VERSIONED, *CHANGELOGS, "changelog.d/maintainers/one.added.md", "changelog.d/two.fixed.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f'{VERSIONED.get(name, "")}"0.1.0"\n' if name in VERSIONED else "")
    (tmp_path / "changelog.d/maintainers/one.added.md").write_text("For owners.\n")
    (tmp_path / "changelog.d/two.fixed.md").write_text("For users.\n")
    steps._write(tmp_path, "1.1.0", {"removed": ["- Of the spec."]}, 0, lambda _: None)
    users, maintainers = ((tmp_path / name).read_text() for name in CHANGELOGS)
    assert users.split("\n\n")[2:] == ["### Removed", "- Of the spec.", "### Fixed", "- For users.\n"]
    assert maintainers.split("\n\n")[2:] == ["### Added", "- For owners.\n"]
    assert not list(tmp_path.rglob("*.*.md"))
    steps._write(tmp_path, "1.2.0", {}, 0, lambda _: None)
    assert "1.2.0" in (tmp_path / "CHANGELOG.md").read_text()
    assert (tmp_path / "CHANGELOG-maintainers.md").read_text() == maintainers


def test_what_waited_as_unreleased_stands_under_the_same_headings() -> None:
    waiting = "## [Unreleased] 1.1.0\n\nWords.\n\n### Added\n\n- One\n  more.\n\n### Odd\n\n- Two.\n\n"
    text, entries = unreleased(f"# Changelog\n\n{waiting}## [1.0.0]\n")
    assert text == "# Changelog\n\n## [1.0.0]\n"
    assert entries == {"changed": ["Words."], "added": ["- One\n  more."], "odd": ["- Two."]}
    lines = section("1.1.0", "2026-01-02", {"added": ["- Zero."]}, entries)
    assert [line for line in lines.splitlines() if line.startswith("#")][1:] == ["### Added", "### Changed", "### Odd"]
    assert unreleased(text) == (text, {})


def test_misnamed_fragment_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.feature.md").write_text("- One.\n")
    with pytest.raises(GeneratorError, match=r"NAME\.KIND\.md"):
        fragments(tmp_path)
