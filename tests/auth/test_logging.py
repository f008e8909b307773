"""What the log says of calls: one line for each attempt, never a query value, a header or a body; and SIGNEDIN_LOG."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from signedin import APIError, Client, ConfigurationError, MemoryStore

from tests.auth.driving import Waiters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.auth.driving import Drive, Server

pytestmark = pytest.mark.anyio

LOGGER = logging.getLogger("signedin")


@pytest.fixture(autouse=True)
def logger_as_before() -> Iterator[None]:
    """Take back what a test sets up for the whole process."""
    level, handlers = LOGGER.level, LOGGER.handlers[:]
    yield
    LOGGER.setLevel(level)
    LOGGER.handlers[:] = handlers


def _lines(caplog: pytest.LogCaptureFixture, level: int = logging.DEBUG) -> list[str]:
    return [record.getMessage() for record in caplog.records if (record.name, record.levelno) == ("signedin", level)]


async def test_each_attempt_is_one_line(drive: Drive, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "signedin")
    async with drive.client(server, max_retries=2) as client:
        server.fail("getProfile", "503", "lost reset", "404")
        with pytest.raises(APIError):
            await drive(client.users.get_profile)
    assert [line.replace("0.0", "N") for line in _lines(caplog)] == [
        f"GET /users/profile: {status} in N ms, attempt {number}, request id -"
        for number, status in enumerate(("503", "ReadError", "404"), start=1)
    ]


async def test_a_line_has_the_request_id_and_nothing_that_was_sent(
    drive: Drive, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "signedin")
    transport = httpx.MockTransport(
        lambda _: httpx.Response(403, json={"message": "s3cret"}, headers={"x-request-id": "r-1" + "x" * 999})
    )
    async with drive.client(server, transport=transport) as client:
        view = client.with_options(headers={"x-key": "s3cret"}, idempotency_key="s3cret")
        with pytest.raises(APIError):
            await drive(view.auth.login, email="s3cret", password="s3cret")
    [line] = _lines(caplog)
    assert line.startswith("POST /auth/login: 403 in ")
    assert ", request id r-1x" in line
    assert len(line) < 300
    assert "s3cret" not in line


@pytest.mark.parametrize(
    ("fault", "outcome"), [("", "refreshed"), ("400", "SessionExpiredError"), ("500", "RefreshUnavailableError")]
)
async def test_each_refresh_is_one_line_with_its_reason_its_outcome_and_who_waited(
    drive: Drive, server: Server, caplog: pytest.LogCaptureFixture, fault: str, outcome: str
) -> None:
    caplog.set_level(logging.DEBUG, "signedin")
    async with drive.client(server) as client:
        server.expire_access_tokens()
        gate, waiters = server.hold("refreshToken"), Waiters(client.session)
        server.fail("refreshToken", *[fault] * 9 if fault else [])
        async with drive.under_way(client.users.get_profile, 3):
            await drive.aside(waiters.wait_for, 3)
            gate.release()
        await drive.close(client.session)
        key = client.session.key
    [line] = [line for line in _lines(caplog) if " refresh (" in line]
    assert re.fullmatch(rf"{key}: refresh \(rejected\): {outcome} in \d+\.\d ms, 3 waiting", line)


async def test_a_refreshs_line_has_its_reason(drive: Drive, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "signedin")
    store = MemoryStore()
    async with drive.client(server, store=store) as client, drive.client(server, store=store, signed_in=False) as other:
        await drive(other.users.get_profile)  # adopts what the first has stored
        await drive.refresh(client.session)
        server.clock.advance(server.access_ttl * 0.9)
        await drive(client.users.get_profile)
        await drive.close(client.session)
        server.clock.advance(server.access_ttl * 2)
        await drive(client.users.get_profile)
        for each in (client, other):
            await drive.close(each.session)
    lines = [line.partition(" refresh (")[2].rpartition(" in ")[0] for line in _lines(caplog) if " refresh (" in line]
    assert lines == [
        "no pair in hand): adopted",
        "demanded): refreshed",
        "expires soon): refreshed",
        "expired): refreshed",
    ]


async def test_calls_are_not_in_a_sessions_log(drive: Drive, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "signedin")
    async with drive.client(server) as client:
        await drive(client.users.get_profile)
    assert not _lines(caplog)
    assert _lines(caplog, logging.INFO)


@pytest.mark.parametrize(("value", "level"), [("debug", logging.DEBUG), (" INFO", logging.INFO)])
def test_the_environment_sets_the_log_up_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str, level: int
) -> None:
    monkeypatch.setenv("SIGNEDIN_LOG", value)
    for _ in range(2):
        client = Client(server.base_url, transport=server.transport)
    client.session.sign_in(server.issue())
    client.users.get_profile()
    errors = capsys.readouterr().err.splitlines()
    assert LOGGER.level == level
    assert len(errors) == 1 + (level == logging.DEBUG)
    assert "signedin INFO" in errors[0]


@pytest.mark.parametrize("value", ["verbose", "1", "warning"])
def test_a_wrong_value_names_the_variable(server: Server, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SIGNEDIN_LOG", value)
    with pytest.raises(ConfigurationError, match=f"SIGNEDIN_LOG is '{value}'.*debug or info"):
        Client(server.base_url, transport=server.transport)


def test_without_the_variable_the_log_is_left_to_the_program(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    before: list[Any] = [LOGGER.level, *LOGGER.handlers]
    for value in (None, ""):
        monkeypatch.setenv("SIGNEDIN_LOG", value) if value is not None else monkeypatch.delenv("SIGNEDIN_LOG", False)
        Client(server.base_url, transport=server.transport)
    assert [LOGGER.level, *LOGGER.handlers] == before
