"""`fast=True`: pyreqwest below the calls. `make fast` runs the whole suite of the auth layer on it."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from signedin import AsyncClient, Client, ConfigurationError
from signedin._connections import Connections
from signedin._fast import _rounded
from signedin._network import ConnectionOptions

from tests.auth.certificates import certificate
from tests.auth.counting import Connected, counting
from tests.auth.loopback import loopback
from tests.auth.talking import resetting, saying, silent, talking

if TYPE_CHECKING:
    import socket
    import threading
    from pathlib import Path

    from tests.auth.driving import Drive
    from tests.auth.talking import Talk

pytestmark = pytest.mark.anyio
OK = b"HTTP/1.1 200 OK\r\n"
WAYS = pytest.mark.parametrize("colour", ["threads", "asyncio"])  # in trio httpx serves


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def _connected(drive: Drive, **options: Any) -> Any:
    return Connected(drive, ConnectionOptions(fast=True, **options))


async def test_an_expired_token_is_refreshed_once_for_all_and_the_calls_are_replayed(drive: Drive) -> None:
    with loopback() as served:
        kind: Any = AsyncClient if drive.is_async else Client
        client = kind(served.base_url, fast=True, clock=served.fake.clock)
        client.session.sign_in(served.fake.issue())
        served.fake.expire_access_tokens()
        profiles = await drive.outcomes(client.users.get_profile, 20)
        assert {profile.email for profile in profiles} == {"ada@example.com"}
        assert served.fake.ledger["refreshToken"] == 1
        await drive(client.aclose if drive.is_async else client.close)


@WAYS
@pytest.mark.parametrize(
    ("talk", "error"),
    [
        (saying(b""), httpx.ReadError),
        (resetting(b""), httpx.ReadError),
        (saying(OK), httpx.ReadError),
        (saying(OK + b"content-length: 9\r\n\r\nhalf"), httpx.ReadError),
        (saying(b"SSH-2.0-OpenSSH\r\n"), httpx.RemoteProtocolError),
        (saying(OK + b"x: caf\xe9\r\ncontent-length: 0\r\n\r\n"), httpx.RemoteProtocolError),
        (silent, httpx.ReadTimeout),
    ],
    ids=["closes", "resets", "half a head", "half a body", "another protocol", "header in Latin-1", "silent"],
)
async def test_a_lost_answer_is_no_error_of_connecting(drive: Drive, talk: Talk, error: type[Exception]) -> None:
    # pyreqwest's own transports raise ConnectError and ConnectTimeout here, after which a POST would be sent again.
    with talking(talk) as url:
        client = _connected(drive)
        with pytest.raises(error) as caught:
            await drive(client.http.post, f"{url}/?secret", content=b"{}", timeout=0.3)
        assert type(caught.value) is error
        assert "secret" not in str(caught.value)
        await client.close()


@WAYS
async def test_what_was_not_sent_is_an_error_of_connecting(drive: Drive) -> None:
    with talking(silent) as url:
        secure, client = url.replace("http:", "https:"), _connected(drive)
        with pytest.raises(httpx.ConnectTimeout):
            await drive(client.http.get, secure, timeout=httpx.Timeout(20, connect=0.3))
    with pytest.raises(httpx.ConnectError):
        await drive(client.http.get, url)
    await client.close()


@WAYS
async def test_a_body_comes_as_it_is_sent(drive: Drive) -> None:
    def talk(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(OK + b"content-length: 9\r\n\r\nhalf")
        stop.wait(20)

    with talking(talk) as url:
        client = _connected(drive)
        response = await drive(client.http.send, client.http.build_request("GET", url), stream=True)
        body = aiter(response.stream) if drive.is_async else iter(response.stream)
        assert await drive(body.__anext__ if drive.is_async else body.__next__) == b"half"
        await client.close_response(response)
        await client.close()


@WAYS
@pytest.mark.parametrize("path", ["/a/%2e%2e/b", "/a/%2E./b"])
async def test_a_url_that_pyreqwest_would_change_is_refused(drive: Drive, path: str) -> None:
    with counting() as api:
        client = _connected(drive)
        with pytest.raises(httpx.UnsupportedProtocol, match="nothing was sent"):
            await drive(client.http.get, api.url + path)
        query = f"{api.url}/it's?q='%22&r=%20/"
        assert (await drive(client.http.get, query)).text == "1"
        await client.close()
        assert api.seen == ["/it's?q=%27%22&r=%20/"]


@WAYS
async def test_a_server_is_trusted_by_the_authorities_of_the_environment(
    drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path, host="127.0.0.1", begins=0, ca=False)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    tls.load_verify_locations(file)
    tls.verify_mode = ssl.CERT_REQUIRED
    with counting(tls) as api:
        client = _connected(drive)
        with pytest.raises(httpx.ConnectError):
            await drive(client.http.get, api.url)
        await client.close()
        for variable, verify in ((str(file), True), ("", False)):
            monkeypatch.setenv("SSL_CERT_FILE", variable)
            client = Connected(drive, ConnectionOptions(fast=True, verify=verify, cert=str(file)))
            assert (await drive(client.http.get, api.url)).status_code == 200
            await client.close()


def test_in_a_forked_child_httpx_serves() -> None:
    with counting() as api, httpx.Client(transport=Connections(ConnectionOptions(fast=True))) as http:
        assert http.get(api.url).text == "1"
        if not (child := os.fork()):
            status = 1
            try:
                status = int(http.get(api.url).text != "2")
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert http.get(api.url).text == "1"


@WAYS
async def test_httpxs_transport_that_a_test_has_patched_is_used(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    async def awaited(*_: object) -> httpx.Response:
        return httpx.Response(201)

    with counting() as api:
        client = _connected(drive)
        assert (await drive(client.http.get, api.url)).text == "1"
        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda *_: httpx.Response(201))
        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", awaited)
        assert (await drive(client.http.get, api.url)).status_code == 201
        await client.close()


def test_timeouts_are_rounded_up_to_one_of_few() -> None:
    assert [_rounded(seconds) for seconds in (5, 1.7, 0.31, 60, 9.5, None)] == [5, 2, 0.4, 60, 10, None]
    assert len({_rounded(number / 100) for number in range(1, 10_000)}) < 50


def test_without_pyreqwest_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'signedin\[fast\]'"):
        Client("https://api.test", fast=True)


@pytest.mark.parametrize("verify", ["file", "context"])
def test_authorities_that_pyreqwest_would_not_take_alone_are_refused(verify: str, tmp_path: Path) -> None:
    file = str(certificate(tmp_path, host="127.0.0.1", begins=0))
    chosen = file if verify == "file" else ssl.create_default_context(cafile=file)
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        Client("https://api.test", fast=True, verify=chosen)


def test_an_environment_that_must_not_be_trusted_and_would_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", "/etc/ssl/certs")
    with pytest.raises(ConfigurationError, match="trust_env"):
        Client("https://api.test", fast=True, trust_env=False)
    Client("https://api.test", fast=True, trust_env=False, verify=False).close()


def test_a_transport_or_a_client_beside_it_is_refused() -> None:
    http = httpx.Client()
    for option in ({"transport": httpx.HTTPTransport()}, {"http_client": http}):
        with pytest.raises(ConfigurationError, match="of its own"):
            Client("https://api.test", fast=True, **option)
    http.close()


def test_a_proxy_with_a_context_of_its_own_is_refused() -> None:
    proxy = httpx.Proxy("https://proxy.test", ssl_context=ssl.create_default_context())
    with pytest.raises(ConfigurationError, match="proxy"):
        Client("https://api.test", fast=True, proxy=proxy)
