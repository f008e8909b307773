"""What a session tells of itself: events to subscribers, `explain()` to support."""

import json
import logging
import sys
import threading
from collections.abc import Callable
from queue import Queue
from typing import Any

import pytest
from signedin import (
    Client,
    ConfigurationError,
    MemoryStore,
    NotSignedInError,
    RefreshUnavailableError,
    SessionExpiredError,
    TokenPair,
)
from signedin._events import Events
from signedin.protocols import Event
from signedin.testing import FakeAuthServer

from tests.auth.driving import Drive

pytestmark = pytest.mark.anyio

NAMES = ("signed_in", "refreshed", "refresh_failed", "expired", "signed_out", "adopted", "unsaved")


class Heard:
    """Subscribes to everything and waits for what it expects."""

    def __init__(self, session: Any) -> None:
        self.events: list[Event] = []
        self._arrived = threading.Condition()
        for name in NAMES:
            session.on(name, self._hear)

    def _hear(self, event: Event) -> None:
        with self._arrived:
            self.events.append(event)
            self._arrived.notify_all()

    def wait_for(self, *names: str) -> None:
        """Return when these, in this order, are what has happened so far; fail after ten seconds."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: [event.name for event in self.events] == list(names), 10)
        assert arrived, [event.name for event in self.events]


async def test_each_event_has_its_name(drive: Drive, server: FakeAuthServer) -> None:
    async with drive.client(server, signed_in=False) as client:
        heard = Heard(client.session)
        await drive(client.auth.login, email="ada@example.com", password="correct horse battery staple")
        await drive.aside(heard.wait_for, "signed_in")
        server.expire_access_tokens()
        await drive(client.users.get_profile)
        await drive.aside(heard.wait_for, "signed_in", "refreshed")
        server.expire_access_tokens()
        server.fail("refreshToken", "500", "500", "500", "401")
        with pytest.raises(RefreshUnavailableError):
            await drive(client.users.get_profile)
        with pytest.raises(SessionExpiredError):
            await drive(client.users.get_profile)
        await drive.aside(heard.wait_for, "signed_in", "refreshed", "refresh_failed", "expired")
        client.session.sign_in(server.issue())
        await drive(client.logout)
        assert {event.key for event in heard.events} == {"https://auth.test:443#default"}
        assert [event.generation for event in heard.events[:3]] == [1, 2, 2]


async def test_what_another_client_saved_is_adopted(drive: Drive, server: FakeAuthServer) -> None:
    store = MemoryStore()
    async with drive.client(server, store=store) as here, drive.client(server, store=store, signed_in=False) as there:
        heard = Heard(there.session)
        await drive(there.users.get_profile)
        server.expire_access_tokens()
        await drive(here.users.get_profile)
        await drive(there.users.get_profile)
        await drive.aside(heard.wait_for, "adopted", "adopted")
        assert server.ledger["rotations"] == 1


async def test_signing_out_without_a_session_of_ones_own_is_told_too(drive: Drive, server: FakeAuthServer) -> None:
    async with drive.client(server) as client:
        heard = Heard(client.session)
        await drive(client.logout)
        await drive.aside(heard.wait_for, "signed_out")


async def test_a_subscriber_that_raises_harms_nobody(
    drive: Drive, server: FakeAuthServer, caplog: pytest.LogCaptureFixture
) -> None:
    def raising(_: Event) -> None:
        raise ZeroDivisionError

    async with drive.client(server) as client:
        client.session.on("refreshed", raising)
        heard = Heard(client.session)
        for number in range(1, 4):
            server.expire_access_tokens()
            await drive(client.users.get_profile)
            await drive.aside(heard.wait_for, *["refreshed"] * number)
        assert "a subscriber to 'refreshed' raised" in caplog.text


async def test_a_subscriber_that_ends_its_thread_ends_no_other_events(drive: Drive, server: FakeAuthServer) -> None:
    async with drive.client(server) as client:
        client.session.on("refreshed", lambda _: sys.exit(1))
        heard = Heard(client.session)
        for number in range(1, 4):
            server.expire_access_tokens()
            await drive(client.users.get_profile)
            await drive.aside(heard.wait_for, *["refreshed"] * number)


async def test_a_subscriber_that_blocks_harms_nobody(drive: Drive, server: FakeAuthServer) -> None:
    release, entered = threading.Event(), threading.Event()

    def blocking(_: Event) -> None:
        entered.set()
        release.wait(20)

    async with drive.client(server) as client:
        client.session.on("refreshed", blocking)
        server.expire_access_tokens()
        await drive(client.users.get_profile)
        assert await drive.aside(entered.wait, 10)
        for _ in range(5):
            server.expire_access_tokens()
            await drive(client.users.get_profile)
        await drive(client.logout)
        with pytest.raises(NotSignedInError):
            await drive(client.users.get_profile)
        assert server.ledger["rotations"] == 6
        release.set()


async def test_a_subscriber_may_use_the_session(drive: Drive, server: FakeAuthServer) -> None:
    seen: list[object] = []
    done = threading.Event()

    async with drive.client(server) as client:

        def asking(_: Event) -> None:
            seen.append(client.session.tokens)
            seen.append(client.session.explain()["generation"])
            done.set()

        client.session.on("refreshed", asking)
        server.expire_access_tokens()
        await drive(client.users.get_profile)
        assert await drive.aside(done.wait, 10)
        assert seen == [client.session.tokens, 2]


async def test_a_subscription_can_be_ended(drive: Drive, server: FakeAuthServer) -> None:
    heard: list[Event] = []
    async with drive.client(server) as client:
        off = client.session.on("refreshed", heard.append)
        off()
        off()
        last = Heard(client.session)
        server.expire_access_tokens()
        await drive(client.users.get_profile)
        await drive.aside(last.wait_for, "refreshed")
        assert heard == []


def test_a_subscriber_that_sleeps_for_ever_keeps_no_more_than_its_backlog() -> None:
    events, entered, release = Events("k"), threading.Event(), threading.Event()

    def slow(_: Event) -> None:
        entered.set()
        release.wait(20)

    last = threading.Event()
    events.on("refreshed", slow)
    events.on("refreshed", lambda event: last.set() if event.generation == 2999 else None)
    _tell(events, "refreshed", 0)
    assert entered.wait(10)
    for generation in range(1, 3000):
        _tell(events, "refreshed", generation)
    assert last.wait(20)
    backlogs = [subscriber.backlog for subscriber in events._all()]
    assert [len(backlog) for backlog in backlogs] == [1000, 0]
    assert backlogs[0][-1].generation == 2999  # the oldest went first
    assert not events._waiting
    assert not events._unlogged
    release.set()


class Told:
    """Hears of events by callbacks of one's choice, each a subscriber of its own."""

    def __init__(self) -> None:
        self.what: list[tuple[str, int | None]] = []
        self._arrived = threading.Condition()

    def by(self, name: str) -> Callable[[Event], None]:
        """Return a callback of that name."""

        def hear(event: Event) -> None:
            with self._arrived:
                self.what.append((name, event.generation))
                self._arrived.notify_all()

        return hear

    def wait_for(self, count: int) -> None:
        """Return when so much was told; fail after ten seconds."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.what) >= count, 10), self.what


def test_a_subscriber_that_blocks_for_ever_silences_no_other() -> None:
    events, release, told = Events("k"), threading.Event(), Told()
    events.on("refreshed", lambda _: release.wait(20))
    events.on("refreshed", told.by("beside it"))
    events.on("signed_out", told.by("of another event"))
    for generation in range(1, 4):
        _tell(events, "refreshed", generation)
    _tell(events, "signed_out", 4)
    told.wait_for(4)
    assert told.what == [*[("beside it", generation) for generation in (1, 2, 3)], ("of another event", 4)]
    release.set()


def test_one_that_blocked_hears_afterwards_what_it_missed_in_its_order() -> None:
    events, release, told = Events("k", patience=0.0), threading.Event(), Told()
    hear = told.by("late")

    def late(event: Event) -> None:
        assert release.wait(20)
        hear(event)

    for name in NAMES:
        events.on(name, late)
    for generation in range(50):
        _tell(events, NAMES[generation % len(NAMES)], generation)
    release.set()
    told.wait_for(50)
    assert told.what == [("late", generation) for generation in range(50)]


def test_subscribers_to_different_events_are_told_in_the_order_of_the_events() -> None:
    events, second, told = Events("k", patience=20.0), threading.Event(), Told()
    first = told.by("first")

    def slow(event: Event) -> None:
        _tell(events, "signed_out", 2)
        assert not second.wait(0.2)  # it would be there at once if it did not wait
        first(event)

    events.on("refreshed", slow)
    events.on("signed_out", lambda _: second.set())
    events.on("signed_out", told.by("second"))
    _tell(events, "refreshed", 1)
    told.wait_for(2)
    assert told.what == [("first", 1), ("second", 2)]


def test_events_are_told_in_the_order_in_which_they_were_noted_whoever_delivers_first() -> None:
    events, told = Events("k"), Told()
    events.on("refreshed", told.by("refreshed"))
    events.on("signed_out", told.by("signed_out"))
    events.note("refreshed", 1)  # by a thread that does not come to deliver it for now
    _tell(events, "signed_out", 2)
    events.deliver()
    told.wait_for(2)
    assert told.what == [("refreshed", 1), ("signed_out", 2)]


def test_noting_an_event_begins_no_thread_and_logs_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "signedin")
    events = Events("k")
    begun: list[threading.Thread] = []

    def begin(thread: threading.Thread) -> None:
        begun.append(thread)

    monkeypatch.setattr(threading.Thread, "start", begin)
    events.on("refreshed", print)
    events.note("refreshed", 1)
    assert (begun, caplog.records) == ([], [])
    events.deliver()
    assert (len(begun), len(caplog.records)) == (1, 1)


def test_its_threads_end_when_there_is_nothing_to_tell() -> None:
    events, told = Events("k"), Told()
    events.on("refreshed", told.by("it"))
    before = set(threading.enumerate())
    for generation in range(3):
        _tell(events, "refreshed", generation)
    told.wait_for(3)
    for thread in set(threading.enumerate()) - before:
        assert thread.daemon
        thread.join(10)
        assert not thread.is_alive()
    _tell(events, "refreshed", 3)
    told.wait_for(4)


def test_without_a_thread_to_be_had_an_event_is_told_with_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    events, told = Events("k"), Told()
    events.on("refreshed", told.by("it"))
    with monkeypatch.context() as context:
        context.setattr(threading.Thread, "start", refuse)
        _tell(events, "refreshed", 1)
    _tell(events, "refreshed", 2)
    told.wait_for(2)
    assert told.what == [("it", 1), ("it", 2)]


def test_who_has_ended_a_subscription_hears_nothing_that_waited_for_it() -> None:
    events, entered, release, told = Events("k", patience=0.0), threading.Event(), threading.Event(), Told()
    hear = told.by("it")

    def slow(event: Event) -> None:
        entered.set()
        assert release.wait(20)
        hear(event)

    off = events.on("refreshed", slow)
    events.on("signed_out", slow)
    _tell(events, "refreshed", 1)
    assert entered.wait(10)
    _tell(events, "refreshed", 2)
    _tell(events, "signed_out", 3)
    off()
    release.set()
    told.wait_for(2)
    assert told.what == [("it", 1), ("it", 3)]


def test_a_pair_that_could_not_be_saved_is_a_warning_and_all_else_is_information(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "signedin")
    events = Events("k")
    for name in NAMES:
        _tell(events, name, 1)
    _tell(events, "refresh_failed", 2, reason="RefreshUnavailableError")
    warned = [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]
    assert warned == ["k: unsaved, generation 1"]
    assert [record.levelno for record in caplog.records].count(logging.INFO) == len(NAMES)
    assert caplog.records[-1].getMessage() == "k: refresh_failed, generation 2 (RefreshUnavailableError)"


def test_an_unknown_event_is_refused_by_name(server: FakeAuthServer) -> None:
    client = Client(server.base_url, transport=server.transport)
    with pytest.raises(ConfigurationError, match="refreshed"):
        client.session.on("refresh", print)


async def test_explain_tells_what_support_asks(drive: Drive, server: FakeAuthServer) -> None:
    async with drive.client(server, signed_in=False) as client:
        nothing = client.session.explain()
        assert nothing["generation"] is None
        assert nothing["expires_at"] is None
        await drive(client.auth.login, email="ada@example.com", password="correct horse battery staple")
        said = client.session.explain()
        assert (said["generation"], said["accepted_by_server"], said["refresh_under_way"]) == (1, False, False)
        planned = said["next_planned_refresh_in"]
        assert isinstance(planned, float)
        assert 230 < planned < 250
        await drive(client.users.get_profile)
        assert client.session.explain()["accepted_by_server"] is True
        server.expire_access_tokens()
        server.fail("refreshToken", "500", "500", "500")
        with pytest.raises(RefreshUnavailableError):
            await drive(client.users.get_profile)
        troubled = client.session.explain()
        assert troubled["last_failure"] == "RefreshUnavailableError"
        assert troubled["resting_for"] != 0.0
        json.dumps(troubled)  # goes into a ticket as it is


async def test_explain_says_when_a_refresh_is_under_way(drive: Drive, server: FakeAuthServer) -> None:
    async with drive.client(server) as client:
        server.clock.advance(280)
        refresh = server.hold("refreshToken")
        await drive(client.users.get_profile)
        await drive.aside(refresh.wait_for)
        assert client.session.explain()["refresh_under_way"] is True
        refresh.release()


async def test_explain_of_an_opaque_token_plans_nothing(drive: Drive, server: FakeAuthServer) -> None:
    async with drive.client(server, signed_in=False) as client:
        client.session.sign_in(TokenPair("opaque", "r"))
        assert client.session.explain()["next_planned_refresh_in"] is None


def _tell(events: Events, name: str, generation: int, **details: object) -> None:
    events.note(name, generation, **details)
    events.deliver()


def test_events_arrive_in_the_order_in_which_they_happened_whoever_delivers_first(
    server: FakeAuthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: Queue[str] = Queue()
    with Client(server.base_url, transport=server.transport, clock=server.clock) as client:
        session, late, signed_out = client.session, threading.Event(), threading.Event()
        session.sign_in(server.issue())
        for name in ("refreshed", "signed_out"):
            session.on(name, lambda event: heard.put(event.name))
        deliver = session._events.deliver

        def held_up() -> None:
            if not late.is_set():  # the flight's thread, after it has published the new pair
                late.set()
                assert signed_out.wait(20)
            deliver()

        monkeypatch.setattr(session._events, "deliver", held_up)
        session.refresh()
        assert late.wait(20)
        session.sign_out()
        signed_out.set()
        assert [heard.get(timeout=20) for _ in range(2)] == ["refreshed", "signed_out"]
