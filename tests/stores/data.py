"""Bytes for stores to keep, which know nothing of records."""

import json

import pytest
from signedin import Stored, TokenStore, TokenStoreError

KEY = "https://auth.test/api/v1#default"


def data_of(number: int = 1, *, tokens: str = "t") -> bytes:
    """Return a pair as JSON: of number 3 the tokens "t-access-3" and "t-refresh-3"."""
    return json.dumps({name: f"{tokens}-{name}-{number}" for name in ("access", "refresh")}).encode()


def long_data(number: int = 1) -> bytes:
    """Return more than one secret of a keyring takes."""
    return json.dumps({"access": f"{number}" * 6_000, "refresh": f"{number}" * 2_000}).encode()


def stored_of(number: int = 1, revision: int = 1, *, tokens: str = "t") -> Stored:
    """Return what a store returns for it."""
    return Stored(revision, data_of(number, tokens=tokens))


def assert_refused(store: TokenStore, match: str, *, revision: int = 1) -> None:
    """Neither reading nor writing the record works, and the error says so."""
    with pytest.raises(TokenStoreError, match=match):
        store.load(KEY)
    with pytest.raises(TokenStoreError, match=match):
        store.compare_and_set(KEY, revision, data_of(2))
