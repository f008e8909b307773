"""The options of a call: what each does, what a view shares and costs, and that what cannot work is refused at once."""

from __future__ import annotations

import math
import sys
import time
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from signedin import APIConnectionError, APITimeoutError, Client, ConfigurationError, ServerError
from signedin._options import VERSION
from signedin._threads import SystemClock
from signedin.auth import _patience
from signedin.testing import FakeAuthServer, VirtualClock
from signedin_sdk.api.users import get_profile

from tests.auth.driving import client_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.auth.driving import Drive, Server

pytestmark = pytest.mark.anyio

PROFILE = {"id": "1", "email": "a@b.c", "createdAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-01-02T03:04:05Z"}


class _Served:
    """Answers each request by a rule, and remembers the timeouts that it came with."""

    def __init__(self, *statuses: int, seconds: float = 0.0) -> None:
        self.clock, self.statuses, self.seconds = VirtualClock(), list(statuses), seconds
        self.timeouts: list[dict[str, float]] = []
        self.requests: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        timeout = request.extensions["timeout"]
        self.timeouts.append({name: timeout.get(name) for name in ("connect", "read", "write", "pool")})
        self.requests.append(request)
        self.clock.advance(self.seconds)
        return httpx.Response(self.statuses.pop(0) if self.statuses else 200, json=PROFILE)

    def options(self, **more: Any) -> dict[str, Any]:
        return {"transport": self.transport, "clock": self.clock, "signed_in": True, **more}


async def test_views_are_composed_and_share_session_and_connections(drive: Drive, server: Server, client: Any) -> None:
    view = client.with_options(headers={"X-A": "1", "X-B": "1"}).with_options(headers={"x-b": "2"}, max_retries=1)
    assert type(view) is type(client)
    assert view.session is client.session
    assert view.http is client.http
    server.fail("getProfile", "503")
    await drive(view.users.get_profile)
    await drive(client.users.get_profile)
    sent = [[request.headers.get(name) for name in ("x-a", "x-b")] for request in client.wire.requests]
    assert sent == [["1", "2"], ["1", "2"], [None, None]]
    await drive.close(view)
    await drive(client.users.get_profile)


async def test_a_profiles_view_adds_to_the_options(drive: Drive, server: Server, client: Any) -> None:
    bob = client.with_options(headers={"x-a": "1"}).for_profile("bob")
    bob.session.sign_in(server.issue("bob@example.com"))
    view = bob.with_options(headers={"x-b": "2"})
    assert (await drive(view.users.get_profile)).email == "bob@example.com"
    assert (await drive(client.with_options().users.get_profile)).email == "ada@example.com"
    sent = [[request.headers.get(name) for name in ("x-a", "x-b")] for request in client.wire.requests]
    assert sent == [["1", "2"], [None, None]]


async def test_an_option_is_taken_back_by_none_or_by_its_default(drive: Drive, server: Server) -> None:
    served = _Served(*[503] * 2, seconds=10)
    async with drive.client(server, **served.options()) as client:
        view = client.with_options(deadline=1, idempotency_key="k", timeout=3, max_retries=9)
        back = view.with_options(deadline=None, idempotency_key=None, timeout=None, max_retries=0)
        with pytest.raises(ServerError):
            await drive(back.users.get_profile)
        assert "idempotency-key" not in served.requests[0].headers
        assert set(served.timeouts[0].values()) == {None}


def test_a_view_costs_less_than_a_kibibyte(server: Server) -> None:
    with client_on(server) as client:
        view = client.with_options(timeout=2, max_retries=0, headers={"X-Trace": "1"}, deadline=9)
        parts = (view, vars(view), view._send, view._send.options, view._send.options.headers)
        assert sum(map(sys.getsizeof, parts)) < 1024
        assert not {"auth", "users"} & set(vars(view))


def test_a_subclass_keeps_its_attributes_in_a_view(server: Server) -> None:
    class Own(Client):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.team = "blue"

    client = Own(base_url=server.base_url, transport=server.transport)
    client.users  # noqa: B018 -- a resource that is made when first used
    assert client.with_options(timeout=1).team == client.for_profile("bob").team == "blue"
    assert client.with_options(timeout=1).users is not client.users


SECRET = "s3cret"


@pytest.mark.parametrize("view", ["client", "profile", "with_options"])
@pytest.mark.parametrize(
    "options",
    [
        *({"timeout": bad} for bad in (-1, 0, math.nan, math.inf, "2", True, httpx.Timeout(5, read=-1))),
        *({"deadline": bad} for bad in (-1, 0, math.nan, math.inf, "2", True, timedelta(0), timedelta(days=-1))),
        *({"max_retries": bad} for bad in (-1, 1.0, "2", True, None)),
        *({"headers": {name: SECRET}} for name in ("", "x y", "x\n", "x:", "é", 1)),
        *({"headers": {"x": SECRET + bad}} for bad in ("\n", "\r\nx: y", "\0", "\x7f", "ā", "\ud800")),
        *({"headers": {"x": bad}} for bad in (None, 1, b"1")),
        *({"idempotency_key": bad} for bad in ("", " ", SECRET + "\n", SECRET + "ā", 1, b"k")),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_at_with_options_and_not_quoted(
    server: Server, options: dict[str, Any], view: str
) -> None:
    client = Client(server.base_url, transport=server.transport)
    client = {"client": client, "profile": client.for_profile("b"), "with_options": client.with_options()}[view]
    with pytest.raises(ConfigurationError, match=next(iter(options))) as error:
        client.with_options(**options)
    assert SECRET not in str(error.value)
    assert not server.ledger


def test_an_unknown_option_is_a_type_error(server: Server) -> None:
    client: Any = Client(server.base_url, transport=server.transport)
    with pytest.raises(TypeError, match="timeouts"):
        client.with_options(timeouts=2)
    with pytest.raises(TypeError, match="positional"):
        client.with_options(2)
    for bad in (-1, True, 2.0, None):
        with pytest.raises(ConfigurationError, match="max_retries="):
            Client(server.base_url, transport=server.transport, max_retries=bad)  # type: ignore[arg-type]


async def test_a_timeout_is_that_of_each_attempt(drive: Drive, server: Server) -> None:
    served = _Served(503)
    async with drive.client(server, **served.options(max_retries=1)) as client:
        await drive(client.with_options(timeout=httpx.Timeout(2, pool=7)).users.get_profile)
        assert served.timeouts == [{"connect": 2, "read": 2, "write": 2, "pool": 7}] * 2


async def test_a_deadline_is_over_all_attempts_and_bounds_the_timeouts_of_each(drive: Drive, server: Server) -> None:
    served = _Served(*[503] * 9, seconds=4)
    async with drive.client(server, **served.options(max_retries=9)) as client:
        with pytest.raises(ServerError, match="deadline leaves no time"):
            await drive(client.with_options(deadline=timedelta(seconds=10)).users.get_profile)
    assert len(served.timeouts) == 3
    assert served.timeouts[0] == {"connect": 5, "read": 10, "write": 10, "pool": 10}
    assert all(5 <= seconds <= 6 for seconds in served.timeouts[1].values())
    assert all(0 < seconds <= 2 for seconds in served.timeouts[2].values())


async def test_a_deadline_ends_an_answer_that_never_ends(drive: Drive, server: Server) -> None:
    clock = VirtualClock()

    class Drip(httpx.SyncByteStream, httpx.AsyncByteStream):
        closed = False

        def __iter__(self) -> Iterator[bytes]:
            while True:
                clock.advance(0.01)
                yield b" "

        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await anyio.sleep(0.01)
                yield b" "

        def close(self) -> None:
            Drip.closed = True

        async def aclose(self) -> None:
            Drip.closed = True

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Drip()))
    async with drive.client(server, transport=transport, clock=SystemClock() if drive.is_async else clock) as client:
        with pytest.raises(APITimeoutError, match=r"no answer in time.*unknown.*deadline of 0.05 s passed"):
            await drive(client.with_options(deadline=0.05).users.get_profile)
    assert Drip.closed
    assert clock.monotonic() < 1001  # where it began at 1000


@pytest.mark.parametrize("fault", ["connect timeout", "pool timeout"])
async def test_a_deadline_says_that_nothing_was_sent(drive: Drive, fault: str) -> None:
    class Late(VirtualClock):
        def monotonic(self) -> float:
            self.advance(0.4)  # so that each look at it takes its time
            return super().monotonic()

    server = FakeAuthServer(clock=Late())
    async with drive.client(server) as client:
        server.fail("getProfile", fault)
        with pytest.raises(APITimeoutError, match=r"Nothing was sent.*The deadline of 0.5 s passed"):
            await drive(client.with_options(deadline=0.5).users.get_profile)


@pytest.mark.parametrize("options", [{"deadline": 0.2}, {"timeout": 0.05}, {"timeout": 9, "deadline": 0.2}])
async def test_a_wait_for_a_refresh_is_bounded_and_the_refresh_goes_on(drive: Drive, options: dict[str, Any]) -> None:
    server = FakeAuthServer(clock=VirtualClock(time.time()))
    async with drive.client(server, clock=SystemClock()) as client:
        await drive(client.users.get_profile)  # the first call of a process takes longer
        server.expire_access_tokens()
        gate = server.hold("refreshToken")
        late = APITimeoutError if "deadline" in options else Exception
        words = r"deadline of 0.2 s passed while.*nothing" if "deadline" in options else "longer than this call may"
        with pytest.raises(late, match=words):
            await drive(client.with_options(**options).users.get_profile)
        gate.release()
        await drive(client.users.get_profile)
        assert server.ledger["refreshToken"] == 1


async def test_the_time_before_a_refresh_counts_towards_the_deadline_that_bounds_the_wait_for_it(drive: Drive) -> None:
    server = FakeAuthServer(clock=VirtualClock(time.time()))
    async with drive.client(server) as client:
        request = client._send.request(get_profile.call(), client.with_options(deadline=5.0)._send.options)
        assert _patience(request) == 5.0
        server.clock.advance(3.0)
        assert _patience(request) == 2.0


async def test_httpx_s_own_default_bounds_a_refresh_too_where_the_user_chose_it(drive: Drive) -> None:
    server = FakeAuthServer(clock=VirtualClock(time.time()))
    async with drive.client(server) as client:
        request = client._send.request(get_profile.call(), client.with_options(timeout=5.0)._send.options)
        assert request.extensions["signedin.patience"] == 5.0


async def test_the_user_agent_names_the_program_the_packages_python_and_httpx(drive: Drive, server: Server) -> None:
    python, ours = f"python/{sys.version_info[0]}.{sys.version_info[1]}", f"signedin/{VERSION} (signedin_sdk/1.0.0)"
    agent = f"{ours} {python} httpx/{httpx.__version__}"
    async with drive.client(server, app="shop/2.1") as client:
        server.expire_access_tokens()
        await drive(client.users.get_profile)
        assert {request.headers["user-agent"] for request in client.wire.requests} == {f"shop/2.1 {agent}"}
        await drive(client.with_options(headers={"User-Agent": "mine/1"}).users.get_profile)
        assert client.wire.requests[-1].headers["user-agent"] == "mine/1"
    async with drive.client(server) as client:
        await drive(client.users.get_profile)
        assert client.wire.requests[-1].headers["user-agent"] == agent


@pytest.mark.parametrize("app", ["", " ", "a\nb", "ā", 1, b"a"])
def test_a_program_s_name_that_no_header_carries_is_refused(server: Server, app: Any) -> None:
    with pytest.raises(ConfigurationError, match="app="):
        Client(server.base_url, transport=server.transport, app=app)


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION


async def test_an_outage_within_a_deadline_is_the_outage(drive: Drive, server: Server) -> None:
    async with drive.client(server, max_retries=2) as client:
        server.fail("getProfile", *["connect error"] * 3)
        with pytest.raises(APIConnectionError, match="could not connect") as error:
            await drive(client.with_options(deadline=60).users.get_profile)
        assert type(error.value) is APIConnectionError
