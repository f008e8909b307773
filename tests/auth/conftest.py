"""What the behaviour suite shares: the colours and a fake server with one user, ada."""

import pytest
from signedin.testing import FakeAuthServer

from tests.auth.driving import Colour, Drive


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
def server() -> FakeAuthServer:
    """A fake auth server with one user, on a virtual clock."""
    server = FakeAuthServer()
    server.add_user()
    return server


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own sessions out of the tests."""
    for name in ("SIGNEDIN_BASE_URL", "SIGNEDIN_STORE", "SIGNEDIN_LOG"):
        monkeypatch.delenv(name, raising=False)
