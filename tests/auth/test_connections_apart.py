"""Each event loop and each process has connections of its own: nothing of one is used, closed or left by another."""

from __future__ import annotations

import asyncio
import gc
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trio
from signedin import ConfigurationError
from signedin._connections import AsyncConnections
from signedin._network import ConnectionOptions

from tests.auth.certificates import certificate
from tests.auth.counting import Counting, counting
from tests.auth.driving import PATIENCE
from tests.auth.loopback import child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def api() -> Iterator[Counting]:
    with counting() as api:
        yield api


@pytest.fixture
def http() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=AsyncConnections(), timeout=PATIENCE)


RUNS: list[Callable[..., Any]] = [lambda call, *arguments: asyncio.run(call(*arguments)), trio.run]


@pytest.mark.parametrize("run", RUNS, ids=["asyncio", "trio"])
def test_one_client_works_in_one_run_after_another_and_leaves_nothing_open(
    http: httpx.AsyncClient, api: Counting, run: Callable[..., Any]
) -> None:
    for number in range(1, 4):
        assert run(http.get, api.url).text == str(number)
        api.wait_until(lambda: not api.open)
    trio.run(http.get, api.url)
    asyncio.run(http.aclose())
    gc.collect()


@pytest.mark.parametrize("run", RUNS, ids=["asyncio", "trio"])
def test_a_run_that_ends_during_calls_closes_all(
    http: httpx.AsyncClient, api: Counting, run: Callable[..., Any]
) -> None:
    async def ends_early() -> None:
        unread = [await http.send(http.build_request("GET", api.url), stream=True) for _ in range(3)]
        assert [answer.status_code for answer in unread] == [200] * 3
        await http.get(api.url)
        raise ZeroDivisionError

    async def with_calls_under_way() -> None:
        if run is trio.run:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(http.get, f"{api.url}/held/a")
                await trio.to_thread.run_sync(api.wait_until, lambda: len(api.seen) == 1)
                await ends_early()
        call = asyncio.create_task(http.get(f"{api.url}/held/a"))
        await asyncio.to_thread(api.wait_until, lambda: len(api.seen) == 1)
        assert not call.done()
        await ends_early()

    with pytest.raises((ZeroDivisionError, BaseExceptionGroup)):
        run(with_calls_under_way)
    api.release("a")
    api.wait_until(lambda: not api.open)
    gc.collect()
    assert run(http.get, api.url).status_code == 200


def test_two_loops_at_once_do_not_meet(http: httpx.AsyncClient, api: Counting) -> None:
    numbers: list[str] = []
    both = threading.Barrier(2)

    async def calls() -> None:
        await http.get(api.url)
        both.wait(PATIENCE)
        numbers.append("".join(sorted({(await http.get(api.url)).text for _ in range(5)})))
        both.wait(PATIENCE)

    threads = [threading.Thread(target=run, args=(calls,)) for run in RUNS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(numbers) == ["1", "2"]
    api.wait_until(lambda: not api.open)


def test_closing_in_one_loop_closes_what_another_has_idle(http: httpx.AsyncClient, api: Counting) -> None:
    closed = threading.Event()

    async def other() -> None:
        await http.get(api.url)
        await asyncio.to_thread(trio.run, http._transport.aclose)
        await asyncio.to_thread(api.wait_until, lambda: not api.open)
        closed.set()

    asyncio.run(other())
    assert closed.is_set()
    with pytest.raises(ConfigurationError, match="closed"):
        asyncio.run(http._transport.handle_async_request(httpx.Request("GET", api.url)))


def test_a_loop_that_was_closed_is_forgotten_when_the_next_begins(http: httpx.AsyncClient, api: Counting) -> None:
    for _ in range(3):
        asyncio.run(http.get(api.url))
    assert len(http._transport._stacks) == 1  # type: ignore[attr-defined]


def test_a_loop_whose_generators_were_closed_gets_new_connections(http: httpx.AsyncClient, api: Counting) -> None:
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(http.get(api.url)).text == "1"
    loop.run_until_complete(loop.shutdown_asyncgens())
    with pytest.warns(ResourceWarning, match="after loop.shutdown_asyncgens"):
        assert loop.run_until_complete(http.get(api.url)).text == "2"
    loop.run_until_complete(http.aclose())
    loop.close()


def test_a_guest_trio_and_its_host_have_connections_of_their_own(http: httpx.AsyncClient, api: Counting) -> None:
    async def host() -> list[str]:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        guest: list[str] = []

        async def in_trio() -> None:
            guest.extend([(await http.get(api.url)).text for _ in range(2)])

        trio.lowlevel.start_guest_run(
            in_trio, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=lambda _: ended.set()
        )
        own = [(await http.get(api.url)).text for _ in range(2)]
        async with asyncio.timeout(PATIENCE):
            await ended.wait()
        return ["".join(sorted(set(numbers))) for numbers in (own, guest)]

    assert sorted(asyncio.run(host())) == ["1", "2"]
    api.wait_until(lambda: not api.open)


def test_outside_of_a_loop_an_async_call_says_what_it_needs(http: httpx.AsyncClient, api: Counting) -> None:
    call = http._transport.handle_async_request(httpx.Request("GET", api.url))
    with pytest.raises(ConfigurationError, match="asyncio or trio"), suppress(StopIteration):
        call.send(None)


def test_a_handshake_that_is_cancelled_leaves_no_connection(http: httpx.AsyncClient, api: Counting) -> None:
    async def cancelled() -> None:
        greeting = asyncio.Event()

        async def trace(event: str, _: object) -> None:
            if event == "connection.start_tls.started":
                greeting.set()

        url = api.url.replace("http:", "https:")  # which the server does not speak
        call = asyncio.create_task(http.get(url, extensions={"trace": trace}))
        await greeting.wait()
        await asyncio.sleep(0)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        gc.collect()

    asyncio.run(cancelled())
    api.wait_until(lambda: not api.open)
    gc.collect()


FORKS = """
import os, signal, sys, threading
import httpx
from signedin._connections import Connections
from signedin._exchange import Http

url, count = sys.argv[1], int(sys.argv[2])
Http.send = httpx.Client.send  # without a session
http = Http(None, None, Connections(), timeout=20)
busy, wrong = True, []

def keep_busy(name):
    number = 0
    while busy:
        number += 1
        path = f"/{name}-{number}"
        if http.get(url + path, headers={"x-echo": path}).headers["x-echo"] != path:
            wrong.append(path)

threads = [threading.Thread(target=keep_busy, args=(f"parent{n}",)) for n in range(6)]
for thread in threads:
    thread.start()
children = []
for child in range(count):
    http.get(url)
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        code = 1
        try:
            paths = [f"/child{child}-{n}" for n in range(3)]
            code = int([http.get(url + path, headers={"x-echo": path}).headers["x-echo"] for path in paths] != paths)
        finally:
            os._exit(code)
    children.append(pid)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
busy = False
for thread in threads:
    thread.join()
http.close()
print(set(codes), wrong)
"""

INHERITS = """
import asyncio, os, signal, sys, threading
import httpx, trio
from signedin._connections import AsyncConnections, Connections
from signedin._exchange import Http
from signedin._network import ConnectionOptions

url, colour, ca = sys.argv[1:]
options = ConnectionOptions(verify=ca)

def fork(call):
    pid = os.fork()
    if pid:
        assert os.waitpid(pid, 0)[1] == 0
        return
    code = 1
    signal.alarm(20)
    try:
        print("child", call(), flush=True)
        code = 0
    finally:
        os._exit(code)

if colour == "threads":
    Http.send = httpx.Client.send  # without a session
    http = Http(None, None, Connections(options))
    print("parent", http.get(url).text, flush=True)
    # A thread that the child does not have holds the locks at the fork.
    held, free = threading.Event(), threading.Event()
    def hold():
        with http._transport._stack._lock, http.cookies.jar._cookies_lock:
            held.set()
            free.wait(20)
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    fork(lambda: http.get(url).text)
    free.set()
    thread.join()
    print("parent", http.get(url).text, flush=True)
    http.close()
else:
    http = httpx.AsyncClient(transport=AsyncConnections(options))
    run = trio.run if colour == "trio" else lambda call: asyncio.run(call())
    async def get():
        return (await http.get(url)).text
    def in_a_thread():
        # The parent's loop, which the child inherits, still counts as running in its only thread.
        results = []
        thread = threading.Thread(target=lambda: results.append(run(get)))
        thread.start()
        thread.join()
        return results[0]
    async def main():
        print("parent", await get(), flush=True)
        fork(in_a_thread)
        print("parent", await get(), flush=True)
        await http.aclose()
    run(main)
"""


def test_children_forked_under_busy_threads_neither_hang_nor_get_anothers_answer(api: Counting) -> None:
    with child(FORKS, api.url, 20) as program:
        assert program.output() == "{0} []"


@pytest.mark.parametrize("colour", ["threads", "asyncio", "trio"])
def test_a_child_uses_and_disturbs_no_connection_of_its_parent(tmp_path: Path, colour: str) -> None:
    file = certificate(tmp_path, host="127.0.0.1", begins=0)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    # Over TLS, where a connection that is closed says so to the server.
    with counting(tls) as api, child(INHERITS, api.url, colour, file) as program:
        assert program.output().splitlines() == ["parent 1", "child 2", "parent 1"]
        api.wait_until(lambda: not api.open)


BORROWS = """
import asyncio, os, sys
import httpx
from signedin import ConfigurationError
from signedin._connections import Connections
from signedin._network import AsyncBorrowed, Borrowed

sent = []
transport = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(200))
closed = Connections()
closed.close()
http, ahttp = httpx.Client(transport=Borrowed(transport)), httpx.AsyncClient(transport=AsyncBorrowed(transport))
assert "httpcore" in sys.modules  # a child that is forked in the middle of its import would wait for ever
pid = os.fork()
if pid == 0:
    for call in (lambda: http.get("https://api.test"), lambda: asyncio.run(ahttp.get("https://api.test")),
                 lambda: closed.handle_request(httpx.Request("GET", "https://api.test"))):
        try:
            call()
        except ConfigurationError as error:
            print(error, flush=True)
    print(len(sent), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(http.get("https://api.test").status_code)
"""


def test_a_transport_of_the_users_own_and_a_closed_client_are_not_used_in_a_child() -> None:
    with child(BORROWS) as program:
        *errors, sent, parent = program.output().splitlines()
    assert ["create transport and client after the fork" in error for error in errors] == [True, True, False]
    assert "The client is closed" in errors[-1]
    assert (sent, parent) == ("0", "200")


def test_options_hide_what_may_be_secret() -> None:
    shown = repr(ConnectionOptions(proxy="http://user:secret@proxy:1", cert=("a", "b", "secret")))
    assert "secret" not in shown
