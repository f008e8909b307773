"""No secret is in the cassettes: those of a fresh recording, and whatever looks like one in those of the repository."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from signedin.testing import _disguise
from signedin.testing.cassettes import main, problems_in, read

from tests.cassettes import record
from tests.cassettes.check import CASSETTES
from tests.cassettes.record import leaks, record_one
from tests.cassettes.scenarios import COLOURS, SCENARIOS, Cast, Colour

ENCODINGS: Final[dict[str, Callable[[str], str]]] = {
    "as it is": str,
    "in another word": lambda secret: f"x{secret}y",
    "url-encoded": lambda secret: quote(secret, safe=""),
    "hexadecimal": lambda secret: secret.encode().hex(),
    "base64": lambda secret: base64.b64encode(f"{secret}z".encode()).decode(),
    "base64, one letter in": lambda secret: base64.b64encode(f"a{secret}z".encode()).decode(),
    "base64, two letters in": lambda secret: base64.b64encode(f"ab{secret}z".encode()).decode(),
    "base64url of JSON": lambda secret: base64.urlsafe_b64encode(json.dumps({"sub": secret}).encode()).decode(),
}
_JWT: Final = _disguise.jwt({"sub": "grace", "jti": "fake-token-001"})
STRANGE: Final = {
    "a JWT": _JWT,
    "a JWT with another signature": _disguise.jwt({"jti": "fake-token-001"})[:-4] + "AAAA",
    "a token": base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("="),
    "hexadecimal": bytes(range(16)).hex(),
    "an identity": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "an e-mail": "grace@example.org",
}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_recording_anew_holds_no_secret_and_gives_the_same_bytes(name: str, colour: Colour, tmp_path: Path) -> None:
    path = tmp_path / colour / f"{name}.yaml"
    secrets = record_one(path, SCENARIOS[name], colour)
    assert list(leaks(tmp_path, secrets)) == []
    assert list(problems_in(tmp_path)) == []
    # The canaries are of random length, so the same bytes also show that no length leaks.
    assert path.read_bytes() == (CASSETTES / colour / f"{name}.yaml").read_bytes()


def test_cassettes_of_the_repository_hold_nothing_that_looks_like_a_secret() -> None:
    assert list(problems_in(CASSETTES)) == []


def _with(text: str, folder: Path) -> Path:
    """Plant a text in a body of a cassette."""
    original = (CASSETTES / "sync" / "wrong_type.yaml").read_text(encoding="utf-8")
    (folder / "planted.yaml").write_text(original.replace("no JSON", json.dumps(f"no {text} JSON"), 1))
    assert read(folder / "planted.yaml")
    return folder


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", ["canary wörd/+?~", "canary-0123456789@example.com", "canary-password"])
def test_planted_secret_is_a_leak_in_every_encoding(encoding: str, secret: str, tmp_path: Path) -> None:
    _with(ENCODINGS[encoding](secret), tmp_path)
    lines = list(leaks(tmp_path, {secret}))
    assert lines
    assert secret not in "".join(lines)


@pytest.mark.parametrize("kind", STRANGE)
def test_planted_stranger_is_not_quoted(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(problems_in(_with("nothing", tmp_path))) == []
    _with(STRANGE[kind], tmp_path)
    assert main([str(tmp_path)]) == 1
    lines = capsys.readouterr().err
    assert lines.startswith("planted.yaml: ")
    assert STRANGE[kind] not in lines


@pytest.mark.parametrize(
    ("real", "planted"),
    [
        (Cast().password, "hunter2"),
        ("cache-control:", "x-request-id:"),
        ("cache-control:", "set-cookie:"),
        ("content-type:", "user-agent:"),
        ("version: 1", "# hunter2\nversion: 1"),
    ],
)
def test_what_no_recording_writes_is_a_problem(real: str, planted: str, tmp_path: Path) -> None:
    text = (CASSETTES / "sync" / "register.yaml").read_text(encoding="utf-8")
    (tmp_path / "planted.yaml").write_text(text.replace(real, planted, 1), encoding="utf-8")
    lines = list(problems_in(tmp_path))
    assert len(lines) == 1
    assert "hunter2" not in lines[0]


def test_command_replaces_all_cassettes_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stale.yaml").write_text("stale")
    monkeypatch.setattr("sys.argv", ["record", str(tmp_path)])
    monkeypatch.setattr(record, "SCENARIOS", {"profile": SCENARIOS["profile"]})
    # One scenario alone leaves most of the contract uncovered.
    assert record.main() == 1
    assert "login 200: in no cassette" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*.yaml")] == ["stale.yaml"]
    monkeypatch.setattr(record, "problems_of", lambda _: [])
    assert record.main() == 0
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.yaml")}
    assert names == {"sync/profile.yaml", "async/profile.yaml"}
