"""What the log says of calls: one line for each attempt, never a query value, a header or a body; and SIGNEDIN_LOG."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from signedin import APIError, Client, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signedin.testing import FakeAuthServer

    from tests.auth.driving import Drive

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


@pytest.mark.anyio
async def test_each_attempt_is_one_line(drive: Drive, server: FakeAuthServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "signedin")
    async with drive.client(server, max_retries=2) as client:
        server.fail("getProfile", "503", "lost reset", "404")
        with pytest.raises(APIError):
            await drive(client.users.get_profile)
    assert [line.replace("0.0", "N") for line in _lines(caplog)] == [
        f"GET /users/profile: {status} in N ms, attempt {number}, request id -"
        for number, status in enumerate(("503", "ReadError", "404"), start=1)
    ]


@pytest.mark.anyio
async def test_a_line_has_the_request_id_and_nothing_that_was_sent(
    drive: Drive, server: FakeAuthServer, caplog: pytest.LogCaptureFixture
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


@pytest.mark.anyio
async def test_calls_are_not_in_a_log_of_what_happens_to_sessions(
    drive: Drive, server: FakeAuthServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "signedin")
    async with drive.client(server) as client:
        await drive(client.users.get_profile)
    assert not _lines(caplog)
    assert _lines(caplog, logging.INFO)


@pytest.mark.parametrize(("value", "level"), [("debug", logging.DEBUG), (" INFO", logging.INFO)])
def test_the_environment_sets_the_log_up_once(
    server: FakeAuthServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str, level: int
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
def test_a_wrong_value_names_the_variable(server: FakeAuthServer, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SIGNEDIN_LOG", value)
    with pytest.raises(ConfigurationError, match=f"SIGNEDIN_LOG is '{value}'.*debug or info"):
        Client(server.base_url, transport=server.transport)


def test_without_the_variable_the_log_is_left_to_the_program(
    server: FakeAuthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[Any] = [LOGGER.level, *LOGGER.handlers]
    for value in (None, ""):
        monkeypatch.setenv("SIGNEDIN_LOG", value) if value is not None else monkeypatch.delenv("SIGNEDIN_LOG", False)
        Client(server.base_url, transport=server.transport)
    assert [LOGGER.level, *LOGGER.handlers] == before
