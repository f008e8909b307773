"""What the behaviour suite shares: the colours and a fake server with one user, ada."""

import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from signedin._exchange import AsyncHttp, Http

from tests.auth.driving import Colour, Drive, Server


@pytest.fixture(params=["threads", "asyncio", "trio"])
def colour(request: pytest.FixtureRequest) -> Colour:
    """In what a test's calls run."""
    colour: Colour = request.param
    return colour


@pytest.fixture
def anyio_backend(colour: Colour) -> str:
    """The loop under a test; threads need one only to be waited for."""
    return "trio" if colour == "trio" else "asyncio"


@pytest.fixture
def drive(colour: Colour) -> Drive:
    return Drive(colour)


@pytest.fixture
def server() -> Server:
    """A fake auth server with one user, on a virtual clock."""
    server = Server()
    server.add_user()
    return server


@pytest.fixture
async def client(drive: Drive, server: Server) -> AsyncIterator[Any]:
    """A client of the colour, signed in on the fake server."""
    async with drive.client(server) as client:
        yield client


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own sessions out of the tests."""
    for name in ("SIGNEDIN_BASE_URL", "SIGNEDIN_STORE", "SIGNEDIN_LOG"):
        monkeypatch.delenv(name, raising=False)


def send_by_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have httpx's client send generated calls, as where redirects are followed."""
    for ours, theirs in ((Http, httpx.Client), (AsyncHttp, httpx.AsyncClient)):
        monkeypatch.setattr(ours, "lean_send", ours.send)
        monkeypatch.setattr(ours, "lean_request", theirs.build_request)


@pytest.fixture(params=["lean", "full"])
def exchange(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with each exchange."""
    if request.param == "full":
        send_by_httpx(monkeypatch)


@pytest.fixture(autouse=os.environ.get("EXCHANGE") == "full")
def full_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the whole suite by httpx's client: EXCHANGE=full."""
    send_by_httpx(monkeypatch)
