"""What the connection options mean: TLS, proxies, limits, and which way a request takes to its server.

Everything that cannot work is refused when a client is made, by the name of the variable or argument, never by its
value, which may hold a password. The connections themselves are in _connections.py.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import ipaddress
import math
import os
import re
import ssl
import urllib.request
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

from signedin._fast import Fast
from signedin.errors import ConfigurationError

# Request extension: a callable that gets the request when it has its connection, just before it is sent.
LEAVING: Final = "signedin.leaving"
# Request extension: it has waited its turn before, and goes first now: its new token lives for a while only.
RETURNING: Final = "signedin.returning"
CLOSED: Final = "The client is closed; create another one."
Cert = str | tuple[str, str] | tuple[str, str, str]
_PORTS: Final = {"http": 80, "https": 443}
_HASHED: Final = re.compile(r"[0-9a-f]{8}\.\d+")  # names by which OpenSSL looks into a folder, X509_LOOKUP_hash_dir(3)


class ConnectionOptions(NamedTuple):
    """How connections are made, as the arguments of `httpx.Client`; `verify` may also be a path."""

    verify: ssl.SSLContext | str | os.PathLike[str] | bool = True
    cert: Cert | None = None
    proxy: httpx.URL | str | httpx.Proxy | None = None
    trust_env: bool = True
    limits: httpx.Limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
    http2: bool = False
    fast: bool = False

    def __repr__(self) -> str:
        return "<connection options>"  # passwords of certificates and proxies are among them


class Network:
    """The options, checked.

    `multiplexes`: with HTTP/2, requests share a connection of httpx's own pools. Not between threads, for which
    httpcore 1.0 has no lock: they mix up the numbers of their streams.

    Raises:
        ConfigurationError: They, or the environment, cannot work.
    """

    def __init__(self, options: ConnectionOptions, *, multiplexes: bool = True) -> None:
        self.http2, limits = options.http2, options.limits
        if self.http2 and importlib.util.find_spec("h2") is None:
            raise ConfigurationError("http2 needs the package h2: pip install 'httpx[http2]'.")
        if not isinstance(limits, httpx.Limits):
            raise ConfigurationError("limits is an httpx.Limits.")
        self.most_connections = _limit("max_connections", limits.max_connections, least=1)
        self.most_idle = _limit("max_keepalive_connections", limits.max_keepalive_connections, least=0)
        self.keepalive_expiry = _limit("keepalive_expiry", limits.keepalive_expiry, least=0)
        self._limits = httpx.Limits(
            max_connections=1, max_keepalive_connections=1, keepalive_expiry=limits.keepalive_expiry
        )
        self.pooled = self.http2 and multiplexes
        if self.pooled:  # httpx's pools have the limits
            self.most_connections, self.most_idle, self._limits = math.inf, 0, limits
        self._tls = _tls(options)
        self._proxies: dict[str, httpx.Proxy] = {}  # by scheme; "all" for every one
        self._exempt: list[str] = []
        if options.proxy is not None:
            self._proxies["all"] = _proxy("proxy", options.proxy)
        elif options.trust_env:
            self._proxies, self._exempt = _environment_proxies()
        # httpx imports httpcore here, not at the first call: a child forked in the middle of an import waits for ever.
        self._fast: Fast | None = None
        self.transport(httpx.HTTPTransport, None)
        if options.fast:
            self._fast = Fast(options)

    def proxy_for(self, url: httpx.URL) -> httpx.Proxy | None:
        """Return the proxy on the way to the URL; None for a direct connection."""
        if not self._proxies or (url.scheme == "http" and is_loopback(url.host)):
            return None  # tokens may go to this machine unencrypted, because nobody else sees them
        if any(_exempts(entry, url) for entry in self._exempt):
            return None
        return self._proxies.get(url.scheme) or self._proxies.get("all")

    def transport(self, kind: type[Any], proxy: httpx.Proxy | None) -> Any:
        """Return a new transport; it holds one connection, unless it is a pool."""
        made = kind(verify=self._tls, proxy=proxy, limits=self._limits, http2=self.http2, trust_env=False)
        return made if self._fast is None else self._fast.transport(made, proxy)


def is_loopback(host: str) -> bool:
    """Say whether a URL's host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _ip_network(host)
    return address is not None and address.is_loopback


def _limit(name: str, value: object, *, least: int) -> float:
    if value is None:
        return math.inf
    if not isinstance(value, int | float) or not value >= least:
        raise ConfigurationError(f"limits: {name} is a number from {least} on, or None for no limit.")
    return value


# ---------------------------------------------------------------------------------------------------------------- TLS


def _tls(options: ConnectionOptions) -> ssl.SSLContext:
    verify = options.verify
    if isinstance(verify, ssl.SSLContext):
        context = verify
    elif verify is False:
        context = httpx.create_ssl_context(verify=False)
    elif verify is True:
        variables = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if options.trust_env and os.environ.get(name)]
        source, place = (variables[0], os.environ[variables[0]]) if variables else ("", "")
        shared = not options.cert
        context = _shared_authorities(source, place, options.http2) if shared else _authorities(source, place)
    else:
        context = _authorities("verify", verify)
    if options.cert:
        _load_certificate(context, options.cert)
    return context


@functools.cache  # parsing a CA bundle takes 26 ms, longer than most refreshes
def _shared_authorities(source: str, place: str, http2: bool) -> ssl.SSLContext:  # noqa: ARG001, FBT001
    # One for HTTP/2, one without: httpcore sets the protocols to offer (ALPN) on the context at each connection.
    return _authorities(source, place)


def _authorities(source: str, path: str | os.PathLike[str]) -> ssl.SSLContext:
    try:
        place = os.fspath(path)
        if not source:
            return httpx.create_ssl_context(trust_env=False)
        if source == "SSL_CERT_FILE" or (source == "verify" and not Path(place).is_dir()):
            return ssl.create_default_context(cafile=place)
        if any(_HASHED.fullmatch(name) for folder in place.split(os.pathsep) for name in os.listdir(folder)):  # noqa: PTH208
            return ssl.create_default_context(capath=place)
    except (OSError, TypeError, ValueError):  # an SSLError is an OSError
        pass
    raise ConfigurationError(
        f"{source} names no file or folder of certificates that can be read (PEM; a folder needs `openssl rehash`)."
        if source
        else "The CA certificates could not be read; or SSLKEYLOGFILE is set, and that file cannot be written."
    )


def _load_certificate(context: ssl.SSLContext, cert: Cert) -> None:
    try:
        parts: Any = (cert, None, None) if isinstance(cert, str) else (*cert, None, None)
        file, key, password = parts[:3]
        # Without a password of ours OpenSSL would ask for one on the terminal.
        context.load_cert_chain(file, key, password or (lambda: ""))
    except (OSError, TypeError, ValueError):
        raise ConfigurationError(
            "cert names no certificate with its key that can be read: a PEM file with both, or (certificate, key) or "
            "(certificate, key, password)."
        ) from None


# ------------------------------------------------------------------------------------------------------------ proxies


def _proxy(source: str, value: httpx.URL | str | httpx.Proxy) -> httpx.Proxy:
    try:
        proxy = value if isinstance(value, httpx.Proxy) else httpx.Proxy(value)
    except (httpx.InvalidURL, TypeError, ValueError):
        proxy = None
    if proxy is None or not proxy.url.host or not 0 < (proxy.url.port or 1) < 65536:
        raise ConfigurationError(
            f"{source} is no URL of a proxy; write for example http://proxy.example.com:8080 (https, socks5, socks5h)."
        )
    if proxy.url.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise ConfigurationError(
            f"{source} is a SOCKS proxy, which needs the package socksio: pip install 'httpx[socks]'."
        )
    return proxy


def _environment_proxies() -> tuple[dict[str, httpx.Proxy], list[str]]:
    values, proxies = urllib.request.getproxies(), {}
    exempt = [entry.strip().lower() for entry in values.get("no", "").split(",") if entry.strip()]
    if "*" in exempt:
        return {}, []
    for scheme in ("http", "https", "all"):
        if url := values.get(scheme):
            variables = (name for name in os.environ if name.lower() == f"{scheme}_proxy")
            source = next(variables, f"The system's proxy for {scheme}")
            proxies[scheme] = _proxy(source, url if "://" in url else f"http://{url}")
    return proxies, exempt


def _exempts(entry: str, url: httpx.URL) -> bool:
    """Say whether an entry of NO_PROXY matches: a host with all below it, or a network; of a scheme or port, if any."""
    scheme, _, host = entry.rpartition("://")
    network = _ip_network(host)
    if network is None and (match := re.fullmatch(r"(.+):(\d+)", host)):
        if int(match[2]) != (url.port or _PORTS.get(url.scheme)):
            return False
        host = match[1]
        network = _ip_network(host)
    if scheme not in {"", "all", url.scheme}:
        return False
    if network is None:
        return url.host == host or url.host.endswith(f".{host.lstrip('*.')}")
    address = _ip_network(url.host)
    return address is not None and address.network_address in network


def _ip_network(host: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(host.strip("[]"), strict=False)
    except ValueError:
        return None


# ------------------------------------------------------------------------------------------------------------ origins


def origin_of(url: httpx.URL) -> str:
    """Return scheme, host and port; two URLs of one origin (RFC 6454) give equal strings."""
    return f"{url.scheme}://{url.raw_host.decode('ascii').lower()}:{url.port or _PORTS.get(url.scheme, 0)}"


def allowed_origin(url: str | httpx.URL, *, allow_http: bool) -> str:
    """Return the origin of a URL that the bearer may be sent to: over https, or on this machine.

    Raises:
        ConfigurationError: It is no absolute http or https URL, or plain http to another machine.
    """
    shown = repr(str(url).rpartition("@")[2])  # what stands before it may be a password
    try:
        parsed = httpx.URL(url)
        host = parsed.host  # decoded from "xn--…", which raises a kind of ValueError where it cannot be
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        why = "" if "@" in str(url) else f": {error}"  # httpx quotes
        raise ConfigurationError(f"{shown} is no URL{why}") from None
    if parsed.scheme not in _PORTS or not host:
        raise ConfigurationError(f"{shown} is no absolute URL; write for example https://api.example.com/v1.")
    if parsed.userinfo:
        raise ConfigurationError("The base URL holds a user name or password; sign in instead.")
    if parsed.scheme == "http" and not allow_http and not is_loopback(host):
        raise ConfigurationError(
            f"{shown} is plain http to another machine: everybody on the way could read the tokens. Use https, or "
            "pass allow_http=True for a network that you trust."
        )
    return origin_of(parsed)


# ---------------------------------------------------------------------------------------------- the user's transports


class Borrowed(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that the user made, and closes; here for threads, which one that is async only cannot serve."""

    def __init__(self, transport: httpx.BaseTransport | httpx.AsyncBaseTransport) -> None:
        self._transport: Any = transport
        self._pid, self._name = os.getpid(), type(transport).__name__
        self._refuse_the_other_colour()

    def _refuse_the_other_colour(self) -> None:
        handler = getattr(self._transport, "handler", None)  # of a MockTransport
        awaits = any(map(inspect.iscoroutinefunction, (handler, type(handler).__call__)))
        if awaits or not isinstance(self._transport, httpx.BaseTransport):
            raise ConfigurationError(
                f"{self._name} is async only, and is needed in a thread: pass a refresh_transport for the refresh, for "
                "example httpx.HTTPTransport() or httpx.WSGITransport(app=...)."
            )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = self._ready(request).handle_request(request)
        return response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = await self._ready(request).handle_async_request(request)
        return response

    def _ready(self, request: httpx.Request) -> Any:
        if os.getpid() != self._pid:
            raise ConfigurationError(
                f"The client got its {self._name} before this process was forked, and would use the parent's "
                "connections. Nothing was sent; create transport and client after the fork."
            )
        if (leaving := request.extensions.get(LEAVING)) is not None:
            leaving(request)
        return self._transport


class AsyncBorrowed(Borrowed):
    """As `Borrowed`, for tasks."""

    def _refuse_the_other_colour(self) -> None:
        if not isinstance(self._transport, httpx.AsyncBaseTransport):
            raise ConfigurationError(f"{self._name} is not async, and an async client needs one that is.")
