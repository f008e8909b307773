"""Stores by URL: keyring and Redis; what names none is refused without quoting a password; extras load late."""

from typing import Any

import pytest
from signedin import ConfigurationError, KeyringStore, MemoryStore, RedisStore
from signedin.stores import open_store


@pytest.mark.parametrize(
    ("url", "shown"),
    [("keyring:", "KeyringStore('signedin')"), ("keyring:my%20app", "KeyringStore('my app')")],
)
def test_a_url_names_a_keyring_service(url: str, shown: str) -> None:
    store = open_store(url)
    assert isinstance(store, KeyringStore)
    assert repr(store) == shown


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://localhost", "redis://localhost:6379/0"),
        ("redis://user:p4ss@cache.example:7000/3", "redis://cache.example:7000/3"),
        ("rediss://:p4ss@cache.example", "rediss://cache.example:6379/0"),
        ("unix:///run/redis.sock?password=p4ss", "unix:///run/redis.sock"),
        ("redis://cache.example/0?password=p4ss", "redis://cache.example:6379/0"),
    ],
)
def test_a_url_names_a_redis_and_its_password_is_not_shown(url: str, place: str) -> None:
    store = open_store(url)
    assert isinstance(store, RedisStore)
    assert repr(store) == f"RedisStore({place!r}, prefix='signedin:')"


@pytest.mark.parametrize(
    "url",
    ["redi://:p4ss@host", "postgres://u:p4ss@host/db", "keyring://u:p4ss@host", "redis://:p4ss@[::1", "//u:p4ss@h"],
)
def test_a_url_that_names_no_store_is_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError, match="names no") as refused:
        open_store(url)
    assert "p4ss" not in f"{refused.value!r} {refused.value.__cause__!r}"


@pytest.mark.parametrize("url", ["redis://localhost", "file:", "keyring:"])
def test_the_encryption_key_comes_from_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = repr(open_store(url))
    monkeypatch.setenv("SIGNEDIN_STORE_KEY", "ab" * 32)
    assert repr(open_store(url)) == f"EncryptedStore({plain})"
    for wrong in ("ab" * 16, "xy" * 32):
        monkeypatch.setenv("SIGNEDIN_STORE_KEY", wrong)
        with pytest.raises(ConfigurationError, match="SIGNEDIN_STORE_KEY") as refused:
            open_store(url)
        assert wrong not in str(refused.value)


def test_memory_and_a_store_of_ones_own_are_not_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNEDIN_STORE_KEY", "ab" * 32)
    assert isinstance(open_store("memory:"), MemoryStore)
    assert isinstance(open_store(RedisStore("redis://localhost")), RedisStore)


@pytest.mark.parametrize("url", ["memory:", "file:", "keyring:", "redis://localhost"])
@pytest.mark.parametrize("key", ["", "ab" * 32])
def test_a_store_opened_by_its_url_can_be_closed(url: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNEDIN_STORE_KEY", key)
    opened: Any = open_store(url)
    opened.close()


@pytest.mark.parametrize("value", ["my-tokens.json", "redi://:p4ss@host", "file:~no-such-user/x", "file:a%00b"])
def test_the_error_of_a_wrong_value_in_the_environment_names_the_variable(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNEDIN_STORE", value)
    with pytest.raises(ConfigurationError, match=r"^SIGNEDIN_STORE: ") as refused:
        open_store(None)
    assert value not in str(refused.value)
