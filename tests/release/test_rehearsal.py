"""The end of a dry run names every step that is left, and what would stop a release there."""

import subprocess
from pathlib import Path

import pytest

from generator.errors import GeneratorError
from generator.package.upstream import digest
from generator.release.history import WRITTEN, Push
from generator.release.index import Index
from generator.release.steps import Plan, rehearse
from tests.release.faulty import OK, faulty
from tests.release.indexes import wheel

PASSWORD = "s3cret-of-the-index"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a README; nothing waits to be committed."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    root = tmp_path / "root"
    root.mkdir()
    (root / "README.md").write_text("```python\nprint(1)\n```\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Begin"]):
        _git(root, *command)
    return root


def _git(root: Path, *command: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *who, *command], cwd=root, check=True)


def plan(root: Path, index: Index | None, lacking: str = "") -> Plan:
    return Plan(root, None, None, "", index, root, tag=True, push=Push("origin", "main"), dry=True, lacking=lacking)


def test_dry_run_names_each_step_that_is_left(root: Path, tmp_path: Path) -> None:
    files = [wheel(tmp_path, "signedin", "1.0"), wheel(tmp_path, "signedin", "1.1")]
    page = f'<a href="/{files[0].name}#sha256={digest(files[0].read_bytes())}">'.encode()
    lines: list[str] = []
    with faulty(lambda _: (OK, "", page)) as served:
        index = Index(f"{served.root}/simple", f"{served.root}/up", "team", PASSWORD)
        rehearse(plan(root, index), "1.1", root, files, lines.append)
    assert {method for method, *_ in served.requests} == {"GET"}
    assert PASSWORD not in "".join(lines)
    assert [line.replace(served.root, "ROOT") for line in lines] == [
        "the user team, the password from SIGNEDIN_INDEX_PASSWORD, for ROOT/simple",
        "the index takes the credentials; 1 of 2 files are there",
        "would upload signedin-1.1-py3-none-any.whl to ROOT/up",
        f"  sha256 {digest(files[1].read_bytes())}",
        "would install signedin==1.1 from ROOT/simple into a clean environment",
        "would run the README's example (1 lines) against the backend",
        f"would write {', '.join(WRITTEN)}",
        "would commit that and tag it v1.1",
        "would push both to origin main",
    ]


def test_dry_run_tells_everything_that_would_stop_a_release(root: Path, tmp_path: Path) -> None:
    (root / "README.md").write_text("No program.\n")
    _git(root, "tag", "v1.0")
    file, lines = wheel(tmp_path, "signedin", "1.0"), list[str]()
    with faulty(lambda _: (OK, "", f'<a href="/{file.name}#sha256={"0" * 64}">'.encode())) as served:
        index = Index(f"{served.root}/simple", f"{served.root}/", "team", PASSWORD)
        with pytest.raises(GeneratorError) as stopped:
            rehearse(plan(root, index), "1.0", root, [file], lines.append)
    reasons = ("version is taken", "no example in Python", "this is in none", "a tag v1.0 already")
    assert [word for word in reasons if word not in str(stopped.value)] == []
    assert "would push both to origin main" in lines[-1]


def test_dry_run_says_why_there_is_no_index(root: Path) -> None:
    lines: list[str] = []
    rehearse(plan(root, None), "1.0", root, [], lines.append)
    assert lines[0] == "no --index-url: neither its credentials nor what it has is looked at"
    with pytest.raises(GeneratorError, match="- No credentials for it"):
        rehearse(plan(root, None, "No credentials for it."), "1.0", root, [], lines.append)
