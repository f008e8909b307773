"""Everything that can go wrong with one exchange has a typed outcome, and keeps or clears the pair as it should."""

import asyncio
import contextlib
from typing import Any

import httpx
import pytest
import signedin_sdk.contract
from signedin import (
    APIError,
    APIResponseError,
    HttpRefresher,
    MemoryStore,
    RefreshUnavailableError,
    SessionExpiredError,
    SignedInError,
    Timing,
    TokenPair,
    TokenSession,
    TokenStoreError,
    _flight,
)
from signedin._tokens import Intent
from signedin.protocols import Renewed
from signedin.session import renewal_of
from signedin.testing import FAULTS, FakeAuthServer

from tests.auth.driving import TAKEN_BY_A_LOGIN, Drive, Server, Waiters, Wire, kinds

pytestmark = pytest.mark.anyio

DEAD = {name for name, fault in FAULTS.items() if fault.refresh == "refused"}
HARMLESS = {name for name, fault in FAULTS.items() if fault.refresh == "renewed"}
# After these the token may be spent.
AMBIGUOUS = {name for name, fault in FAULTS.items() if fault.refresh == "unknown"}
# These ask for a longer rest than a flight has time for.
LONG_RESTS = {"busy for an hour": 3600, "busy for ever": 86_400}
PASSING = sorted(set(FAULTS) - DEAD - HARMLESS - set(LONG_RESTS))
# The same faults pass as stay: one of each kind.
KINDS = list({(FAULTS[name].refresh, FAULTS[name].acted): name for name in PASSING}.values())
HITTING_CALLS = sorted(name for name, fault in FAULTS.items() if fault.hits_calls)
# To an exchange of tokens only. Of what every call can meet, two are enough: one status, one lost answer.
HITTING_LOGINS = sorted({*FAULTS} - HARMLESS - TAKEN_BY_A_LOGIN - {*HITTING_CALLS} | {"500", "lost reset"})


@pytest.mark.parametrize("fault", sorted(DEAD))
async def test_a_refusal_of_the_refresh_clears_the_pair(drive: Drive, server: Server, fault: str, client: Any) -> None:
    server.expire_access_tokens()
    server.fail("refreshToken", fault)
    assert kinds(await drive.outcomes(client.users.get_profile, 3)) == {SessionExpiredError}
    assert server.ledger["refreshToken"] == 1
    assert not client.session.is_signed_in


# The exchange runs in a thread of the session's own, whatever its callers are: one colour each.
@pytest.mark.parametrize("colour", ["threads"])
@pytest.mark.parametrize("fault", KINDS)
async def test_trouble_that_passes_is_nobodys_business(drive: Drive, server: Server, fault: str, client: Any) -> None:
    server.expire_access_tokens()
    server.fail("refreshToken", fault)
    outcomes = await drive.outcomes(client.users.get_profile, 3)
    assert [getattr(outcome, "email", outcome) for outcome in outcomes] == ["ada@example.com"] * 3
    assert server.ledger["refreshToken"] == 2
    assert server.ledger["rotations"] == 1
    assert server.ledger["reused"] == server.ledger["grace"] == FAULTS[fault].acted


@pytest.mark.parametrize("colour", ["trio"])
@pytest.mark.parametrize("fault", PASSING)
async def test_trouble_that_stays_keeps_the_pair_and_the_next_call_recovers(
    drive: Drive, server: Server, fault: str, client: Any
) -> None:
    pair = client.session.tokens
    server.expire_access_tokens()
    server.fail("refreshToken", *[fault] * 3)  # as often as one flight sends
    refresh, waiters = server.hold("refreshToken"), Waiters(client.session)
    async with drive.under_way(client.users.get_profile, 3) as outcomes:
        await drive.aside(waiters.wait_for, 3)
        refresh.release()
    assert kinds(outcomes) == {RefreshUnavailableError}
    assert client.session.tokens == pair
    assert server.ledger["refreshToken"] == 3
    assert (await drive(client.users.get_profile)).email == "ada@example.com"
    assert server.ledger["refreshToken"] == 4
    assert server.ledger["rotations"] == 1
    assert server.ledger["reused"] == server.ledger["grace"] == 3 * FAULTS[fault].acted
    assert server.ledger["families revoked"] == 0
    _assert_sent_again_only_in_doubt(client.wire, fault)


def _assert_sent_again_only_in_doubt(wire: Wire, fault: str) -> None:
    """Once it may have arrived, a token goes out under one attempt id only; the server knows it by that."""
    attempts = [request.headers["idempotency-key"] for request in wire.refreshes]
    assert len({request.content for request in wire.refreshes}) == 1
    if fault in AMBIGUOUS:
        assert len(set(attempts)) == 1
    else:
        assert len(set(attempts[:3])) == 1


@pytest.mark.parametrize("colour", ["threads"])
@pytest.mark.parametrize("fault", LONG_RESTS)
async def test_a_server_that_asks_for_a_long_rest_is_left_alone_so_long(
    drive: Drive, server: Server, fault: str, client: Any
) -> None:
    pair, rest = client.session.tokens, LONG_RESTS[fault]
    server.expire_access_tokens()
    server.fail("refreshToken", fault)
    for _ in range(3):
        with pytest.raises(RefreshUnavailableError) as error:
            await drive(client.users.get_profile)
        assert error.value.retry_after is not None
        assert rest - 100 < error.value.retry_after.total_seconds() <= rest
    assert client.session.tokens == pair
    assert server.ledger["refreshToken"] == 1
    server.clock.advance(rest + 1)
    await drive(client.users.get_profile)
    assert server.ledger["rotations"] == 1


@pytest.mark.parametrize("colour", ["asyncio"])
@pytest.mark.parametrize("fault", sorted(HARMLESS))
async def test_what_is_odd_and_does_no_harm_is_taken(drive: Drive, server: Server, fault: str, client: Any) -> None:
    server.expire_access_tokens()
    server.fail("refreshToken", fault)
    assert (await drive(client.users.get_profile)).email == "ada@example.com"
    assert server.ledger["refreshToken"] == server.ledger["rotations"] == 1
    assert server.is_live(client.session.tokens.refresh_token)


async def test_a_call_too_impatient_for_the_rest_says_when_the_next_attempt_is_due(
    drive: Drive, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda _, high: high)  # the longest that chance may make it
    timing = Timing(post=1, resends=0, flight=1, waiter=1, save=1, lease=2)
    async with drive.client(server, timing=timing) as client:
        server.expire_access_tokens()
        server.fail("refreshToken", "connect error")
        with pytest.raises(RefreshUnavailableError, match="could not be reached"):
            await drive(client.users.get_profile)
        with pytest.raises(RefreshUnavailableError, match=r"next is due in 0\.\d s"):
            await drive(client.users.get_profile)
        server.clock.advance(1)
        await drive(client.users.get_profile)


async def test_retry_after_is_waited_for(drive: Drive, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, _: low)  # the shortest that chance may make it
    async with drive.client(server) as client:
        server.expire_access_tokens()
        server.fail("refreshToken", "busy 429")
        await drive(client.users.get_profile)
        assert max(server.clock.slept) >= 2


async def test_a_long_outage_is_asked_about_ever_more_seldom(drive: Drive, server: Server, client: Any) -> None:
    server.expire_access_tokens()
    server.fail("refreshToken", *["connect error"] * 30)
    begun = server.clock.monotonic()
    for _ in range(10):
        with pytest.raises(RefreshUnavailableError):
            await drive(client.users.get_profile)
    assert server.clock.monotonic() - begun > 25  # rests of 0.5, 1, 2, 4, 4, … s before the flights
    await drive(client.users.get_profile)


@pytest.mark.parametrize(
    ("fault", "colour"), [(fault, ("threads", "asyncio")[number % 2]) for number, fault in enumerate(HITTING_CALLS)]
)
async def test_every_fault_of_a_call_is_a_typed_error(drive: Drive, server: Server, fault: str, client: Any) -> None:
    server.fail("getProfile", fault, fault)
    with pytest.raises(APIError) as error:
        await drive(client.users.get_profile)
    _assert_telling(error.value)
    assert client.session.is_signed_in
    assert server.ledger["refreshToken"] == (fault == "401 expired")


@pytest.mark.parametrize("colour", ["asyncio"])
@pytest.mark.parametrize("fault", HITTING_LOGINS)
async def test_every_fault_of_a_login_is_a_typed_error_and_stores_nothing(
    drive: Drive, server: Server, fault: str, client: Any
) -> None:
    before = client.session.tokens
    server.fail("login", fault)
    with pytest.raises(APIError) as error:
        await drive(client.auth.login, email="ada@example.com", password="correct horse battery staple")
    _assert_telling(error.value)
    assert client.session.tokens == before
    assert server.ledger["login"] == 1
    assert server.ledger["refreshToken"] == 0


def _assert_telling(error: SignedInError) -> None:
    assert len(str(error)) > 5
    assert len(str(error)) < 700
    assert "correct horse" not in str(error)
    assert "eyJ" not in str(error)


@pytest.mark.parametrize("fault", ["html", "empty", "half json", "null", "array", "string"])
async def test_an_answer_of_another_shape_says_so(drive: Drive, server: Server, fault: str, client: Any) -> None:
    server.fail("getProfile", fault)
    with pytest.raises(APIResponseError, match="not what the API's description says"):
        await drive(client.users.get_profile)


# --------------------------------------------------------------------------------------------- a server without grace


def _strict(on_doubt: Any = "resend") -> tuple[FakeAuthServer, TokenSession]:
    server = FakeAuthServer(grace=None)
    refresher = HttpRefresher(
        signedin_sdk.contract,
        server.base_url,
        clock=server.clock,
        client=lambda: httpx.Client(transport=server.transport),
    )
    session = TokenSession(refresher, origins=["https://auth.test:443"], clock=server.clock, on_doubt=on_doubt)
    session.sign_in(server.issue())
    return server, session


STRICT: dict[str, tuple[list[str], type[Exception] | None, int]] = {
    "it never saw the token": (["connect error"] * 2, None, 3),
    "in doubt": (["read timeout"], None, 2),
    "in doubt twice": (["read timeout"] * 2, RefreshUnavailableError, 2),
    # What no client can do: both runs look the same from here.
    "its answer was lost": (["lost read timeout"], SessionExpiredError, 2),
}


@pytest.mark.parametrize(("faults", "error", "sendings"), STRICT.values(), ids=STRICT)
def test_a_strict_server_gets_a_token_in_doubt_once_more(
    faults: list[str], error: type[Exception] | None, sendings: int
) -> None:
    server, session = _strict()
    server.fail("refreshToken", *faults)
    with pytest.raises(error) if error else contextlib.nullcontext():
        session.refresh()
    assert server.ledger["refreshToken"] == sendings
    assert server.ledger["reused"] == (error is SessionExpiredError)
    assert session.is_signed_in is (error is not SessionExpiredError)


@pytest.mark.parametrize("ahead", [4.0, 8.0, 31_536_000.0])
def test_a_strict_server_is_given_time_to_answer_the_first_presentation_and_no_longer_than_a_sending(
    ahead: float,
) -> None:
    server, session = _strict()
    # A process that stored its attempt and was stopped: its request may still be on its way; its clock may be ahead.
    records = renewal_of(session).records
    stored = records.load()
    assert stored is not None
    intent = Intent("attempt", stored.generation, "a holder that died", server.clock.wall() + ahead)
    assert records.compare_and_set(stored.revision, stored.with_intent(intent))
    session.refresh()
    assert sum(server.clock.slept) == pytest.approx(min(ahead, renewal_of(session).timing.post), abs=0.5)
    assert server.ledger["refreshToken"] == 1


def test_by_relogin_a_token_in_doubt_is_never_sent_again() -> None:
    server, session = _strict("relogin")
    server.fail("refreshToken", "lost read timeout")
    with pytest.raises(SessionExpiredError, match="may be spent"):
        session.refresh()
    assert server.ledger["refreshToken"] == 1
    assert not session.is_signed_in


async def test_a_flaw_inside_the_refresh_gives_the_lock_back(
    drive: Drive, server: Server, monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    server.expire_access_tokens()
    with monkeypatch.context() as context:
        context.setattr(_flight, "_validated", lambda *_, **__: 1 // 0)
        with pytest.raises(RefreshUnavailableError, match="ZeroDivisionError inside the refresh"):
            await drive(client.users.get_profile)
    assert (await drive(client.users.get_profile)).email == "ada@example.com"
    assert server.ledger["reused"] == server.ledger["grace"] == 1


async def test_a_system_without_threads_to_spare_keeps_the_pair(
    drive: Drive, server: Server, monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    server.expire_access_tokens()

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as context:
        context.setattr(client.session._renewal.threads, "start", refuse)
        with pytest.raises(RefreshUnavailableError, match="new thread"):
            await drive(client.users.get_profile)
    await drive(client.users.get_profile)


class Odd:
    """A refresher that does what a test wants, and works afterwards."""

    def __init__(self, *acts: Any) -> None:
        self.acts = list(acts)
        self.sent = 0

    def refresh(self, *_: object, **__: object) -> Any:
        self.sent += 1
        act = self.acts.pop(0) if self.acts else Renewed(TokenPair("a2", "r2"))
        if isinstance(act, BaseException):
            raise act
        return act

    def revoke(self, *_: object, **__: object) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    "act",
    [ZeroDivisionError(), SystemExit(1), GeneratorExit(), asyncio.CancelledError(), None, "a token",
     Renewed(TokenPair("", "r")), Renewed(TokenPair("a", "r\n"))],
    ids=lambda act: type(act).__name__,
)  # fmt: skip
def test_whatever_a_refresher_does_the_token_is_in_doubt_and_the_lock_is_given_back(server: Server, act: Any) -> None:
    store, refresher = MemoryStore(), Odd(act, act)
    session = TokenSession(refresher, origins=[], store=store, clock=server.clock)
    session.sign_in(TokenPair("a1", "r1"))
    with pytest.raises(RefreshUnavailableError):
        session.refresh()
    assert refresher.sent == 2  # a token in doubt is sent once more, and no oftener
    assert session.refresh() == TokenPair("a2", "r2")


@pytest.mark.parametrize("method", ["load", "compare_and_set", "try_lock", "unlock"])
def test_a_store_that_ends_its_thread_leaves_a_session_that_goes_on(
    server: Server, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ending(*_: object) -> None:
        raise SystemExit

    store = MemoryStore()
    session = TokenSession(Odd(), origins=[], store=store, clock=server.clock)
    session.sign_in(TokenPair("a1", "r1"))
    with monkeypatch.context() as context:
        context.setattr(store, method, ending)
        with contextlib.suppress(TokenStoreError):
            session.refresh()
    store.unlock(session.key, store._holders.get(session.key, ""))
    assert session.refresh() == TokenPair("a2", "r2")


def test_an_error_of_a_stores_own_reaches_the_caller_whatever_it_is_made_of(server: Server) -> None:
    class FullError(TokenStoreError):
        def __init__(self, disk: str, free: int) -> None:
            super().__init__(f"{disk} has {free} bytes left")
            self.free = free

    class Raising(MemoryStore):
        def load(self, _: str) -> Any:
            raise FullError("/dev/sda", 5)

    session = TokenSession(Odd(), origins=[], store=Raising(), clock=server.clock)
    with pytest.raises(FullError, match="5 bytes left") as error:
        session.refresh()
    assert error.value.free == 5


async def test_in_a_long_rest_what_another_process_refreshed_is_taken(drive: Drive, server: Server) -> None:
    store = MemoryStore()
    async with drive.client(server, store=store) as client, drive.client(server, store=store, signed_in=False) as other:
        await drive(client.users.get_profile)
        server.clock.advance(400)
        server.fail("refreshToken", "busy for an hour")
        with pytest.raises(RefreshUnavailableError):
            await drive(client.users.get_profile)
        await drive(other.users.get_profile)

        await drive(client.users.get_profile)

        assert server.ledger["refreshToken"] == 2
