"""A new pair that the store could not take: it serves from memory, and is written as soon as the store takes it."""

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from signedin import MemoryStore, NotSignedInError, Stored, Timing, TokenPair, TokenSession, TokenStoreError
from signedin._renewal import Renewal
from signedin._tokens import Record, Records, decode
from signedin.protocols import Renewed
from signedin.session import renewal_of
from signedin.testing import VirtualClock

from tests.auth.driving import PATIENCE, Drive, Scripted

FIRST, SECOND, OTHER = TokenPair("a1", "r1"), TokenPair("a2", "r2"), TokenPair("b1", "s1")


class Stuck(MemoryStore):
    """Takes no pair but the first while it is stuck."""

    def __init__(self) -> None:
        super().__init__()
        self.stuck = False
        self.tried = threading.Event()

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        if self.stuck and decode(Stored(expected_revision + 1, data)).generation > 1:
            self.tried.set()
            raise TokenStoreError("the disk is full")
        return super().compare_and_set(key, expected_revision, data)


@pytest.fixture
def store() -> Stuck:
    return Stuck()


@pytest.fixture
def refresher() -> Scripted:
    return Scripted(Renewed(SECOND))


@pytest.fixture
def session(store: Stuck, refresher: Scripted) -> TokenSession:
    """A session whose second pair is in memory only, beside a store that would take it now."""
    session = TokenSession(refresher, origins=[], store=store, clock=VirtualClock())
    session.sign_in(FIRST)
    store.stuck = True
    assert session.refresh() == SECOND
    assert session.explain()["unsaved"] is True
    store.stuck = False
    return session


@pytest.fixture
def nobody_writes_it_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where there is no thread to be had."""
    monkeypatch.setattr(Renewal, "_save_later", lambda *_: None)


@pytest.fixture
def elsewhere(store: Stuck, refresher: Scripted) -> TokenSession:
    """Another process's session on the same store."""
    return TokenSession(refresher, origins=[], store=store, clock=VirtualClock())


def stored(store: Stuck) -> Record:
    record = Records(store, "default").load()
    assert record is not None
    return record


def test_it_is_written_in_the_background(session: TokenSession, store: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signedin._renewal.SAVES", (0.01,))
    saved = threading.Event()
    session.on("saved", lambda _: saved.set())
    assert saved.wait(PATIENCE)
    assert stored(store).pair == SECOND
    assert session.explain()["unsaved"] is False


@pytest.mark.anyio
@pytest.mark.usefixtures("nobody_writes_it_later")
async def test_it_is_written_by_close(drive: Drive, session: TokenSession, store: Stuck) -> None:
    await drive.close(session)
    assert stored(store).pair == SECOND


@pytest.mark.usefixtures("nobody_writes_it_later")
def test_what_the_store_still_has_is_not_taken_in_its_place(session: TokenSession, store: Stuck) -> None:
    assert stored(store).pair == FIRST
    assert session.load() == SECOND


@pytest.mark.parametrize("learns", [TokenSession.close, TokenSession.load, TokenSession.refresh])
@pytest.mark.usefixtures("nobody_writes_it_later")
def test_it_is_revoked_where_somebody_signed_out_meanwhile(
    session: TokenSession, elsewhere: TokenSession, refresher: Scripted, learns: Callable[[TokenSession], object]
) -> None:
    elsewhere.sign_out(revoke=False)
    with suppress(NotSignedInError):
        learns(session)
    assert not session.is_signed_in
    session.close()
    assert refresher.revoked == ["r2"]


@pytest.mark.parametrize("learns", [TokenSession.close, TokenSession.load, TokenSession.refresh])
@pytest.mark.usefixtures("nobody_writes_it_later")
def test_it_is_revoked_where_somebody_signed_in_meanwhile(
    session: TokenSession, elsewhere: TokenSession, refresher: Scripted, learns: Callable[[TokenSession], object]
) -> None:
    elsewhere.sign_in(OTHER)
    learns(session)
    assert session.tokens == OTHER
    session.close()
    assert refresher.revoked == ["r2"]


@pytest.mark.usefixtures("nobody_writes_it_later")
def test_it_is_not_revoked_where_the_session_went_on_from_it(
    session: TokenSession, elsewhere: TokenSession, refresher: Scripted
) -> None:
    refresher.answers = [Renewed(TokenPair("a3", "r3"))]
    elsewhere.refresh()
    session.close()
    assert refresher.revoked == []


def test_signing_out_revokes_it(session: TokenSession, refresher: Scripted) -> None:
    session.sign_out()
    assert refresher.revoked == ["r2"]


def test_a_session_that_is_closed_while_it_cannot_be_saved_keeps_it(store: Stuck, refresher: Scripted) -> None:
    timing = Timing(post=0.1, resends=0, flight=1.0, save=0.1, lease=2.0, waiter=2.0)
    session = TokenSession(refresher, origins=[], store=store, timing=timing)
    session.sign_in(FIRST)
    store.stuck = True
    renewal = renewal_of(session)
    renewing = renewal.renew(renewal.wait(renewal.current()))
    assert store.tried.wait(PATIENCE)
    session.close()
    assert renewal.wait(renewing).record.pair == SECOND
    assert session.explain()["generation"] == 2
