"""Connections: who gets which, who waits, and that none is lost, used by two, or left open; in every colour."""

from __future__ import annotations

import gc
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from signedin import ConfigurationError
from signedin._network import LEAVING, RETURNING, AsyncBorrowed, Borrowed

from tests.auth.counting import Counting, connected, counting, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.auth.driving import Drive

pytestmark = pytest.mark.anyio
ONE = httpx.Limits(max_connections=1)


@pytest.fixture
def api() -> Iterator[Counting]:
    with counting() as api:
        yield api


async def test_the_connection_that_was_used_last_is_taken_first(drive: Drive, api: Counting) -> None:
    async with connected(drive) as client, drive.under_way(lambda: client.http.get(f"{api.url}/held/a")) as first:
        await drive.aside(api.wait_until, lambda: len(api.seen) == 1)
        async with drive.under_way(lambda: client.http.get(f"{api.url}/held/b")) as second:
            await drive.aside(api.wait_until, lambda: len(api.seen) == 2)
            api.release("b")
        assert (await drive(client.http.get, api.url)).text == second[0].text == "2"
        api.release("a")
        await until(lambda: len(first) == 1)
        assert [(await drive(client.http.get, api.url)).text for _ in range(2)] == ["1", "1"]


async def test_a_connection_to_another_server_is_not_closed_for_a_call(drive: Drive, api: Counting) -> None:
    with counting() as other:
        async with connected(drive) as client:
            urls = [api.url, other.url] * 3
            assert {(await drive(client.http.get, url)).text for url in urls} == {"1"}


async def test_at_the_limit_an_idle_connection_to_another_server_makes_room(drive: Drive, api: Counting) -> None:
    with counting() as other:
        async with connected(drive, ONE) as client:
            for url in (api.url, other.url, api.url):
                await drive(client.http.get, url)
            assert len(client.stack.connections) == 1
        assert (api.total, other.total) == (2, 1)


async def test_no_more_connections_are_opened_than_the_limit(drive: Drive, api: Counting) -> None:
    async with connected(drive, httpx.Limits(max_connections=3)) as client:
        outcomes = await drive.outcomes(lambda: client.http.get(api.url), 20)
        assert {outcome.status_code for outcome in outcomes} == {200}
        assert api.total <= 3


async def test_the_first_who_waits_is_the_first_to_go(drive: Drive, api: Counting) -> None:
    async with connected(drive, ONE) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(drive, client.http.get, f"{api.url}/held/first")
        await drive.aside(api.wait_until, lambda: len(api.seen) == 1)
        for number in range(5):
            tasks.start_soon(drive, client.http.get, f"{api.url}/{number}")
            await until(lambda number=number: client.waiting == number + 1)  # type: ignore[misc]
        api.release("first")
    assert api.seen == ["/held/first", "/0", "/1", "/2", "/3", "/4"]


async def test_who_comes_back_goes_before_those_who_have_not_had_their_turn(drive: Drive, api: Counting) -> None:
    async with connected(drive, ONE) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(drive, client.http.get, f"{api.url}/held/first")
        await drive.aside(api.wait_until, lambda: len(api.seen) == 1)
        for number, extensions in enumerate(({}, {}, {RETURNING: True})):
            call = partial(client.http.get, f"{api.url}/{number}", extensions=extensions)
            tasks.start_soon(drive, call)
            await until(lambda number=number: client.waiting == number + 1)  # type: ignore[misc]
        api.release("first")
    assert api.seen == ["/held/first", "/2", "/0", "/1"]


async def test_a_request_is_told_when_it_leaves_not_when_it_begins_to_wait(drive: Drive, api: Counting) -> None:
    def leaving(request: httpx.Request) -> None:
        request.headers["x-seen-before"] = str(len(api.seen))

    async with connected(drive, ONE) as client, drive.under_way(lambda: client.http.get(f"{api.url}/held/a")):
        await drive.aside(api.wait_until, lambda: len(api.seen) == 1)
        call = lambda: client.http.get(f"{api.url}/b", extensions={LEAVING: leaving})  # noqa: E731
        async with drive.under_way(call) as outcomes:
            await until(lambda: client.waiting == 1)
            api.release("a")
        assert outcomes[0].request.headers["x-seen-before"] == "1"
        assert api.seen == ["/held/a", "/b"]


async def test_a_request_that_may_not_leave_leaves_its_connection_as_it_is(drive: Drive, api: Counting) -> None:
    def leaving(_: httpx.Request) -> None:
        raise KeyboardInterrupt

    async with connected(drive, ONE) as client:
        await drive(client.http.get, api.url)
        with pytest.raises(KeyboardInterrupt):
            await drive(client.http.get, api.url, extensions={LEAVING: leaving})
        assert (await drive(client.http.get, api.url)).text == "1"


async def test_a_patched_transport_is_used_and_its_ready_answer_keeps_no_connection(
    drive: Drive, api: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def played(*_: object) -> httpx.Response:
        return httpx.Response(201, content=b"from a cassette")

    async def aplayed(*_: object) -> httpx.Response:
        return played()

    async with connected(drive, ONE) as client:
        await drive(client.http.get, api.url)
        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", played)
        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", aplayed)
        assert [(await drive(client.http.get, api.url)).status_code for _ in range(2)] == [201, 201]
        assert len(client.stack._idle) == 1


async def test_who_waits_too_long_sends_nothing_and_leaves_the_queue(drive: Drive, api: Counting) -> None:
    async with connected(drive, ONE) as client:
        async with drive.under_way(lambda: client.http.get(f"{api.url}/held/a")):
            await drive.aside(api.wait_until, lambda: len(api.seen) == 1)
            with pytest.raises(httpx.PoolTimeout) as caught:
                await drive(client.http.get, f"{api.url}/late", timeout=httpx.Timeout(20.0, pool=0.01))
            assert caught.value.request.url.path == "/late"
            assert client.waiting == 0
            api.release("a")
        assert (await drive(client.http.get, f"{api.url}/later")).status_code == 200
    assert api.seen == ["/held/a", "/later"]


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
async def test_who_is_cancelled_in_the_queue_leaves_it(drive: Drive, api: Counting) -> None:
    async with connected(drive, ONE) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.http.get, f"{api.url}/held/a")
        await drive.aside(api.wait_until, lambda: len(api.seen) == 1)
        with anyio.CancelScope() as scope:
            tasks.start_soon(_after, until(lambda: client.waiting == 1), scope.cancel)
            await client.http.get(api.url)
        assert scope.cancelled_caught
        assert client.waiting == 0
        api.release("a")
        assert (await client.http.get(api.url)).text == "1"


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
async def test_who_is_cancelled_as_its_turn_comes_passes_the_connection_on(
    drive: Drive, api: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(drive, ONE) as client:
        response = await client.http.send(client.http.build_request("GET", api.url), stream=True)

        async def cancelled(*_: object) -> None:
            await response.aclose()
            raise ZeroDivisionError

        monkeypatch.setattr(client.stack, "wait", cancelled)
        with pytest.raises(ZeroDivisionError):
            await client.http.get(api.url)
        assert (await client.http.get(api.url)).status_code == 200


async def test_a_call_that_ends_in_an_interrupt_closes_its_connection_and_makes_room(
    drive: Drive, api: Counting
) -> None:
    def body() -> Iterator[bytes]:
        yield b"some"
        raise KeyboardInterrupt

    async def abody() -> Any:
        for chunk in body():
            yield chunk

    async with connected(drive, ONE) as client:
        content = abody() if drive.is_async else body()
        with pytest.raises(KeyboardInterrupt):
            await drive(client.http.post, api.url, content=content)
        assert len(client.stack.connections) == 0
        await drive.aside(api.wait_until, lambda: not api.open)
        assert (await drive(client.http.get, api.url)).text == "2"


async def test_an_answer_that_is_closed_unread_makes_room(drive: Drive, api: Counting) -> None:
    async with connected(drive, ONE) as client:
        for _ in range(3):
            request = client.http.build_request("GET", api.url)
            await client.close_response(await drive(client.http.send, request, stream=True))
        assert (await drive(client.http.get, api.url)).status_code == 200
        assert len(client.stack.connections) == 1


async def test_an_answer_that_is_dropped_makes_room_for_who_waits(drive: Drive, api: Counting) -> None:
    async with connected(drive, ONE) as client:
        request = client.http.build_request("GET", api.url)
        dropped = [await drive(client.http.send, request, stream=True)]
        async with drive.under_way(lambda: client.http.get(api.url)) as outcomes:
            await until(lambda: client.waiting == 1)
            dropped.clear()
            gc.collect()
        assert outcomes[0].text == "2"
        await drive.aside(api.wait_until, lambda: api.open == {2})


async def test_after_a_burst_no_more_connections_stay_idle_than_the_limit(drive: Drive, api: Counting) -> None:
    async with connected(drive, httpx.Limits(max_keepalive_connections=2)) as client:
        async with drive.under_way(lambda: client.http.get(f"{api.url}/held/a"), 12):
            await drive.aside(api.wait_until, lambda: len(api.seen) == 12)
            api.release("a")
        await drive.aside(api.wait_until, lambda: len(api.open) == 2)


async def test_idle_connections_are_closed_when_they_are_too_old(drive: Drive, api: Counting) -> None:
    now = [1000.0]
    async with connected(drive, httpx.Limits(keepalive_expiry=5.0), clock=lambda: now[0]) as client:
        async with drive.under_way(lambda: client.http.get(f"{api.url}/held/a"), 4):
            await drive.aside(api.wait_until, lambda: len(api.seen) == 4)
            api.release("a")
        now[0] += 4.0
        number = int((await drive(client.http.get, api.url)).text)  # used, and thus idle from now on
        now[0] += 4.0
        assert (await drive(client.http.get, api.url)).text == str(number)
        await drive.aside(api.wait_until, lambda: api.open == {number})


async def test_closing_refuses_who_waits_and_lets_who_has_begun_finish(drive: Drive, api: Counting) -> None:
    async with connected(drive, ONE) as client:
        close = client.connections.aclose if drive.is_async else client.connections.close
        async with drive.under_way(lambda: client.http.get(f"{api.url}/held/a")) as begun:
            await drive.aside(api.wait_until, lambda: len(api.seen) == 1)
            async with drive.under_way(lambda: client.http.get(api.url)) as waiting:
                await until(lambda: client.waiting == 1)
                await drive(close)
            assert isinstance(waiting[0], ConfigurationError)
            api.release("a")
        assert begun[0].status_code == 200
        await drive.aside(api.wait_until, lambda: not api.open)


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
async def test_closing_in_a_cancelled_scope_closes_all_connections(drive: Drive, api: Counting) -> None:
    async with connected(drive) as client:
        async with drive.under_way(lambda: client.http.get(f"{api.url}/held/a"), 3):
            await drive.aside(api.wait_until, lambda: len(api.seen) == 3)
            api.release("a")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await client.http.aclose()
        await drive.aside(api.wait_until, lambda: not api.open)


async def test_an_interrupt_while_connections_are_closed_leaves_none_open(
    drive: Drive, api: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(drive) as client:
        async with drive.under_way(lambda: client.http.get(f"{api.url}/held/a"), 3):
            await drive.aside(api.wait_until, lambda: len(api.seen) == 3)
            api.release("a")
        transport = client.stack._idle[-1].transport
        name, whole = ("aclose", transport.aclose) if drive.is_async else ("close", transport.close)

        def interrupted() -> object:
            monkeypatch.setattr(transport, name, whole)
            client.stack.dropped.append(transport)
            raise KeyboardInterrupt

        monkeypatch.setattr(transport, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            await client.close()
        await drive.aside(api.wait_until, lambda: not api.open)


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
async def test_two_may_close_at_once(drive: Drive, api: Counting) -> None:
    async with connected(drive) as client:
        await client.http.get(api.url)
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(client.connections.aclose)
        await drive.aside(api.wait_until, lambda: not api.open)


class Threads(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.headers["x-left"])

    def close(self) -> None:
        raise AssertionError("it is the user's")


class Tasks(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.headers["x-left"])

    async def aclose(self) -> None:
        raise AssertionError("it is the user's")


async def test_a_borrowed_transport_is_used_and_not_closed(drive: Drive) -> None:
    def leaving(request: httpx.Request) -> None:
        request.headers["x-left"] = "now"

    http: Any = (
        httpx.AsyncClient(transport=AsyncBorrowed(Tasks()))
        if drive.is_async
        else httpx.Client(transport=Borrowed(Threads()))
    )
    answer = await drive(http.get, "https://api.test", extensions={LEAVING: leaving})
    assert answer.text == "now"
    await drive.close(http)


class Handler:
    async def __call__(self, _: httpx.Request) -> httpx.Response:
        raise AssertionError


@pytest.mark.parametrize(
    "transport", [Tasks(), httpx.MockTransport(Handler()), httpx.MockTransport(Handler().__call__)]
)
@pytest.mark.parametrize("colour", ["threads"])
async def test_a_transport_that_is_async_only_is_refused_for_threads(transport: Any) -> None:
    with pytest.raises(ConfigurationError, match="refresh_transport"):
        Borrowed(transport)


@pytest.mark.parametrize("colour", ["asyncio"])
async def test_a_transport_for_threads_is_refused_for_tasks() -> None:
    with pytest.raises(ConfigurationError, match="not async"):
        AsyncBorrowed(Threads())


async def _after(event: Any, then: Any) -> None:
    await event
    then()
