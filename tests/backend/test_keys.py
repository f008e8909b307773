"""Which keys are refused, wherever they come from, and that no random one is."""

import base64
import os
import secrets
import string
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from signedin_backend import Settings, SettingsError, create_app
from signedin_backend.keys import name
from signedin_backend.settings import read
from signedin_backend.strength import weakness

VARIABLE = "SIGNEDIN_BACKEND_JWT_KEY"
SHORT = ["", "x", secrets.token_hex(31), "".join(secrets.choice(string.digits) for _ in range(85))]
REPEATING = ["x" * 64, "0123456789abcdef" * 4, secrets.token_urlsafe(12) * 4, "CHANGE_ME_" * 4 + "please",
             "correct horse battery staple correct horse b", secrets.token_hex(16) * 2]  # fmt: skip
FEW = ["".join(Random(1).choices("01abcd", k=64)), "".join(Random(1).choices("ghijklmnop", k=64))]
RUNNING = [string.digits + string.ascii_letters, (string.digits + string.ascii_letters)[::-1], string.printable[1:95:2],
           "qwertyuiop[]asdfghjkl;'zxcvbnm,./1234567890-="]  # fmt: skip
WORDED = ["a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
          "your-256-bit-secret for HS256 goes in here, please",
          "REPLACE_WITH_YOUR_RANDOM_256_BIT_KEY_BEFORE_GOING_LIVE",
          "my-super-secret-jwt-signing-key-that-nobody-guesses"]  # fmt: skip
WEAK = [
    *((key, "it is too short") for key in SHORT),
    *((key, "it repeats itself") for key in REPEATING),
    *((key, "it has too few different characters") for key in FEW),
    *((key, "it runs along a sequence") for key in RUNNING),
    *((key, "it is made of words") for key in WORDED),
]
NUMBERED = [f"{why[3:]}-{number}" for number, (_, why) in enumerate(WEAK)]


@pytest.mark.parametrize(("key", "why"), WEAK, ids=NUMBERED)
def test_a_key_that_follows_a_pattern_is_refused_with_the_reason_and_not_quoted(key: str, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read({VARIABLE: key})
    assert weakness(key.encode()) == why
    reason = "it is too short (number 1 of 2, separated by commas)" if "," in key else why
    assert str(refused.value) == f"{VARIABLE} is weaker than 256 bit: {reason}; make one with: openssl rand -hex 32"


@pytest.mark.parametrize("key", [b"", b"x" * 32, b"x" * 64, b"0123456789abcdef" * 4, b"\xff\xfe" * 16])
def test_a_weak_key_is_refused_however_it_came(tmp_path: Path, key: bytes) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    with pytest.raises(SettingsError, match=rf"^{VARIABLE} is weaker than 256 bit: "):
        create_app(Settings(database=url, jwt_key=key))
    key_file = tmp_path / "x.db.key"
    key_file.touch(mode=0o600)
    key_file.write_bytes(key)
    with pytest.raises(SettingsError, match=r"/x\.db\.key is weaker than 256 bit: .*; restore it, or remove it"):
        create_app(Settings(database=url))


@pytest.mark.parametrize(
    "make",
    [
        lambda: secrets.token_hex(32),
        lambda: secrets.token_urlsafe(32),
        lambda: secrets.token_hex(32).upper(),
        lambda: base64.b64encode(secrets.token_bytes(48)).decode(),
        lambda: base64.b32encode(secrets.token_bytes(32)).decode(),
    ],
    ids=["token_hex(32)", "token_urlsafe(32)", "upper case", "openssl rand -base64 48", "base 32"],
)
def test_a_random_key_always_passes(make: Callable[[], str]) -> None:
    keys = [make() for _ in range(2_000)]
    assert [key for key in keys if weakness(key.encode()) is not None] == []
    assert read({VARIABLE: keys[0]}).jwt_key == keys[0].encode()


def test_random_bytes_that_are_no_text_pass() -> None:
    assert [key for key in (secrets.token_bytes(32) for _ in range(2_000)) if weakness(key) is not None] == []
    key = b"\xff" + secrets.token_bytes(32).replace(b",", b"\xff") + b"\xff"  # no UTF-8
    assert read({VARIABLE: os.fsdecode(key)}).jwt_key == key


def test_each_of_several_keys_must_be_strong_and_stand_there_once() -> None:
    one, two = secrets.token_hex(32), secrets.token_hex(32)
    assert read({VARIABLE: f"{one},{two}"}).jwt_key == f"{one},{two}".encode()
    for text, reason in (
        (f"{one},{two},short", r"is weaker than 256 bit: it is too short \(number 3 of 3, separated by commas\); make"),
        (f"{one},", r"is weaker than 256 bit: it is too short \(number 2 of 2, separated by commas\); make"),
        (f"{one},{two},{one}", "must have no key twice$"),
    ):
        with pytest.raises(SettingsError, match=f"^{VARIABLE} {reason}") as refused:
            read({VARIABLE: text})
        assert one not in str(refused.value)


def test_the_name_of_a_key_is_not_a_part_of_it_nor_another_keys() -> None:
    keys = [secrets.token_bytes(32) for _ in range(100)]
    assert len({name(key) for key in keys}) == 100
    assert not any(name(key) in key.hex() for key in keys)


def test_a_word_inside_a_random_key_does_not_matter() -> None:
    assert weakness(f"production-{secrets.token_urlsafe(32)}".encode()) is None
