"""What is sent how often, by the server's ledger: the table of docs/calls.md, row by row, and its borders."""

from __future__ import annotations

import io
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from signedin import APIError, APIStatusError, RateLimitError, ServerError, UnauthorizedError
from signedin._answers import retry_after
from signedin._call import Budget
from signedin.testing import FakeAuthServer, VirtualClock
from signedin.timing import retry_pause
from signedin_sdk.types import Call, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.auth.driving import Drive, Server

pytestmark = pytest.mark.anyio

KEYED: dict[str, Any] = {"headers": {"Idempotency-Key": "k-1"}}
NOTHING_DONE = ["connect error", "connect timeout", "dns failure", "busy 429 without time", "busy 429 with nonsense"]
IN_DOUBT = ["408", "500", "502 html", "503", "504 html", "read timeout", "write timeout", "read error", "write error"]
IN_DOUBT += ["protocol error", "lost reset", "lost close error", "lost 502", "cut in the body", "proxy error"]
FINAL = ["404", "422", "425", "501", "520", "html", "pool timeout", "local protocol error", "lost decoding error"]
SAFE, UNSAFE = ["get", "head", "put", "delete", "options"], ["post", "patch"]


def _each(faults: list[str]) -> pytest.MarkDecorator:
    """Try every fault with a method that can be repeated and one that cannot, and every method with two faults."""
    pairs = [("get", fault) for fault in faults] + [("post", fault) for fault in faults]
    pairs += [(method, fault) for method in {*SAFE, *UNSAFE} - {"get", "post"} for fault in (faults[0], faults[-1])]
    return pytest.mark.parametrize(("method", "fault"), sorted(pairs))


def _call(method: str = "get", path: str = "/things", **kwargs: Any) -> Call[int]:
    """Return a call of an operation that the spec of the tests lacks."""
    operation = Operation(id="things", method=method, path=path, auth="required", tokens=None)

    def parse(response: httpx.Response) -> int:
        response.raise_for_status()
        assert "text/html" not in response.headers["content-type"]
        return response.status_code

    return Call(operation, {"method": method, "url": path, **kwargs}, parse, lambda _: None)


async def _sent(drive: Drive, server: Server, call: Call[int], *faults: str, **options: Any) -> int:
    """Return how often a call was sent that meets these faults."""
    async with drive.client(server, max_retries=2, **options) as client:
        server.fail("echo", *faults)
        try:
            assert await drive(client._send, call) == 200
        except APIError:
            assert server.ledger["echo"] <= len(faults)
    return server.ledger["echo"]


@pytest.mark.parametrize("colour", ["threads"])
@_each(NOTHING_DONE)
async def test_where_nothing_was_done_every_method_is_retried(
    drive: Drive, server: Server, method: str, fault: str
) -> None:
    assert await _sent(drive, server, _call(method), fault) == 2


@pytest.mark.parametrize("colour", ["asyncio"])
@_each(IN_DOUBT)
async def test_where_it_may_have_been_done_only_what_can_be_done_twice_is_retried(
    drive: Drive, server: Server, method: str, fault: str
) -> None:
    assert await _sent(drive, server, _call(method), fault) == 1 + (method in SAFE)


@pytest.mark.parametrize("colour", ["threads"])
@pytest.mark.parametrize("fault", FINAL)
async def test_what_another_attempt_would_not_change_is_not_retried(drive: Drive, server: Server, fault: str) -> None:
    assert await _sent(drive, server, _call(), fault) == 1


@pytest.mark.parametrize("fault", ["503", "lost reset"])
async def test_with_an_idempotency_key_every_method_is_retried_with_the_same_key(
    drive: Drive, server: Server, fault: str
) -> None:
    assert await _sent(drive, server, _call("post", **KEYED), fault) == 2
    async with drive.client(server, max_retries=2) as client:
        server.fail("echo", fault, fault)
        await drive(client.with_options(idempotency_key="k-2")._send, _call("post", **KEYED))
        assert [request.headers["idempotency-key"] for request in client.wire.sent_to("/things")] == ["k-2"] * 3


async def test_a_key_is_made_for_each_call_where_the_spec_has_one_and_an_argument_replaces_it(
    drive: Drive, server: Server
) -> None:
    async with drive.client(server, max_retries=2) as client:
        server.fail("refreshToken", "lost reset")
        first = await drive(client.auth.refresh_token, refresh_token=client.session.tokens.refresh_token)
        second = await drive(client.auth.refresh_token, refresh_token=first.refresh_token)
        await drive(client.auth.refresh_token, refresh_token=second.refresh_token, idempotency_key="mine")
        keys = [request.headers["idempotency-key"] for request in client.wire.refreshes]
        assert keys[0] == keys[1] != keys[2]
        assert keys[3] == "mine"
        assert (server.ledger["rotations"], server.ledger["grace"]) == (3, 1)


async def test_after_the_last_retry_the_outcome_is_the_callers(drive: Drive, server: Server) -> None:
    async with drive.client(server, max_retries=2) as client:
        server.fail("getProfile", "503", "connect error", "503", "503")
        with pytest.raises(ServerError, match=r"This was attempt 3\."):
            await drive(client.users.get_profile)
        assert server.ledger["getProfile"] == 3
        with pytest.raises(ServerError) as error:
            await drive(client.with_options(max_retries=0).users.get_profile)
        assert "attempt" not in str(error.value)
        assert server.ledger["getProfile"] == 4


async def test_a_replay_after_an_expiry_is_no_retry(drive: Drive, server: Server) -> None:
    async with drive.client(server, max_retries=1) as client:
        server.fail("getProfile", "503", "401 expired")  # attempt 1; attempt 2, which is replayed
        await drive(client.users.get_profile)
        assert (server.ledger["getProfile"], server.ledger["refreshToken"]) == (3, 1)
        server.fail("getProfile", "401 expired", "503", "401 expired")
        await drive(client.users.get_profile)
        assert (server.ledger["getProfile"], server.ledger["refreshToken"]) == (3 + 4, 3)


async def test_a_401_and_a_failed_refresh_are_not_retried(drive: Drive, server: Server) -> None:
    async with drive.client(server, max_retries=2) as client:
        server.fail("getProfile", "401")
        with pytest.raises(UnauthorizedError):
            await drive(client.users.get_profile)
        assert server.ledger["getProfile"] == 1
        server.expire_access_tokens()
        server.fail("refreshToken", *["500"] * 3)
        with pytest.raises(Exception, match="refresh"):
            await drive(client.users.get_profile)
        assert (server.ledger["getProfile"], server.ledger["refreshToken"]) == (2, 3)


async def test_a_body_that_can_be_sent_only_once_is_sent_once(drive: Drive, server: Server) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"once"

    async def achunks() -> Any:
        yield b"once"

    content = achunks() if drive.is_async else chunks()
    assert await _sent(drive, server, _call("put", content=content), "connect error") == 1


@pytest.mark.parametrize("colour", ["threads"])
async def test_a_file_is_sent_again_from_where_it_stood(drive: Drive, server: Server) -> None:
    file = io.BytesIO(b"header and content")
    file.seek(11)
    async with drive.client(server, max_retries=2) as client:
        server.fail("echo", "503", "503")
        await drive(client._send, _call("put", content=file))
        assert [request.content for request in client.wire.requests] == [b"content"] * 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("retry-after", "7")], 7),
        ([("retry-after", "1.5")], 1.5),
        ([("retry-after-ms", "250")], 0.25),
        ([("retry-after", "Thu, 01 Jan 1970 00:01:40 GMT")], 50),  # now: 50 s after the epoch
        ([("retry-after", "Thu, 01 Jan 1970 00:01:40 GMT"), ("date", "Thu, 01 Jan 1970 00:01:30 GMT")], 10),
        ([("retry-after", "Thu, 01 Jan 1970 00:01:40 -0000")], 50),
        ([("retry-after", "Thu, 01 Jan 1970 00:00:10 GMT")], 0),  # past
        ([("retry-after", "1"), ("retry-after", "3")], 3),
        ([("retry-after", "31536000")], 31_536_000),
        ([("retry-after", "9" * 400)], 366 * 86_400),
        ([("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], 366 * 86_400),
    ]
    + [
        ([("retry-after", text)], None)
        for text in ("-1", "1e9", "nan", "inf", "", "soon", "\u0661", "1, 2", "Thu, 99 Foo 1970", "0x10", "1_0")
    ],
)
def test_a_time_that_a_server_asks_for_is_bounded_and_garbage_is_none(
    headers: list[tuple[str, str]], seconds: float | None
) -> None:
    raw = [(name.encode(), value.encode("utf-8")) for name, value in headers]
    assert retry_after(httpx.Headers(raw), now=50.0) == seconds


def test_a_pause_is_random_below_a_bound_that_doubles_and_never_shorter_than_asked() -> None:
    assert [retry_pause(n, None, 1.0) for n in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert retry_pause(5, None, 0.0) == 0.0
    assert retry_pause(10**9, None, 1.0) == 8.0
    assert retry_pause(0, 30.0, 0.0) == 30.0
    assert 30.0 < retry_pause(0, 30.0, 1.0) <= 33.0


async def test_the_time_that_the_server_asks_for_is_waited_out(drive: Drive, server: Server) -> None:
    async with drive.client(server, max_retries=2) as client:
        server.fail("getProfile", "busy 429", "busy 503")
        await drive(client.users.get_profile)
        assert [2 <= seconds <= 2.2 for seconds in server.clock.slept] == [True, True]


@pytest.mark.parametrize(("fault", "seconds"), [("busy for an hour", 3600), ("busy for ever", 31_622_400)])
async def test_more_than_a_minute_is_not_waited_for_and_the_error_says_how_long(
    drive: Drive, server: Server, fault: str, seconds: int
) -> None:
    async with drive.client(server, max_retries=2) as client:
        server.fail("getProfile", fault)
        with pytest.raises(ServerError, match=f"asks to wait for {seconds} s") as error:
            await drive(client.users.get_profile)
        assert error.value.retry_after == timedelta(seconds=seconds)
        assert error.value.message == "Unavailable." or "ever" in fault
        assert server.ledger["getProfile"] == 1
        assert server.clock.slept == []


async def test_a_total_outage_is_met_with_at_most_a_tenth_more_requests(drive: Drive, server: Server) -> None:
    async with drive.client(server, max_retries=2, clock=_Still()) as client:
        views = [client, client.with_options(timeout=3), client.with_options(max_retries=5)]
        server.fail("getProfile", *["503"] * 1000)
        for number in range(100):
            with pytest.raises(ServerError):
                await drive(views[number % 3].users.get_profile)
        assert server.ledger["getProfile"] == 110
        with pytest.raises(ServerError, match="Not retried: too many calls of this client fail"):
            await drive(client.users.get_profile)


async def test_calls_that_work_bring_retries_back(drive: Drive, server: Server) -> None:
    async with drive.client(server, max_retries=10, clock=_Still()) as client:
        server.fail("getProfile", *["503"] * 11)
        with pytest.raises(ServerError):
            await drive(client.users.get_profile)
        for _ in range(10):
            await drive(client.users.get_profile)
        server.fail("getProfile", "503")
        await drive(client.users.get_profile)


class _Still(VirtualClock):
    """Time stands still, so that the budget grows by nothing but what works."""

    def advance(self, seconds: float) -> None:
        """Do nothing."""


def test_the_budget_grows_with_what_works_and_with_time_up_to_where_it_began() -> None:
    budget = Budget()
    assert [budget.spend(5.0) for _ in range(11)] == [True] * 10 + [False]
    for _ in range(10):
        budget.earn()
    assert [budget.spend(5.0), budget.spend(5.0)] == [True, False]
    assert [budget.spend(66.0), budget.spend(66.0)] == [True, False]
    for _ in range(1000):
        budget.earn()
    assert [budget.spend(1e9) for _ in range(11)] == [True] * 10 + [False]


@pytest.mark.parametrize("trouble", ["429", "connect error"])
async def test_a_post_that_was_redirected_is_not_sent_twice(drive: Drive, trouble: str) -> None:
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url.path}")
        if request.url.path.endswith("/things"):
            return httpx.Response(303, headers={"location": "/done"})
        if trouble == "429":
            return httpx.Response(429, request=request)
        raise httpx.ConnectError("refused", request=request)

    server = FakeAuthServer()
    options: dict[str, Any] = {"transport": httpx.MockTransport(handle), "follow_redirects": True, "max_retries": 2}
    async with drive.client(server, **options) as client:
        with pytest.raises(APIError):
            await drive(client._send, _call("post"))
    assert seen == ["POST /api/v1/things", "GET /done"]


class _Stuck(VirtualClock):
    """Sleeps until the caller is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep, self.awake = threading.Event(), threading.Event()

    def sleep(self, seconds: float, closing: Any) -> bool:  # noqa: ARG002 -- a Clock's
        self.asleep.set()
        ended = closing.wait(10)
        self.awake.set()
        return not ended


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
async def test_a_call_that_is_cancelled_in_a_pause_leaves_nothing_behind(drive: Drive) -> None:
    server = FakeAuthServer(clock=(clock := _Stuck()))
    async with drive.client(server, max_retries=2) as client:
        server.fail("getProfile", "503")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.users.get_profile)
            await drive.aside(clock.asleep.wait, 10)
            tasks.cancel_scope.cancel()
        assert await drive.aside(clock.awake.wait, 10)
        await drive(client.users.get_profile)
        assert server.ledger["getProfile"] == 2


@pytest.mark.parametrize("colour", ["threads"])
async def test_an_interrupt_in_a_pause_ends_the_call_and_the_next_one_works(drive: Drive) -> None:
    class Interrupted(VirtualClock):
        def sleep(self, seconds: float, closing: Any) -> bool:  # noqa: ARG002 -- a Clock's
            raise KeyboardInterrupt

    server = FakeAuthServer(clock=Interrupted())
    async with drive.client(server, max_retries=2) as client:
        server.fail("getProfile", "503")
        with pytest.raises(KeyboardInterrupt):
            client.users.get_profile()
        client.users.get_profile()
        assert server.ledger["getProfile"] == 2


@pytest.mark.parametrize("colour", ["threads"])
async def test_a_pause_ends_with_its_client_and_the_outcome_is_the_callers(drive: Drive) -> None:
    server = FakeAuthServer(clock=(clock := _Stuck()))
    async with drive.client(server, max_retries=2) as client:
        server.fail("getProfile", "503")
        async with drive.under_way(client.users.get_profile) as outcomes:
            await drive.aside(clock.asleep.wait, 10)
            await drive.aside(client.close)
        assert isinstance(outcomes[0], ServerError)


async def test_without_a_time_a_429_is_a_typed_error_with_none(drive: Drive, server: Server, client: Any) -> None:
    server.fail("getProfile", "busy 429 without time", "busy 429")
    with pytest.raises(RateLimitError) as error:
        await drive(client.users.get_profile)
    assert error.value.retry_after is None
    with pytest.raises(APIStatusError) as late:
        await drive(client.users.get_profile)
    assert late.value.retry_after == timedelta(seconds=2)
