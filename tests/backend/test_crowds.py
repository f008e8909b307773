"""Many connections: whoever is silent, slow or deaf keeps nobody else out."""

import asyncio
import json
import resource
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from signedin_backend import Settings
from signedin_backend.connections import Gate, Seldom, hush, room
from signedin_backend.protocol import Protocol

from tests.backend.running import PASSWORD, Serve, Served, ask, checked, connected, impatient, lines, receive
from tests.backend.work import hashing_held
from tests.servers import backend, workers

SILENT = b""
IN_THE_HEAD = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: local"
IN_THE_BODY = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{"
PROFILE = b"GET /api/v1/users/profile HTTP/1.1\r\nHost: localhost\r\n\r\n"
DESCRIPTORS = 256


@contextmanager
def crowd(base_url: str, count: int, payload: bytes) -> Iterator[list[socket.socket]]:
    """Open so many connections that say so much and no more."""
    with ExitStack() as stack:
        peers = []
        for _ in range(count):
            peers.append(stack.enter_context(connected(base_url)))
            peers[-1].sendall(payload)
        yield peers


@pytest.fixture
def _descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def narrow(pid: int) -> None:
    """Leave a process few descriptors, and a chance to get no more."""
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def assert_served(base_url: str) -> None:
    assert ask(base_url.removesuffix("/api/v1") + "/healthz").status_code == 200
    with checked(base_url, timeout=20) as client:
        body = {"email": "ada@example.com", "password": PASSWORD}
        assert client.post("/auth/register", json=body).status_code == 200
        assert client.post("/auth/login", json=body).status_code == 200


@pytest.mark.usefixtures("_descriptors")
@pytest.mark.parametrize("payload", [SILENT, IN_THE_BODY], ids=["silent", "in the body"])
def test_a_thousand_peers_that_say_nothing_more_keep_nobody_out_and_fill_no_log(tmp_path: Path, payload: bytes) -> None:
    with backend(tmp_path, checked=False) as server:
        narrow(server.process.pid)
        with crowd(server.base_url, 1_000, payload):
            assert_served(server.base_url)
        log = [json.loads(line)["event"] for line in server.log.read_text().splitlines()]
    assert log.count("fewer connections than configured: the system gives too few descriptors") == 1
    assert len(log) < 20 + 1_000 * (payload == IN_THE_BODY)  # A request that was begun is logged once.


@pytest.mark.usefixtures("_descriptors")
def test_they_keep_nobody_out_of_several_workers_with_this_protocol_either(tmp_path: Path) -> None:
    with workers(tmp_path, 2, database=f"sqlite:///{tmp_path / 'x.db'}") as running:
        for worker in children(running.process.pid):
            narrow(worker)
        with crowd(running.base_url, 1_000, SILENT):
            assert_served(running.base_url)
        assert len(running.log.read_text().splitlines()) < 60


def test_whoever_was_waited_for_longest_goes_first_and_who_had_an_answer_after_the_silent(serve: Serve) -> None:
    served = serve(connections=16)
    served.client.close()
    with crowd(served.base_url, 1, PROFILE) as guests, crowd(served.base_url, 15, SILENT) as silent:
        assert receive(guests[0], "/users/profile", method="GET").status == 401
        with crowd(served.base_url, 5, PROFILE) as more:
            for gone in silent[:5]:
                assert gone.recv(1) == b""
            for one in more:
                assert receive(one, "/users/profile", method="GET").status == 401
        silent[5].setblocking(False)
        with pytest.raises(BlockingIOError):
            silent[5].recv(1)
        guests[0].sendall(PROFILE)
        assert receive(guests[0], "/users/profile", method="GET").status == 401


def test_where_everybody_waits_for_an_answer_the_next_one_gets_a_retry_after(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(connections=16, hash_threads=16)
    served.pair()
    served.client.close()

    def login() -> int:
        with checked(served.base_url) as client:
            return client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD}).status_code

    with ThreadPoolExecutor(16) as pool:
        with hashing_held(monkeypatch) as wait:
            logins = [pool.submit(login) for _ in range(16)]
            wait(16)
            for _ in range(5):
                with crowd(served.base_url, 1, SILENT) as (peer,):
                    answer = receive(peer)
                    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
                    assert peer.recv(1) == b""
        assert {done.result(30) for done in logins} == {200}
    assert 1 <= len(lines(caplog, "no room for another connection")) < 5


def test_a_head_has_less_time_than_a_connection_may_be_idle(serve: Serve) -> None:
    served = serve(head_seconds=1)
    with crowd(served.base_url, 1, PROFILE) as (idle,), crowd(served.base_url, 1, SILENT) as (silent,):
        assert receive(idle, "/users/profile", method="GET").status == 401
        assert silent.recv(1) == b""
        # The other was idle for longer than that, and may begin another request, but not be slow with it.
        idle.sendall(PROFILE)
        assert receive(idle, "/users/profile", method="GET").status == 401
        idle.sendall(IN_THE_HEAD)
        assert idle.recv(1) == b""


def test_a_peer_that_does_not_read_its_answers_is_closed(served: Served) -> None:
    with impatient(served) as (server, peer):
        peer.sendall(PROFILE)
        assert receive(peer, "/users/profile", method="GET").status == 401
        (protocol,) = server.server_state.connections
        assert isinstance(protocol, Protocol)
        # As the transport does when its buffer is full; filling the kernel's would take megabytes.
        protocol.loop.call_soon_threadsafe(protocol.pause_writing)
        peer.sendall(PROFILE)
        assert peer.recv(1) == b""


class Peer:
    """A connection."""

    def __init__(self) -> None:
        self.closed = False

    def give_way(self) -> None:
        self.closed = True


def test_a_connection_that_waits_for_us_is_never_the_one_that_goes() -> None:
    gate, (busy, idle, late, last) = Gate(2), (Peer(), Peer(), Peer(), Peer())
    for one in (busy, idle):
        assert gate.enter(one)
        gate.work_for(one)
    gate.wait_for(idle)
    assert gate.enter(late)
    assert (busy.closed, idle.closed, late.closed) == (False, True, False)
    gate.work_for(late)
    assert not gate.enter(last)
    gate.leave(last)
    gate.leave(late)
    assert len(gate) == 1
    assert gate.enter(last)


def test_a_failure_to_accept_is_logged_once_a_second_with_how_often_it_was(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(context: dict[str, Any]) -> None:
        hush(loop := asyncio.get_running_loop())
        for _ in range(1_000):
            loop.call_exception_handler(context)

    error = OSError(24, "Too many open files")
    asyncio.run(fail({"message": "socket.accept() out of system resource", "exception": error}))
    (record,) = caplog.records
    assert (record.message, cast("Any", record).fields["reason"]) == ("no connection can be accepted", error.strerror)
    caplog.clear()
    asyncio.run(fail({"message": "something else", "exception": ValueError()}))
    assert len(caplog.records) == 1_000


def test_what_is_logged_seldom_is_counted_meanwhile(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    seldom = Seldom("crowded", lambda: now[0])
    for now[0] in (100.0, 100.5, 100.9, 101.0, 102.5):
        seldom.warn()
    assert [cast("Any", record).fields["times"] for record in caplog.records] == [1, 3, 1]


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "gets", "requested"),
    [
        (1_024, 1_000_000, 4_096, 4_096, 4_224),
        (1_024, 1_024, 4_096, 896, 1_024),
        (100_000, 100_000, 4_096, 4_096, None),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 4_096, 4_096, None),
        (1_024, resource.RLIM_INFINITY, 4_096, 4_096, 4_224),
        (64, 64, 4_096, 16, 64),
    ],
)
def test_the_limit_of_descriptors_is_raised_to_what_connections_need(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, wanted: int, gets: int, requested: int | None
) -> None:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits))
    assert room(Settings(connections=wanted)) == gets
    assert set_to == ([] if requested is None else [(requested, hard)])
