"""pytest fixtures: a fake auth server and a client that is signed in to it. Opt in by `pytest_plugins`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from signedin import Client
from signedin.testing.server import FakeAuthServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def auth_server() -> FakeAuthServer:
    """A fake auth server with one user, on a virtual clock."""
    server = FakeAuthServer()
    server.add_user()
    return server


@pytest.fixture
def signed_in_client(auth_server: FakeAuthServer) -> Iterator[Client]:
    """A client that is signed in to `auth_server`."""
    with Client(auth_server.base_url, transport=auth_server.transport, clock=auth_server.clock) as client:
        client.session.sign_in(auth_server.issue())
        yield client
