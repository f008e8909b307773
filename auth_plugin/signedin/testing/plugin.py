"""pytest fixtures: a fake auth server, and clients that are signed in to it. pytest loads them by itself.

For another API's client, override `signed_in_client_class` in a conftest.py.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from signedin import AsyncClient, Client
from signedin.testing.clock import VirtualClock
from signedin.testing.server import FakeAuthServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signedin import AsyncSignedInClient, SignedInClient


@pytest.fixture
def signed_in_client_class() -> type[SignedInClient]:
    """The class of `signed_in_client`."""
    return Client


@pytest.fixture
def async_signed_in_client_class() -> type[AsyncSignedInClient]:
    """The class of `async_signed_in_client`."""
    return AsyncClient


@pytest.fixture
def auth_server() -> FakeAuthServer:
    """A fake auth server with one user, on a virtual clock that starts now."""
    server = FakeAuthServer(clock=VirtualClock(time.time()))
    server.add_user()
    return server


@pytest.fixture
def auth_server_url(auth_server: FakeAuthServer) -> Iterator[str]:
    """The base URL of `auth_server` on loopback, for other processes."""
    with auth_server.listening() as url:
        yield url


@pytest.fixture
def signed_in_client(auth_server: FakeAuthServer, signed_in_client_class: type[SignedInClient]) -> Iterator[Any]:
    """A client that is signed in to `auth_server`."""
    client = signed_in_client_class(auth_server.base_url, transport=auth_server.transport, clock=auth_server.clock)
    with client:
        client.session.sign_in(auth_server.issue())
        yield client


@pytest.fixture
def async_signed_in_client(
    auth_server: FakeAuthServer, async_signed_in_client_class: type[AsyncSignedInClient]
) -> Iterator[Any]:
    """An async client that is signed in to `auth_server`, for any event loop."""
    client = async_signed_in_client_class(
        auth_server.base_url, transport=auth_server.transport, clock=auth_server.clock
    )
    client.session.sign_in(auth_server.issue())
    yield client
    anyio.run(client.aclose)
