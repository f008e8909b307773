"""TLS, proxies and limits: which way a request takes, and that what cannot work is refused by its name alone."""

from __future__ import annotations

import os
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from signedin import ConfigurationError, _network
from signedin._connections import AsyncConnections, Connections
from signedin._exchange import refresh_client
from signedin._network import ConnectionOptions, Network

from tests.auth.certificates import certificate
from tests.auth.counting import Connected, Counting, counting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.auth.driving import Drive

pytestmark = pytest.mark.anyio

SECRET = "hunter2"  # in values that no error may show


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the machine's own settings out of the environment."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in {"SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"}:
            monkeypatch.delenv(name)


@pytest.fixture
def api() -> Iterator[Counting]:
    with counting() as api:
        yield api


@pytest.fixture
def proxy() -> Iterator[Counting]:
    with counting() as proxy:
        yield proxy


WAYS = [
    ({"HTTP_PROXY": "http://p:1"}, "http://api.test", "p"),
    ({"HTTP_PROXY": "p:1"}, "http://api.test", "p"),
    ({"HTTP_PROXY": "http://p:1"}, "https://api.test", ""),
    ({"ALL_PROXY": "http://a:1", "https_proxy": "https://p:1"}, "https://api.test", "p"),
    ({"ALL_PROXY": "http://a:1"}, "https://api.test", "a"),
    ({"ALL_PROXY": "http://a:1"}, "http://localhost:5000", ""),
    ({"ALL_PROXY": "http://a:1"}, "http://api.localhost", ""),
    ({"ALL_PROXY": "http://a:1"}, "http://127.8.0.1", ""),
    ({"ALL_PROXY": "http://a:1"}, "http://[::1]:5000", ""),
    ({"ALL_PROXY": "http://a:1"}, "https://localhost", "a"),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "*"}, "https://api.test", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "other, api.test"}, "https://api.test", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "api.test"}, "https://eu.api.test", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "api.test"}, "https://myapi.test", "a"),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": ".api.test"}, "https://eu.api.test", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "*.api.test"}, "https://eu.api.test", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "API.test"}, "https://api.test", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "api.test:8443"}, "https://api.test:8443", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "api.test:443"}, "https://api.test", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "api.test:8443"}, "https://api.test", "a"),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "http://api.test"}, "https://api.test", "a"),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "https://api.test"}, "https://api.test", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "10.0.0.0/8"}, "https://10.1.2.3", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "10.0.0.0/8"}, "https://api.test", "a"),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "10.1.2.3"}, "https://10.1.2.3", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "fd07:b51a:cc66:f0::/64"}, "https://[fd07:b51a:cc66:f0::7]", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "fd07:b51a:cc66:f0::/64"}, "https://[fd07:b51a:cc66:f1::7]", "a"),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "[::1]"}, "https://[::1]", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "[::1]:8443"}, "https://[::1]:8443", ""),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": "[::1]:8443"}, "https://[::1]", "a"),
    ({"ALL_PROXY": "http://a:1", "NO_PROXY": ",,[,]:,://,:99999999999,/,%"}, "https://api.test", "a"),
    ({"NO_PROXY": "fd07::/64,[::1]"}, "https://api.test", ""),
]


@pytest.mark.parametrize(("environment", "url", "way"), WAYS)
def test_a_request_takes_the_way_that_the_environment_says(
    environment: dict[str, str], url: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    chosen = Network(ConnectionOptions()).proxy_for(httpx.URL(url))
    assert (chosen.url.host if chosen else "") == way
    assert Network(ConnectionOptions(trust_env=False)).proxy_for(httpx.URL(url)) is None


def test_a_proxy_that_is_passed_serves_all_but_plain_http_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://another:1")
    monkeypatch.setenv("NO_PROXY", "api.test")
    for proxy in ("http://p:1", httpx.URL("http://p:1"), httpx.Proxy("http://p:1")):
        network = Network(ConnectionOptions(proxy=proxy))
        ways = [
            network.proxy_for(httpx.URL(url)) for url in ("http://api.test", "https://localhost", "http://localhost")
        ]
        assert [way and way.url.host for way in ways] == ["p", "p", None]


async def test_calls_go_through_the_proxy_and_those_to_this_machine_directly(
    drive: Drive, api: Counting, proxy: Counting
) -> None:
    client = Connected(drive, ConnectionOptions(proxy=proxy.url, limits=httpx.Limits(max_connections=1)))
    for _ in range(2):  # one connection, turned from one way to the other
        assert (await drive(client.http.get, "http://api.test/plain")).status_code == 200
        with pytest.raises(httpx.ProxyError, match="403"):
            await drive(client.http.get, "https://api.test/secret")
        assert (await drive(client.http.get, f"{api.url}/direct")).status_code == 200
    await client.close()
    assert proxy.proxied == ["http://api.test/plain", "api.test:443"] * 2
    assert api.seen == ["/direct"] * 2


def test_the_refresh_takes_the_same_ways(api: Counting, proxy: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    with refresh_client(ConnectionOptions()) as http:
        http.get("http://api.test/refresh")
        http.get(f"{api.url}/refresh")
    assert (proxy.proxied, api.seen) == (["http://api.test/refresh"], ["/refresh"])


def test_the_refresh_has_a_fresh_connection_its_headers_and_no_cookies(api: Counting) -> None:
    with refresh_client(ConnectionOptions(http2=True), {"user-agent": "ours"}) as http:
        answers = [http.get(api.url, headers={"x-echo": "x"}) for _ in range(2)]
        assert [answer.text for answer in answers] == ["1", "2"]
        assert answers[1].headers["set-cookie"]
        assert dict(http.cookies) == {}
        assert "cookie" not in answers[1].request.headers
        assert answers[1].request.headers["user-agent"] == "ours"
        assert http.follow_redirects is False


def test_one_context_with_the_default_authorities_serves_all_clients() -> None:
    contexts = [_context(ConnectionOptions()) for _ in range(2)] + [_context(ConnectionOptions(trust_env=False))]
    assert contexts[0] is contexts[1] is contexts[2]
    # httpcore sets the protocols to offer on the context that it uses.
    assert _context(ConnectionOptions(http2=True)) is not contexts[0]


def test_a_client_certificate_is_added_to_no_context_that_others_use(tmp_path: Path) -> None:
    file = str(certificate(tmp_path, host="127.0.0.1", begins=0))
    for cert in (file, (file, file)):
        assert _context(ConnectionOptions(cert=cert)) is not _context(ConnectionOptions())


@pytest.mark.parametrize("where", ["verify", "context", "folder", "SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_a_server_is_trusted_by_the_authorities_that_are_named(
    drive: Drive, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path, host="127.0.0.1", begins=0)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    folder = tmp_path / "hashed"
    if where in {"folder", "SSL_CERT_DIR"}:
        _rehash(file, folder)
    verify: Any = {"verify": file, "context": ssl.create_default_context(cafile=file), "folder": str(folder)}.get(
        where, True
    )
    if verify is True:
        monkeypatch.setenv(where, str(file if where == "SSL_CERT_FILE" else folder))
    with counting(tls) as api:
        client = Connected(drive, ConnectionOptions(verify=verify))
        assert (await drive(client.http.get, api.url)).text == "1"
        await client.close()
        client = Connected(drive, ConnectionOptions(trust_env=False))
        with pytest.raises(httpx.ConnectError):
            await drive(client.http.get, api.url)
        await client.close()
        client = Connected(drive, ConnectionOptions(verify=False))
        assert (await drive(client.http.get, api.url)).status_code == 200
        await client.close()


async def test_with_http2_httpxs_own_pools_serve_tasks(drive: Drive, api: Counting, proxy: Counting) -> None:
    client = Connected(drive, ConnectionOptions(http2=True, proxy=proxy.url))
    outcomes = await drive.outcomes(lambda: client.http.get(api.url), 5)
    assert {outcome.status_code for outcome in outcomes} == {200}
    assert (await drive(client.http.get, "http://api.test")).status_code == 200
    assert len(client.stack.connections) == 0 or not drive.is_async
    await client.close()
    for server in (api, proxy):
        await drive.aside(server.wait_until, lambda server=server: not server.open)
    with pytest.raises((ConfigurationError, RuntimeError), match="closed"):
        await drive(client.http.get, api.url)


BAD_ENVIRONMENT = [
    ("HTTPS_PROXY", f"socks4://u:{SECRET}@proxy:1"),
    ("HTTPS_PROXY", f"http://u:{SECRET}@proxy:port"),
    ("https_proxy", f"http://u:{SECRET}@proxy:99999999"),
    ("HTTP_PROXY", f"foo://u:{SECRET}@proxy:1"),
    ("HTTP_PROXY", f"http://u:{SECRET}@"),
    ("SSL_CERT_FILE", f"/nowhere/{SECRET}.pem"),
    ("SSL_CERT_FILE", f"{{folder}}/{SECRET}"),
    ("SSL_CERT_FILE", "{folder}"),
    ("SSL_CERT_DIR", f"/nowhere/{SECRET}"),
    ("SSL_CERT_DIR", "{folder}"),
    *([("SSLKEYLOGFILE", f"/nowhere/{SECRET}")] if httpx.__name__ == "httpx" else []),  # httpx2 passes over it
]
BAD_OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("proxy", {"proxy": f"socks4://u:{SECRET}@proxy:1"}),
    ("proxy", {"proxy": f"u:{SECRET}@proxy:1"}),
    ("proxy", {"proxy": ""}),
    ("proxy", {"proxy": 5}),
    ("verify", {"verify": f"/nowhere/{SECRET}.pem"}),
    ("verify", {"verify": ""}),
    ("verify", {"verify": None}),
    ("cert", {"cert": f"/nowhere/{SECRET}.pem"}),
    ("cert", {"cert": (f"/nowhere/{SECRET}.pem", "/nowhere", SECRET)}),
    ("cert", {"cert": (1, 2)}),
    ("max_connections", {"limits": httpx.Limits(max_connections=-1)}),
    ("max_connections", {"limits": httpx.Limits(max_connections=0)}),
    ("max_keepalive_connections", {"limits": httpx.Limits(max_keepalive_connections=-1)}),
    ("keepalive_expiry", {"limits": httpx.Limits(keepalive_expiry=-1.0)}),
    ("keepalive_expiry", {"limits": httpx.Limits(keepalive_expiry=float("nan"))}),
    ("max_connections", {"limits": httpx.Limits(max_connections="5")}),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("name", "value"), BAD_ENVIRONMENT)
def test_an_environment_that_cannot_work_is_refused_by_the_name_of_the_variable(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / SECRET).write_text("no certificate")
    monkeypatch.setenv(name, value.format(folder=tmp_path))
    if name == "SSLKEYLOGFILE":
        monkeypatch.setenv("SSL_CERT_FILE", "")
        _forget_contexts()
    for build in (Connections, AsyncConnections, refresh_client):
        with pytest.raises(ConfigurationError, match=name) as caught:
            build(ConnectionOptions())
        assert SECRET not in str(caught.value)
    if name != "SSLKEYLOGFILE":
        Connections(ConnectionOptions(trust_env=False))


@pytest.mark.parametrize(("name", "arguments"), BAD_OPTIONS)
def test_an_argument_that_cannot_work_is_refused_by_its_name(name: str, arguments: dict[str, Any]) -> None:
    for build in (Connections, AsyncConnections, refresh_client):
        if build is refresh_client and "limits" in arguments:
            continue  # its own
        with pytest.raises(ConfigurationError, match=name) as caught:
            build(ConnectionOptions(**arguments))
        assert SECRET not in str(caught.value)


def test_http2_and_socks_without_their_packages_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"httpx\[http2\]"):
        Network(ConnectionOptions(http2=True))
    with pytest.raises(ConfigurationError, match=r"httpx\[socks\]") as caught:
        Network(ConnectionOptions(proxy=f"socks5://u:{SECRET}@p:1"))
    assert SECRET not in str(caught.value)


def _context(options: ConnectionOptions) -> ssl.SSLContext:
    return Network(options)._tls


def _forget_contexts() -> None:
    _network._shared_authorities.cache_clear()


def _rehash(file: Path, folder: Path) -> None:
    folder.mkdir()
    name = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", str(file)], capture_output=True, text=True, check=True
    ).stdout.strip()
    (folder / f"{name}.0").write_bytes(file.read_bytes())
