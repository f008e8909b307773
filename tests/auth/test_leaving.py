"""Signing out, signing in and changing users while requests and refreshes are under way."""

import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import anyio
import pytest
from signedin import (
    FileStore,
    MemoryStore,
    NotSignedInError,
    RefreshUnavailableError,
    Stored,
    TokenPair,
    TokenSession,
)
from signedin.protocols import NotSent, Renewed
from signedin.session import renewal_of
from signedin_sdk.models import Profile

from tests.auth.driving import PATIENCE, Drive, Scripted, Server, Waiters, client_on, kinds, signed_in

pytestmark = pytest.mark.anyio


async def test_logout_during_a_refresh_wakes_every_waiter_at_once_and_revokes_the_late_pair(
    drive: Drive, server: Server, client: Any
) -> None:
    server.expire_access_tokens()
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
    async with drive.under_way(client.users.get_profile, 20) as outcomes:
        await drive.aside(waiters.wait_for, 20)
        await drive.aside(refresh.wait_for)
        await drive(client.logout)
    # Everybody is back although the refresh still hangs.
    assert len(outcomes) == 20
    assert kinds(outcomes) == {NotSignedInError}
    assert server.ledger["rotations"] == 0
    revoke = server.hold("logout")
    refresh.release()
    revoke.release()
    await drive.close(client.session)
    assert not client.session.is_signed_in


async def test_a_pair_that_arrives_after_logout_is_revoked_not_kept(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    server.fail("logout", "connect error")  # so that only revoking the late pair can end the family
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
    async with drive.under_way(client.users.get_profile):
        await drive.aside(waiters.wait_for)
        await drive.aside(refresh.wait_for)
        await drive(client.logout)
    refresh.release()
    await drive.close(client.session)
    assert server.ledger["rotations"] == 1
    late = client.wire.sent_to("/auth/logout")[-1]
    assert late.content != client.wire.sent_to("/auth/logout")[0].content
    assert not any(server.is_live(token) for token in server._families)
    assert not client.session.is_signed_in


async def test_a_request_of_a_session_that_ended_is_not_replayed(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    gate = server.hold("getProfile")
    async with drive.under_way(client.users.get_profile) as outcomes:
        await drive.aside(gate.wait_for)
        await drive(client.logout)
        gate.release()
    assert kinds(outcomes) == {NotSignedInError}
    assert server.ledger["getProfile"] == 1
    assert server.ledger["refreshToken"] == 0


async def test_login_during_a_refresh_wins(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
    async with drive.under_way(client.users.get_profile, 5) as outcomes:
        await drive.aside(waiters.wait_for, 5)
        await drive.aside(refresh.wait_for)
        answer = await drive(client.auth.login, email="ada@example.com", password="correct horse battery staple")
    assert kinds(outcomes) == {Profile}  # served by the new pair, while the refresh still hangs
    refresh.release()
    await drive.close(client.session)
    assert client.session.tokens.refresh_token == answer.refresh_token
    assert [token for token in server._families if server.is_live(token)] == [answer.refresh_token]
    await drive(client.users.get_profile)


async def test_a_refused_refresh_of_the_old_pair_ends_no_new_session(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    server.fail("refreshToken", "401")
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
    async with drive.under_way(client.users.get_profile):
        await drive.aside(waiters.wait_for)
        await drive.aside(refresh.wait_for)
        client.session.sign_in(server.issue())
    refresh.release()
    await drive.close(client.session)
    assert client.session.is_signed_in
    await drive(client.users.get_profile)


@pytest.mark.parametrize("how", ["while it was under way", "while it waited"])
async def test_a_request_of_one_user_is_no_replay_of_another(
    drive: Drive, server: Server, how: str, client: Any
) -> None:
    server.expire_access_tokens()
    waits = how == "while it waited"
    gate, waiters = server.hold("refreshToken" if waits else "echo"), Waiters(client.session)
    async with drive.under_way(lambda: client.http.post("/transfer", json={"to": "eve"}), 5) as outcomes:
        await drive.aside(waiters.wait_for if waits else gate.wait_for, 5)
        await drive.aside(gate.wait_for) if waits else None
        client.session.sign_in(server.issue("eve@example.com"))
        gate.release()
    # Who came after the first refusal has waited for a token, and has sent nothing.
    answers = [outcome for outcome in outcomes if not isinstance(outcome, NotSignedInError)]
    assert [answer.status_code for answer in answers] == [401] * server.ledger["echo"]
    assert answers
    assert (await drive(client.users.get_profile)).email == "eve@example.com"


async def test_opaque_tokens_are_told_apart_by_sign_in(drive: Drive, server: Server) -> None:
    async with drive.client(server, signed_in=False) as client:
        client.session.sign_in(TokenPair("opaque-a", server.issue().refresh_token))
        server.fail("echo", "401 expired")
        gate = server.hold("echo")
        async with drive.under_way(lambda: client.http.get("/x")) as outcomes:
            await drive.aside(gate.wait_for)
            client.session.sign_in(TokenPair("opaque-b", server.issue("eve@example.com").refresh_token))
            gate.release()
        assert outcomes[0].status_code == 401
        assert server.ledger["echo"] == 1


async def test_the_tokens_of_another_user_are_no_answer_to_a_refresh(drive: Drive, server: Server, client: Any) -> None:
    eve = server.issue("eve@example.com")
    family = server._families[client.session.tokens.refresh_token]
    family.email = "eve@example.com"  # a server that mixes its users up
    server.expire_access_tokens()
    with pytest.raises(Exception, match="another user"):
        await drive(client.users.get_profile)
    assert client.session.tokens.refresh_token != eve.refresh_token
    assert server.ledger["accepted"] == 0


async def test_close_waits_for_a_refresh_that_is_under_way(drive: Drive, server: Server, client: Any) -> None:
    server.clock.advance(280)
    refresh = server.hold("refreshToken")
    await drive(client.users.get_profile)
    await drive.aside(refresh.wait_for)
    async with drive.under_way(client.session.aclose if drive.is_async else client.session.close) as closed:
        await anyio.sleep(0.2)
        early = list(closed)
        refresh.release()
    assert (early, closed) == ([], [None])
    assert server.is_live(client.session.tokens.refresh_token)
    assert client.session.explain()["refresh_under_way"] is False


async def test_a_closed_session_may_be_used_again(drive: Drive, server: Server, client: Any) -> None:
    await drive.close(client.session)
    server.expire_access_tokens()
    server.fail("refreshToken", "500")  # a back-off is no longer cut short
    await drive(client.users.get_profile)


async def test_signing_in_ends_the_rest_that_a_failure_imposed(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    server.fail("refreshToken", "busy for an hour")
    with pytest.raises(RefreshUnavailableError):
        await drive(client.users.get_profile)
    client.session.sign_in(server.issue())
    report = client.session.explain()
    assert (report["resting_for"], report["last_failure"]) == (0.0, None)
    server.expire_access_tokens()
    await drive(client.users.get_profile)


def _refreshing(session: TokenSession) -> Any:
    """Begin a refresh, as a request that was refused would, and return its promise."""
    renewal = renewal_of(session)
    return renewal.renew(renewal.wait(renewal.current()))


class Interrupted(MemoryStore):
    """Runs something once, between a write and whatever its writer does next."""

    then: Callable[[], None] | None = None

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        won = super().compare_and_set(key, expected_revision, data)
        then, self.then = self.then, None
        if then is not None:
            then()
        return won


def test_a_sign_out_between_the_storing_and_the_publishing_of_a_sign_in_wins(server: Server) -> None:
    store = Interrupted()
    with client_on(server, store=store) as client:
        store.then = client.session.sign_out
        client.session.sign_in(server.issue())
        assert not client.session.is_signed_in
        with pytest.raises(NotSignedInError):
            client.users.get_profile()


def test_a_sign_out_between_the_storing_and_the_publishing_of_a_refresh_wins(server: Server) -> None:
    store = Interrupted()
    with signed_in(server, store=store) as client:
        server.expire_access_tokens()
        refresh = server.hold("refreshToken")
        renewing = _refreshing(client.session)
        refresh.wait_for()
        store.then = client.session.sign_out  # at the next write, which is the save
        refresh.release()
        with pytest.raises(NotSignedInError):
            renewal_of(client.session).wait(renewing)
        client.session.close()  # the flight is through
        assert not client.session.is_signed_in
        assert client.session.explain()["generation"] == 3


def test_a_sign_in_between_the_refusal_and_the_publishing_of_a_refresh_stays(server: Server) -> None:
    store, second = Interrupted(), server.issue("bob@example.com")
    with signed_in(server, store=store) as client:
        server.fail("refreshToken", "401")
        refresh = server.hold("refreshToken")
        renewing = _refreshing(client.session)
        refresh.wait_for()
        store.then = lambda: client.session.sign_in(second)  # at the next write, which clears the refused pair
        refresh.release()
        assert renewal_of(client.session).wait(renewing).record.pair == second
        client.session.close()
        assert client.session.tokens == second


def test_of_two_sign_ins_at_once_the_one_stored_last_is_in_hand(server: Server) -> None:
    store, first, second = Interrupted(), server.issue(), server.issue("bob@example.com")
    with client_on(server, store=store) as client:
        store.then = lambda: client.session.sign_in(second)
        client.session.sign_in(first)
        assert client.session.tokens == second
        assert client.users.get_profile().email == "bob@example.com"


def test_a_sign_in_between_the_clearing_and_the_forgetting_of_a_sign_out_stays(server: Server) -> None:
    store, second = Interrupted(), server.issue("bob@example.com")
    with signed_in(server, store=store) as client:
        store.then = lambda: client.session.sign_in(second)
        client.session.sign_out()
        assert client.session.tokens == second
        assert server.is_live(second.refresh_token)


class Read(MemoryStore):
    """Runs something once, between a read and whatever its reader does next."""

    then: Callable[[], object] | None = None

    def load(self, key: str) -> Stored | None:
        stored = super().load(key)
        then, self.then = self.then, None
        if then is not None:
            then()
        return stored


def test_a_pair_that_was_read_before_a_sign_out_is_not_taken(server: Server) -> None:
    store = Read()
    with client_on(server, store=store) as here, client_on(server, store=store) as there:
        there.session.sign_in(server.issue())
        store.then = here.session.sign_out
        assert here.session.load() is None
        assert not here.session.is_signed_in


def test_an_end_that_was_read_before_a_new_sign_in_ends_nothing(server: Server) -> None:
    store = Read()
    with client_on(server, store=store) as here, client_on(server, store=store) as there:
        here.session.sign_in(server.issue())
        there.session.sign_out(revoke=False)

        def sign_in_meanwhile() -> None:
            there.session.sign_in(server.issue())
            here.session.load()

        store.then = sign_in_meanwhile
        assert here.session.load() == there.session.tokens


def test_closing_before_the_server_was_reached_leaves_no_doubt_behind() -> None:
    refresher, store = Scripted(NotSent("nobody listens")), MemoryStore()
    session = TokenSession(refresher, origins=[], store=store, on_doubt="relogin")
    session.sign_in(TokenPair("a1", "r1"))
    renewing = _refreshing(session)
    assert refresher.was_called.wait(10)
    session.close()
    with pytest.raises(RefreshUnavailableError):
        renewal_of(session).wait(renewing)
    refresher.answers = [Renewed(TokenPair("a2", "r2"))]
    again = TokenSession(refresher, origins=[], store=store, on_doubt="relogin")  # the next process
    assert again.refresh() == TokenPair("a2", "r2")


def test_a_refresher_that_cannot_revoke_does_not_hinder_signing_out() -> None:
    class Raising(Scripted):
        def revoke(self, *_: Any, **__: Any) -> None:
            raise OSError

    session = TokenSession(Raising(NotSent("")), origins=[])
    session.sign_in(TokenPair("a1", "r1"))
    session.sign_out()
    assert not session.is_signed_in


async def test_a_request_that_waits_for_a_token_as_one_user_is_not_sent_as_another(
    drive: Drive, server: Server, client: Any
) -> None:
    await drive(client.users.get_profile)
    server.clock.advance(400)
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
    async with drive.under_way(lambda: client.http.post("/transfer", json={"to": "eve"}), 5) as outcomes:
        await drive.aside(waiters.wait_for, 5)
        await drive.aside(refresh.wait_for)
        client.session.sign_in(server.issue("eve@example.com"))
        refresh.release()
    assert kinds(outcomes) == {NotSignedInError}
    assert server.ledger["echo"] == 0
    assert (await drive(client.users.get_profile)).email == "eve@example.com"


def test_a_sign_in_that_is_published_late_replaces_no_newer_pair(server: Server) -> None:
    store = Interrupted()
    with client_on(server, store=store) as client:

        def refresh_meanwhile() -> None:
            server.expire_access_tokens()
            assert client.users.get_profile().email == "ada@example.com"

        store.then = refresh_meanwhile
        client.session.sign_in(server.issue())
        assert client.session.explain()["generation"] == 2
        assert (pair := client.session.tokens) is not None
        assert server.is_live(pair.refresh_token)


@pytest.mark.parametrize(("part", "moment"), [("threads", "start"), ("_setbacks", "rest")])
def test_a_sign_out_from_a_signal_handler_while_a_refresh_begins_hangs_nobody(
    server: Server, monkeypatch: pytest.MonkeyPatch, part: str, moment: str
) -> None:
    with signed_in(server) as client:
        server.expire_access_tokens()
        place = getattr(client.session._renewal, part)
        step = getattr(place, moment)

        def interrupted(*arguments: Any) -> Any:
            monkeypatch.setattr(place, moment, step)
            client.session.sign_out()  # as a handler would, in the very thread that begins the refresh
            return step(*arguments)

        monkeypatch.setattr(place, moment, interrupted)
        outcome: Future[object] = Future()

        def call() -> None:
            try:
                outcome.set_result(client.users.get_profile())
            except NotSignedInError as error:
                outcome.set_exception(error)

        threading.Thread(target=call, daemon=True).start()
        assert isinstance(outcome.exception(timeout=PATIENCE), NotSignedInError)


class Interrupting(MemoryStore):
    """Has the main thread handle a signal while `load` holds a lock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.Lock()
        self.handling = threading.Event()
        self.armed = False

    def load(self, key: str) -> Stored | None:
        assert self._guard.acquire(timeout=3), "the lock is never released"
        try:
            if self.armed:
                self.armed = False
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
                assert self.handling.wait(3)
            return super().load(key)
        finally:
            self._guard.release()


@pytest.mark.parametrize("call", ["sign_in", "sign_out", "load", "explain"])
def test_a_sign_out_from_a_signal_handler_waits_for_no_lock_of_the_store(server: Server, call: str) -> None:
    store = Interrupting()
    with signed_in(server, store=store) as client:

        def sign_out(*_: object) -> None:
            store.handling.set()
            client.session.sign_out()

        before = signal.signal(signal.SIGUSR1, sign_out)
        try:
            store.armed = True
            getattr(client.session, call)(*[server.issue()] * (call == "sign_in"))
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert store.handling.is_set()
        assert client.session.is_signed_in == (client.session.load() is not None)


def test_a_refresh_that_ctrl_c_kept_from_beginning_is_begun_by_the_next_caller(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with signed_in(server) as client:
        server.expire_access_tokens()

        def ctrl_c(_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(client.session._renewal.threads, "start", ctrl_c)
            with pytest.raises(KeyboardInterrupt):
                client.users.get_profile()
        client.users.get_profile()
        assert server.ledger["rotations"] == 1


def test_refreshing_by_hand_where_nothing_is_in_hand_refreshes_once(server: Server) -> None:
    store = MemoryStore()
    with client_on(server, store=store) as client:
        client.session.sign_in(server.issue())
    server.clock.advance(301)
    with client_on(server, store=store) as another:
        assert another.session.refresh() == another.session.tokens
        assert server.ledger["rotations"] == 1
        another.session.refresh()
        assert server.ledger["rotations"] == 2


def test_a_refresh_under_way_does_not_replace_who_signed_in_meanwhile(server: Server, tmp_path: Path) -> None:
    path, bobs = tmp_path / "tokens.json", server.issue("bob@example.com")
    with client_on(server, store=FileStore(path)) as ada, client_on(server, store=FileStore(path)) as bob:
        ada.session.sign_in(server.issue())
        server.expire_access_tokens()
        refresh = server.hold("refreshToken")
        renewing = _refreshing(ada.session)
        refresh.wait_for()
        path.unlink()
        bob.session.sign_in(bobs)
        refresh.release()
        renewal_of(ada.session).wait(renewing)
        assert bob.session.tokens == bobs
        assert bob.users.get_profile().email == "bob@example.com"
