"""Sessions without a refresh: they sign in anew, once for all callers, or renew their token before it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from signedin import ConfigurationError, FileStore, NotSignedInError, RefreshUnavailableError, SessionExpiredError
from signedin.session import renewal_of
from signedin.testing import FakeAuthServer, VirtualClock
from signedin_sdk.types import Expires, Place

from tests.auth.contracts import body, contract, opened
from tests.auth.driving import PATIENCE

if TYPE_CHECKING:
    from signedin.protocols import Closing

    from tests.auth.driving import Drive, Server

ACCOUNT = {"email": "ada@example.com", "password": "correct horse battery staple"}
# Its sign-in answers what the generated model of `login` has; no refresh token is read.
ANEW = contract(
    request="none",
    response={"access_token": body("accessToken"), "refresh_token": None, "absent": "none",
              "expires": Expires(body("expires_in"), "seconds")},
    renew="signIn",
    sign_in="login",
)  # fmt: skip

pytestmark = pytest.mark.anyio


class _Threads:
    is_async = False


_THREADS: Any = _Threads()


class Vault:
    """Credentials, and how often they were read."""

    def __init__(self, **account: Any) -> None:
        self.account, self.times = account or dict(ACCOUNT), 0

    def __call__(self) -> dict[str, Any]:
        self.times += 1
        return self.account


@pytest.fixture
def server() -> FakeAuthServer:
    server = FakeAuthServer(contract=ANEW, opaque=True)
    server.add_user()
    return server


async def test_one_sign_in_serves_twenty_callers_at_first_and_over_each_expiry(drive: Drive, server: Server) -> None:
    vault = Vault()
    client = opened(drive, server, ANEW, credentials=vault)
    for round_ in (1, 2, 3):
        assert {who.email for who in await drive.outcomes(client.users.get_profile, 20)} == {"ada@example.com"}
        assert server.ledger["login"] == vault.times == round_
        if round_ == 1:
            server.clock.advance(301)
        else:
            server.expire_access_tokens()
    assert client.session.tokens.refresh_token is None


def test_sessions_that_share_a_store_share_one_sign_in(server: Server, tmp_path: Path) -> None:
    options: dict[str, Any] = {"credentials": Vault(), "clock": None}  # real time: they wait for each other
    clients = [opened(_THREADS, server, ANEW, store=FileStore(tmp_path / "t"), **options) for _ in range(4)]
    for _ in range(2):
        with ThreadPoolExecutor(4) as pool:
            assert len(list(pool.map(lambda client: client.users.get_profile(), clients))) == 4
        server.expire_access_tokens()
    assert server.ledger["login"] == 2
    assert ACCOUNT["password"] not in (tmp_path / "t").read_text()


async def test_after_a_logout_the_next_call_signs_in_anew(drive: Drive, server: Server) -> None:
    client = opened(drive, server, ANEW, credentials=Vault())
    await drive(client.users.get_profile)
    renewal: Any = renewal_of(client.session)
    family = renewal.held.record.family
    await drive(client.logout)
    assert not client.session.is_signed_in
    await drive(client.users.get_profile)
    assert renewal.held.record.family != family
    assert server.ledger["login"] == 2


async def test_a_logout_during_a_sign_in_anew_wins(drive: Drive, server: Server) -> None:
    client, gate = opened(drive, server, ANEW, credentials=Vault()), server.hold("login")
    async with drive.under_way(client.session.arefresh if drive.is_async else client.session.refresh) as outcomes:
        await drive.aside(gate.wait_for)
        await drive(client.logout)
        gate.release()
    assert [type(outcome) for outcome in outcomes] == [NotSignedInError]
    await drive.aside(renewal_of(client.session).threads.join, 10)
    assert not client.session.is_signed_in


async def test_a_refused_sign_in_is_a_typed_error_and_tried_again_after_a_rest(drive: Drive, server: Server) -> None:
    vault = Vault(email="ada@example.com", password="wrong")
    client = opened(drive, server, ANEW, credentials=vault)
    for _ in range(2):
        with pytest.raises(SessionExpiredError, match="refused the sign-in"):
            await drive(client.users.get_profile)
    assert server.ledger["login"] == 2
    assert any(seconds > 0.3 for seconds in server.clock.slept)
    vault.account["password"] = ACCOUNT["password"]
    assert (await drive(client.users.get_profile)).email == "ada@example.com"


@pytest.mark.parametrize("account", [None, {"user": "ada"}, 5])
async def test_missing_credentials_leave_the_session_as_it_is(drive: Drive, server: Server, account: Any) -> None:
    def credentials() -> Any:
        if account is None:
            raise OSError("the vault says correct horse battery staple")
        return account

    client = opened(drive, server, ANEW, credentials=credentials)
    with pytest.raises(RefreshUnavailableError, match="credentials="):
        await drive(client.users.get_profile)
    assert server.ledger["login"] == 0


async def test_an_account_that_changes_is_another_user(drive: Drive) -> None:
    jwts, vault = FakeAuthServer(contract=ANEW), Vault()
    for email in ("ada@example.com", "bob@example.com"):
        jwts.add_user(email)
    client = opened(drive, jwts, ANEW, credentials=vault)
    await drive(client.users.get_profile)
    vault.account["email"] = "bob@example.com"
    jwts.clock.advance(301)
    with pytest.raises(NotSignedInError, match="Another user"):  # begun as ada, never sent as bob
        await drive(client.users.get_profile)
    assert (await drive(client.users.get_profile)).email == "bob@example.com"


def test_credentials_are_refused_where_the_contract_has_no_use_for_them() -> None:
    with pytest.raises(ConfigurationError, match="renew: signIn"):
        opened(_THREADS, FakeAuthServer(), contract(), credentials=partial(dict, **ACCOUNT))


async def test_without_credentials_the_session_ends_with_its_token(drive: Drive, server: Server) -> None:
    client = opened(drive, server, ANEW)
    client.session.sign_in(server.issue())
    server.clock.advance(301)
    with pytest.raises(SessionExpiredError):
        await drive(client.users.get_profile)


AHEAD = contract(
    request={"encoding": "none", "refresh_token": None, "access_token": Place("bearer")},
    response={"refresh_token": None, "absent": "none"},
    renew="ahead",
)


class Stepped(VirtualClock):
    """A clock whose sleepers wait until the test lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep, self._tick = threading.Semaphore(0), threading.Semaphore(0)

    def sleep(self, seconds: float, closing: Closing) -> bool:
        self.asleep.release()
        while not closing.is_set():
            if self._tick.acquire(timeout=0.02):
                self.advance(seconds)
                return True
        return False

    def tick(self) -> None:
        """Let one sleeper sleep enough, once there is one."""
        assert self.asleep.acquire(timeout=10)
        self._tick.release()


def test_an_idle_session_renews_its_only_token_before_its_end_until_it_is_closed() -> None:
    clock, others = Stepped(), set(threading.enumerate())
    server = FakeAuthServer(contract=AHEAD, clock=clock)
    client = opened(_THREADS, server, AHEAD)
    client.session.sign_in(server.issue())
    for _ in range(30):
        clock.tick()
    assert clock.asleep.acquire(timeout=10)
    assert not clock.asleep.acquire(timeout=0.05)  # one thread watches, however many pairs came
    assert server.ledger["rotations"] >= 2
    assert server.ledger["expired"] == 0
    client.close()
    client.session.close()
    watchers = {thread for thread in threading.enumerate() if thread.name == "signedin-session"} - others
    for thread in watchers:
        thread.join(PATIENCE)  # it has done all, and may be on its last instructions
    assert not any(thread.is_alive() for thread in watchers)


@pytest.mark.timeout(20)
def test_a_program_ends_though_a_session_of_it_is_watched() -> None:
    program = """
from tests.auth import test_sign_in_anew as t
server = t.FakeAuthServer(contract=t.AHEAD)
client = t.opened(t._THREADS, server, t.AHEAD, clock=None)
client.session.sign_in(server.issue())
assert any(thread.name == "signedin-session" for thread in t.threading.enumerate())
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2], timeout=4 * PATIENCE)
