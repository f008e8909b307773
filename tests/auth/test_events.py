"""What a session tells of itself: events to subscribers, `explain()` to support."""

import json
import logging
import threading
from queue import Queue
from typing import Any, Final, get_args

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
from signedin.protocols import Event, EventName

from tests.auth.driving import PATIENCE, Drive, Server, client_on

pytestmark = pytest.mark.anyio

NAMES: Final = get_args(EventName)


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
            arrived = self._arrived.wait_for(lambda: [event.name for event in self.events] == list(names), PATIENCE)
        assert arrived, [event.name for event in self.events]


async def test_each_event_has_its_name(drive: Drive, server: Server) -> None:
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
        before = ("signed_in", "refreshed", "refresh_failed", "expired")
        await drive.aside(heard.wait_for, *before, "signed_in", "signed_out")
        assert {event.key for event in heard.events} == {"https://auth.test/api/v1#default"}
        assert [event.generation for event in heard.events[:3]] == [1, 2, 2]


async def test_an_end_is_an_event_once_and_not_at_every_further_call(drive: Drive, server: Server, client: Any) -> None:
    ends: list[Event] = []
    client.session.on("expired", ends.append)
    for sign_ins in (1, 2):
        server.fail("refreshToken", "401")
        server.expire_access_tokens()
        for _ in range(3):
            with pytest.raises(SessionExpiredError):
                await drive(client.users.get_profile)
        assert len(ends) == server.ledger["refreshToken"] == sign_ins
        client.session.sign_in(server.issue())


async def test_what_another_client_saved_is_adopted(drive: Drive, server: Server) -> None:
    store = MemoryStore()
    async with drive.client(server, store=store) as here, drive.client(server, store=store, signed_in=False) as there:
        heard = Heard(there.session)
        await drive(there.users.get_profile)
        server.expire_access_tokens()
        await drive(here.users.get_profile)
        await drive(there.users.get_profile)
        await drive.aside(heard.wait_for, "adopted", "adopted")
        assert server.ledger["rotations"] == 1


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit])
async def test_a_subscriber_that_raises_harms_nobody(
    drive: Drive, server: Server, caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    def raising(_: Event) -> None:
        raise error

    async with drive.client(server) as client:
        client.session.on("refreshed", raising)
        heard = Heard(client.session)
        for number in range(1, 4):
            server.expire_access_tokens()
            await drive(client.users.get_profile)
            await drive.aside(heard.wait_for, *["refreshed"] * number)
        assert "a subscriber to 'refreshed' raised" in caplog.text


async def test_a_subscriber_that_blocks_harms_nobody(drive: Drive, server: Server) -> None:
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


async def test_a_subscriber_may_use_the_session(drive: Drive, server: Server) -> None:
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


async def test_a_subscription_can_be_ended(drive: Drive, server: Server) -> None:
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


def test_a_callback_that_never_returns_keeps_no_more_than_the_backlog() -> None:
    events, entered, release = Events("k"), threading.Event(), threading.Event()

    def slow(_: Event) -> None:
        entered.set()
        release.wait(20)

    events.on("refreshed", slow)
    teller = threading.Thread(target=_tell, args=(events, "refreshed", 0), daemon=True)
    teller.start()
    assert entered.wait(10)
    for generation in range(1, 3000):
        _tell(events, "refreshed", generation)
    backlog = list(events._backlog)
    assert len(backlog) == 1000
    assert backlog[-1].generation == 2999  # the oldest went first
    release.set()
    teller.join(20)
    assert not events._backlog


def test_events_that_happen_during_a_callback_follow_it_in_their_order() -> None:
    events, order = Events("k"), list[tuple[str, int | None]]()

    def nesting(event: Event) -> None:
        if event.generation == 1:
            _tell(events, "signed_out", 2)
        order.append((event.name, event.generation))

    events.on("refreshed", nesting)
    events.on("signed_out", nesting)
    events.add("refreshed", 1)  # by a thread that does not come to deliver it
    _tell(events, "refreshed", 3)
    assert order == [("refreshed", 1), ("refreshed", 3), ("signed_out", 2)]


def test_noting_an_event_calls_nobody_and_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "signedin")
    events, seen = Events("k"), list[Event]()
    events.on("refreshed", seen.append)
    events.add("refreshed", 1)
    assert (seen, caplog.records) == ([], [])
    events.deliver()
    assert (len(seen), len(caplog.records)) == (1, 1)


async def test_what_happened_before_close_has_been_delivered_after_it(drive: Drive, server: Server) -> None:
    seen: list[Event] = []
    entered, release = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        entered.set()
        release.wait(20)
        seen.append(event)

    async with drive.client(server) as client:
        client.session.on("refreshed", slow)
        await drive.refresh(client.session)
        async with drive.under_way(client.session.aclose if drive.is_async else client.session.close):
            await drive.aside(entered.wait, 10)
            release.set()
        assert len(seen) == 1


async def test_an_async_callback_is_refused(drive: Drive, server: Server) -> None:
    async def callback(_: Event) -> None: ...

    class Callback:
        async def __call__(self, _: Event) -> None: ...

    async with drive.client(server) as client:
        for each in (callback, Callback()):
            with pytest.raises(ConfigurationError, match="call_soon_threadsafe"):
                client.session.on("refreshed", each)


def test_what_needs_attention_is_logged_as_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "signedin")
    events = Events("k")
    for name in NAMES:
        _tell(events, name, 1)
    _tell(events, "refresh_failed", 2, reason="RefreshUnavailableError")
    warned = {record.getMessage().split()[1].strip(",") for record in caplog.records if record.levelno > logging.INFO}
    assert warned == {"unsaved", "expired", "refresh_failed"}
    assert caplog.records[-1].getMessage() == "k: refresh_failed, generation 2 (RefreshUnavailableError)"


def test_an_unknown_event_is_refused_by_name(server: Server) -> None:
    client = Client(server.base_url, transport=server.transport)
    with pytest.raises(ConfigurationError, match="refreshed"):
        client.session.on("refresh", print)  # type: ignore[arg-type]


async def test_explain_tells_what_support_asks(drive: Drive, server: Server) -> None:
    async with drive.client(server, signed_in=False) as client:
        nothing = client.session.explain()
        assert nothing["generation"] is None
        assert nothing["expires_at"] is None
        await drive(client.auth.login, email="ada@example.com", password="correct horse battery staple")
        report = client.session.explain()
        assert (report["generation"], report["accepted_by_server"], report["refresh_under_way"]) == (1, False, False)
        planned = report["next_planned_refresh_in"]
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


async def test_explain_says_when_a_refresh_is_under_way(drive: Drive, server: Server, client: Any) -> None:
    server.clock.advance(280)
    refresh = server.hold("refreshToken")
    await drive(client.users.get_profile)
    await drive.aside(refresh.wait_for)
    assert client.session.explain()["refresh_under_way"] is True
    refresh.release()


async def test_explain_of_an_opaque_token_plans_nothing(drive: Drive, server: Server) -> None:
    async with drive.client(server, signed_in=False) as client:
        client.session.sign_in(TokenPair("opaque", "r"))
        assert client.session.explain()["next_planned_refresh_in"] is None


def _tell(events: Events, name: EventName, generation: int, **details: object) -> None:
    events.add(name, generation, **details)
    events.deliver()


def test_events_arrive_in_their_order_whoever_delivers_first(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: Queue[str] = Queue()
    with client_on(server) as client:
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
        assert late.wait(PATIENCE)
        session.sign_out()
        signed_out.set()
        assert [heard.get(timeout=PATIENCE) for _ in range(2)] == ["refreshed", "signed_out"]
