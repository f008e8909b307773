"""The application driven by hand, without a server: what becomes of one request, message by message."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from signedin_backend import Settings
from signedin_backend.edge import Edge
from signedin_backend.journal import Journal
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.backend import running
from tests.backend.running import Served
from tests.contract import check_response

HOST = (b"host", b"localhost")
LOGIN = "/api/v1/auth/login"


@dataclass
class Exchange:
    """One request whose body comes from `parts`; the answer's messages, as far as they were sent."""

    parts: Callable[[], AsyncIterator[Message]]
    headers: list[tuple[bytes, bytes]] = field(default_factory=lambda: [HOST, (b"content-type", b"application/json")])
    sent: list[Message] = field(default_factory=list)

    def run(self, app: ASGIApp) -> int:
        """Drive the application to its end; return the status, having checked the whole answer."""
        anyio.run(self._run, app)
        start, *body = self.sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        check_response("POST", LOGIN, start["status"], headers, b"".join(part["body"] for part in body))
        return int(start["status"])

    async def _run(self, app: ASGIApp) -> None:
        parts = self.parts()

        async def send(message: Message) -> None:
            self.sent.append(message)

        await app(self._scope(), lambda: anext(parts), send)

    def _scope(self) -> Scope:
        path = {"path": LOGIN, "raw_path": LOGIN.encode(), "query_string": b"", "root_path": ""}
        return {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "headers": self.headers,
            **path,
        }


async def nothing() -> AsyncIterator[Message]:
    yield {"type": "http.request", "body": b"", "more_body": False}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    caplog.set_level(logging.INFO, "signedin_backend")
    return lambda: running.lines(caplog)


def edge(app: ASGIApp, *, trusted: str = "localhost") -> Edge:
    return Edge(app, journal=Journal(Settings()), settings=Settings(trusted_hosts=(trusted,)))


async def fine(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as a login does."""
    await JSONResponse({"accessToken": "a", "refreshToken": "r"})(scope, receive, send)


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
def test_an_answer_that_broke_off_is_ended_and_logged_as_broken(
    lines: Callable[[], list[dict[str, Any]]], error: type[BaseException]
) -> None:
    async def half(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise error

    exchange = Exchange(nothing)
    # The server closes the connection then, and nothing else tells a client that this was not all.
    with pytest.raises(error):
        exchange.run(edge(half))
    assert [message["type"] for message in exchange.sent] == ["http.response.start", "http.response.body"]
    *failures, line = lines()
    assert [failed["event"] for failed in failures] == ["failed"] * (error is RuntimeError)
    assert (line["event"], line["status"], line["broken"]) == ("request", 200, True)
    assert {failed["request_id"] for failed in failures} <= {line["request_id"]}


def test_a_whole_answer_is_not_logged_as_broken(lines: Callable[[], list[dict[str, Any]]]) -> None:
    assert Exchange(nothing).run(edge(fine)) == 200
    (line,) = lines()
    assert "broken" not in line


@pytest.mark.parametrize(
    ("hosts", "status"), [([], 400), ([HOST], 200), ([HOST, HOST], 400), ([HOST, (b"host", b"evil.example")], 400)]
)
def test_a_request_names_one_host_whatever_its_server(hosts: list[tuple[bytes, bytes]], status: int) -> None:
    assert Exchange(nothing, hosts).run(edge(fine)) == status


@pytest.mark.parametrize(
    ("pieces", "ended", "taken"), [(1_000, False, 64 + 1), (63, True, 63)], ids=["far", "somewhat"]
)
def test_a_body_over_the_limit_is_read_only_if_its_end_is_near(
    shared: Served, pieces: int, *, ended: bool, taken: int
) -> None:
    seen: list[bool] = []

    async def large() -> AsyncIterator[Message]:
        for _ in range(pieces):
            seen.append(False)
            yield {"type": "http.request", "body": b"x" * shared.settings.body_limit, "more_body": True}
        seen.append(True)
        yield {"type": "http.request", "body": b"", "more_body": False}

    assert Exchange(large).run(shared.app) == 413
    assert (seen.count(False), seen[-1]) == (taken, ended)


def test_a_client_that_leaves_in_its_body_is_no_failure(
    shared: Served, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    async def aborted() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": b"{", "more_body": True}
        yield {"type": "http.disconnect"}

    assert Exchange(aborted).run(shared.app) == 400
    (line,) = lines()
    assert (line["event"], line["level"], line["status"]) == ("request", "info", 400)


def test_a_path_is_only_read_out_of_a_target_that_the_server_passes_whole() -> None:
    """Another server may know no raw path, or take the authority off itself; then Host is what counts."""
    seen: list[tuple[str, str]] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope["path"], Request(scope).headers["host"]))
        await Response(status_code=204)(scope, receive, send)

    async def run(raw: bytes | None) -> None:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/x", "headers": [HOST], **({"raw_path": raw} if raw else {})}
        await edge(note, trusted="*")(scope, nothing().__anext__, send)

    for raw in (None, b"/x", b"http://a.example/b%20c"):
        anyio.run(run, raw)
    assert seen == [("/x", "localhost"), ("/x", "localhost"), ("/b c", "a.example")]
