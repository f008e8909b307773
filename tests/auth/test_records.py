"""Records become bytes and bytes records; what is no record is refused, never guessed, and replaced by signing in."""

import json
from datetime import UTC, datetime
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from signedin import Client, MemoryStore, Stored, TokenPair, TokenStore, TokenStoreError
from signedin._tokens import Intent, Record, Records, Status, decode, encode
from signedin.testing.contract import put

from tests.auth.driving import Server, client_on
from tests.records import record_of

KEY = "https://auth.test/api/v1#default"
GOOD: dict[str, Any] = json.loads(encode(record_of()))
WRONG: dict[str, dict[str, Any]] = {
    "format none": {"format": None},
    "format of before": {"format": 0},
    "status": {"status": "alive"},
    "status missing its pair": {"access_token": None, "refresh_token": None},
    "half a pair": {"access_token": None},
    "an end that is a text": {"expires_at": "soon"},
    "carried values in a list": {"carried": ["csrf"]},
    "a carried value that is none": {"carried": {"cookie:csrf": None}},
    "an empty token": {"access_token": ""},
    "pair of the signed out": {"status": "signed_out"},
    "token a number": {"access_token": 5},
    "generation a text": {"generation": "1"},
    "generation a boolean": {"generation": True},
    "generation negative": {"generation": -1},
    "intent a list": {"intent": []},
    "intent half": {"intent": {"attempt": "x"}},
    "time a text": {"obtained_at": "soon"},
    "time a number in a text": {"obtained_at": "1.5"},
    "time beyond all calendars": {"obtained_at": 1e300},
    "time before all calendars": {"obtained_at": -2e11},
    "time not a number": {"clock_offset": float("nan")},
}
DAMAGED = {
    "empty": b"",
    "half": encode(record_of())[:-3],
    "no text": b"\x00\xff\xfe tokens",
    "array": b"[]",
    "null": b"null",
    "deep": b"[" * 100_000,
    **{name: json.dumps(GOOD | wrong).encode() for name, wrong in WRONG.items()},
}
FOREIGN = {
    "of a later version": b'{"format": 2, "all": "new"}',
    "encrypted": b"signedin-encrypted-1-0123456789abcdef:c2VjcmV0",
}
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)  # as sessions demand of tokens
TIMES = st.floats(min_value=0, max_value=4e9, allow_nan=False)
RECORDS = st.builds(
    Record,
    generation=st.integers(1, 2**40),
    revision=st.integers(1, 2**40),
    status=st.sampled_from(Status),
    pair=st.builds(
        TokenPair,
        TOKENS,
        st.none() | TOKENS,
        st.none() | st.floats(0, 4e9, allow_nan=False).map(lambda moment: datetime.fromtimestamp(moment, UTC)),
        carried=st.dictionaries(TOKENS, TOKENS, max_size=2),
    ),
    obtained_at=TIMES,
    clock_offset=st.floats(-1e6, 1e6, allow_nan=False),
    family=TOKENS,
    intent=st.none() | st.builds(Intent, TOKENS, st.integers(0, 9), TOKENS, TIMES),
)


@given(RECORDS)
def test_a_record_is_read_back_as_it_was_written(record: Record) -> None:
    if record.status is not Status.ACTIVE:
        record = record._replace(pair=None)
    read = decode(Stored(record.revision, encode(record)))
    assert (read, read.claims) == (record, record.claims)


def test_stores_count_revisions_and_records_take_them_over() -> None:
    records = Records(MemoryStore(), KEY)
    assert records.load() is records.peek() is None
    assert records.compare_and_set(0, record_of(revision=77))
    first = records.load()
    assert first is not None
    assert first == record_of(revision=first.revision)
    assert not records.compare_and_set(77, record_of(2))
    assert records.compare_and_set(first.revision, first.with_intent(None))
    assert records.load() == records.peek() == first.with_intent(None)


@pytest.fixture
def store() -> TokenStore:
    return MemoryStore()


@pytest.fixture
def client(server: Server, store: TokenStore) -> Client:
    return client_on(server, store=store)


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_record_stays_until_signing_in_replaces_it(
    server: Server, store: TokenStore, client: Client, data: bytes
) -> None:
    stored, records = put(store, data), Records(store, client.session.key)
    for use in (records.load, records.peek, client.users.get_profile):
        with pytest.raises(TokenStoreError, match=r"is damaged \(.*Nothing was changed; signing in replaces it"):
            use()
    client.session.sign_out()  # there is no pair that could be used any more
    assert store.load(KEY) == stored
    client.session.sign_in(server.issue())
    assert client.users.get_profile().email == "ada@example.com"
    record = records.load()
    assert record is not None
    assert record.revision == stored.revision + 1


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_what_another_reader_could_use_is_never_overwritten(
    server: Server, store: TokenStore, client: Client, data: bytes
) -> None:
    stored = put(store, data)
    for use in (lambda: client.session.sign_in(server.issue()), client.session.sign_out, client.users.get_profile):
        with pytest.raises(TokenStoreError, match=r"later version|encrypted.*SIGNEDIN_STORE_KEY") as refused:
            use()
        assert "Nothing was changed" in str(refused.value)
    assert store.load(KEY) == stored


@pytest.mark.parametrize("name", ["generation", "status", "obtained_at", "clock_offset", "intent", "format"])
def test_the_message_of_a_damaged_record_quotes_nothing_of_it(store: TokenStore, name: str) -> None:
    put(store, json.dumps(GOOD | {name: "s3cret"}).encode())
    with pytest.raises(TokenStoreError) as error:
        Records(store, KEY).load()
    assert "s3cret" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None
