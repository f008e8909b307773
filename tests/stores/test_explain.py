"""What `explain` tells of a store that other processes use."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from signedin import FileStore, MemoryStore, RefreshUnavailableError, TokenStoreError
from signedin._tokens import Intent, Records
from signedin.testing import FakeAuthServer

from tests.auth.driving import client_on

KEY = "https://auth.test/api/v1#default"


def test_it_tells_of_the_stored_pair_without_taking_it(server: FakeAuthServer, tmp_path: Path) -> None:
    with (
        client_on(server, store=FileStore(tmp_path / "t.json")) as one,
        client_on(server, store=FileStore(tmp_path / "t.json")) as two,
    ):
        one.session.sign_in(server.issue())
        server.clock.advance(10)
        state = two.session.explain()
        assert (state["status"], state["generation"], state["age"]) == ("active", 1, 10.0)
        planned = state["next_planned_refresh_in"]
        assert isinstance(planned, float)
        assert 220 < planned < 240
        assert state["accepted_by_server"] is None
        assert "no pair in hand" in repr(two.session)
        assert server.ledger.total() == 0
        one.session.sign_out(revoke=False)
        assert two.session.explain()["status"] == "signed_out"
        json.dumps(state)


def test_it_names_the_holder_of_the_lock_and_a_lost_refresh(server: FakeAuthServer, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "t.json")
    with client_on(server, store=store) as client:
        client.session.sign_in(server.issue())
        assert client.session.explain()["lock_holder"] is None
        assert client.session.explain()["unfinished_refresh_until"] is None
        records = Records(store, KEY)
        record = records.load()
        assert record is not None
        deadline = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
        records.compare_and_set(
            record.revision, record.with_intent(Intent("attempt", 1, "owner", deadline.timestamp()))
        )
        store.try_lock(KEY, "owner", 30)
        state = client.session.explain()
        assert str(state["lock_holder"]).startswith("process ")
        assert state["unfinished_refresh_until"] == "2027-01-02T03:04:05+00:00"
        store.unlock(KEY, "owner")


def test_it_tells_how_far_the_servers_clock_was_ahead_also_in_a_process_that_has_learned_nothing(
    server: FakeAuthServer, tmp_path: Path
) -> None:
    store = FileStore(tmp_path / "t.json")
    with client_on(server, store=store) as one, client_on(server, store=store) as two:
        assert two.session.explain()["clock_offset"] is None
        one.session.sign_in(server.issue(), clock_offset=42.0)
        assert two.session.explain()["clock_offset"] == 42.0
        two.users.get_profile()
        two.session.sign_in(server.issue(), clock_offset=7.0)
        assert two.session.explain()["clock_offset"] == 7.0


def test_it_tells_what_the_last_failure_was_and_why(server: FakeAuthServer, tmp_path: Path) -> None:
    with client_on(server, store=FileStore(tmp_path / "t.json")) as client:
        client.session.sign_in(server.issue())
        server.expire_access_tokens()
        server.fail("refreshToken", *["connect error"] * 3)
        with pytest.raises(RefreshUnavailableError) as raised:
            client.users.get_profile()
        state = client.session.explain()
        assert (state["last_failure"], state["last_failure_reason"]) == ("RefreshUnavailableError", str(raised.value))
        assert "could not be reached" in str(raised.value)


def test_a_damaged_store_is_reported_each_time(server: FakeAuthServer, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "t.json")
    with client_on(server, store=store) as client, client_on(server, store=store) as other:
        client.session.sign_in(server.issue())
        content = store.path.read_text()[:-3]
        store.path.write_text(content)
        for _ in range(2):
            assert "damaged" in str(other.session.explain()["store_failure"])
        assert store.path.read_text() == content


@pytest.mark.parametrize(
    ("error", "shown"), [(TokenStoreError("the disk is full"), "the disk is full"), (OSError("secret"), "OSError")]
)
def test_a_store_that_fails_is_reported_and_not_raised(
    server: FakeAuthServer, monkeypatch: pytest.MonkeyPatch, error: Exception, shown: str
) -> None:
    store = MemoryStore()

    def fail(_key: str) -> None:
        raise error

    with client_on(server, store=store) as client:
        client.session.sign_in(server.issue())
        monkeypatch.setattr(store, "load", fail)
        assert client.session.explain()["store_failure"] == shown
        assert client.session.explain()["generation"] == 1  # the pair in hand
