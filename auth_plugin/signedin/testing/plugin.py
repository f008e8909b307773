"""pytest fixtures: a fake auth server, and clients that are signed in to it. pytest loads them by itself.

For another API's client, override `signed_in_client_class` in a conftest.py.
"""

from __future__ import annotations

import re
import time
from importlib import import_module
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
def auth_server(signed_in_client_class: type[SignedInClient]) -> FakeAuthServer:
    """A fake auth server with one user, by the contract of the client's class, on a virtual clock that starts now."""
    server = FakeAuthServer(contract=signed_in_client_class.api, clock=VirtualClock(time.time()))
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


# ------------------------------------------------------------------------------ cassettes, with the extra `testing`


@pytest.fixture
def signedin_cassette(request: pytest.FixtureRequest, signed_in_client_class: type[SignedInClient]) -> Iterator[Any]:
    """The test's cassette, `cassettes/<module>/<test>.yaml`: replayed, or recorded with `--record-mode=once`.

    `--record-mode=rewrite` records it anew.
    """
    mode = request.config.getoption("--record-mode", None) or "none"
    name = re.sub(r"[<>?%*:|\"'/\\]", "-", request.node.name)
    path = request.path.parent / "cassettes" / request.path.stem / f"{name}.yaml"
    if mode == "rewrite":
        path.unlink(missing_ok=True)
    record = mode != "none" and not path.exists()
    cassettes: Any = import_module("signedin.testing.cassettes")
    with cassettes.signedin_cassette(path, record=record, contract=signed_in_client_class.api) as cassette:
        yield cassette


@pytest.fixture
def signedin_vcr_config(signed_in_client_class: type[SignedInClient]) -> Iterator[dict[str, Any]]:
    """What pytest-recording's fixture `vcr_config` returns, for tests with `@pytest.mark.vcr`."""
    cassettes: Any = import_module("signedin.testing.cassettes")
    with cassettes.vcr_config(signed_in_client_class.api) as config:
        yield config
