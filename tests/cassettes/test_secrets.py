"""No secret is in the cassettes: those of a fresh recording, and whatever looks like one in those of the repository."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from tests.cassettes import record
from tests.cassettes.disguise import (
    FAKE_CAST,
    Disguise,
    DisguiseError,
    access_token,
    is_fake,
    payload_of,
    refresh_token,
)
from tests.cassettes.record import canaries, record_one
from tests.cassettes.scan import leaks, strangers
from tests.cassettes.scenarios import COLOURS, SCENARIOS, Colour
from tests.cassettes.tape import CASSETTES, CassetteError, read, recording

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
STRANGE: Final = {
    "a JWT": access_token(1, user="u", session="s", issued_at=1),
    "a JWT with another signature": access_token(1, user="u", session="s", issued_at=1)[:-4] + "AAAA",
    "a token": base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("="),
    "hexadecimal": bytes(range(16)).hex(),
    "an identity": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "an e-mail": "grace@example.org",
    "an address": "http://127.0.0.1:49152/api/v1",
}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_recording_anew_holds_no_secret_and_gives_the_same_bytes(name: str, colour: Colour, tmp_path: Path) -> None:
    path = tmp_path / colour / f"{name}.yaml"
    secrets = record_one(path, SCENARIOS[name], colour)
    assert list(leaks(tmp_path, secrets)) == []
    assert list(strangers(tmp_path)) == []
    # The canaries are of random length, so the same bytes also say that no length is told.
    assert path.read_bytes() == (CASSETTES / colour / f"{name}.yaml").read_bytes()


def test_secrets_of_a_recording_are_collected_and_found_without_the_disguise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Disguise, "cover", lambda _, text: text)
    path = tmp_path / "undisguised.yaml"
    secrets = record_one(path, SCENARIOS["expired"], "sync")
    pairs = [json.loads(one.response_body) for one in read(path) if "accessToken" in one.response_body]
    assert len(pairs) == 3
    for pair in pairs:
        said = payload_of(pair["accessToken"]) or {}
        assert {*pair.values(), said["userId"], said["sid"], said["jti"]} <= secrets
    assert list(leaks(tmp_path, secrets))
    assert list(strangers(tmp_path))


def test_cassettes_of_the_repository_hold_nothing_that_looks_like_a_secret() -> None:
    assert list(strangers(CASSETTES)) == []


def _with(text: str, folder: Path) -> Path:
    """Plant a text in a header and in a body of a cassette."""
    original = (CASSETTES / "sync" / "wrong_type.yaml").read_text(encoding="utf-8")
    (folder / "planted.yaml").write_text(original.replace("no JSON", json.dumps(f"no {text} JSON"), 1))
    assert read(folder / "planted.yaml")
    return folder


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", ["canary wörd/+?~", "canary-0123456789@example.com", "canary-password"])
def test_planted_secret_is_found_in_every_encoding(encoding: str, secret: str, tmp_path: Path) -> None:
    _with(ENCODINGS[encoding](secret), tmp_path)
    found = list(leaks(tmp_path, {secret}))
    assert found
    assert secret not in "".join(found)


def test_secret_in_a_comment_is_found(tmp_path: Path) -> None:
    path = _with("nothing", tmp_path) / "planted.yaml"
    path.write_text(f"# canary-password\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    assert list(leaks(tmp_path, {"canary-password"}))


@pytest.mark.parametrize("kind", STRANGE)
def test_planted_stranger_is_found(kind: str, tmp_path: Path) -> None:
    assert list(strangers(_with("nothing", tmp_path))) == []
    found = list(strangers(_with(STRANGE[kind], tmp_path)))
    assert found
    assert STRANGE[kind] not in "".join(found)


def test_password_that_is_no_fake_is_found(tmp_path: Path) -> None:
    text = (CASSETTES / "sync" / "register.yaml").read_text(encoding="utf-8")
    (tmp_path / "planted.yaml").write_text(text.replace(FAKE_CAST.password, "hunter2"), encoding="utf-8")
    assert list(strangers(tmp_path))


@pytest.mark.parametrize("header", ["user-agent", "x-request-id", "content-length", "date", "set-cookie", "server"])
def test_header_that_is_not_on_the_list_is_found(header: str, tmp_path: Path) -> None:
    text = (CASSETTES / "sync" / "register.yaml").read_text(encoding="utf-8")
    (tmp_path / "planted.yaml").write_text(text.replace("cache-control:", f"{header}:", 1), encoding="utf-8")
    assert len(list(strangers(tmp_path))) == 1


def test_fakes_are_known_and_of_the_shape_of_the_real_ones() -> None:
    fakes = {access_token(number, user=_ID, session=_ID, issued_at=1) for number in range(1, 99)}
    assert len(fakes) == 98
    assert all(map(is_fake, fakes))
    assert {len(refresh_token(number)) for number in range(1, 99)} == {43}
    assert all(is_fake(refresh_token(number)) for number in range(1, 99))


_ID = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize("name", ["email", "password"])
def test_credentials_of_nobody_stop_the_recording(name: str) -> None:
    with pytest.raises(DisguiseError, match=name) as error:
        Disguise(canaries()).learn(json.dumps({name: "somebody's"}).encode())
    assert "somebody" not in str(error.value)


def test_one_real_token_has_one_fake_and_two_have_two() -> None:
    disguise = Disguise(canaries())
    disguise.learn(b'{"refreshToken": "first-of-all"}')
    disguise.learn(b'{"refreshToken": "second-of-all"}')
    disguise.learn(b'{"refreshToken": "first-of-all"}')
    said = disguise.cover("first-of-all second-of-all first-of-all").split()
    assert said == [refresh_token(1), refresh_token(2), refresh_token(1)]


def test_recording_never_writes_over_a_cassette(tmp_path: Path) -> None:
    path = _with("nothing", tmp_path) / "planted.yaml"
    with (
        pytest.raises(CassetteError, match="already"),
        recording(path, "http://127.0.0.1:1", Disguise(canaries()), lambda *_: None),
    ):
        pass


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
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.yaml")}
    assert found == {"sync/profile.yaml", "async/profile.yaml"}
