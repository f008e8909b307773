"""`generator check` holds recorded answers against the spec."""

import shutil
from pathlib import Path

import pytest

from generator.cli import main
from generator.recordings.exchange import stale
from generator.spec.document import load
from tests.generator.conftest import ROOT

CASSETTES = ROOT / "cassettes"


def _edited(folder: Path, old: str, new: str) -> Path:
    text = (ROOT / "openapi.yaml").read_text("utf-8")
    assert old in text
    path = folder / "openapi.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_committed_recordings_are_as_the_spec_says() -> None:
    assert stale(load(ROOT / "openapi.yaml"), CASSETTES) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("required: [id, email,", "required: [nick, id, email,", "violates required"),
        ("  /users/profile:", "  /users/me:", "no such operation"),
        ("        '403':\n", "        '409':\n", "the status is not documented"),
        ("required: [email, password]", "required: [email, password, otp]", "request: / violates required"),
    ],
)
def test_recording_of_an_older_spec_is_stale(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert any(told in line for line in stale(load(_edited(tmp_path, old, new)), CASSETTES))


def test_file_that_is_no_recording_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("interactions: [", encoding="utf-8")
    assert "no cassette" in stale(load(ROOT / "openapi.yaml"), tmp_path)[0]


def test_check_fails_of_a_stale_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(CASSETTES, tmp_path / "cassettes")
    one = next((tmp_path / "cassettes").rglob("*profile*.yaml"), None) or next((tmp_path / "cassettes").rglob("*.yaml"))
    one.write_text(one.read_text("utf-8").replace("/users/profile", "/users/nobody").replace("/auth/", "/other/"))
    assert main(["check", "--cassettes", str(tmp_path / "cassettes")]) == 1
    assert "stale cassette: " in capsys.readouterr().out
