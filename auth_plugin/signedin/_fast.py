"""Transports over pyreqwest, an HTTP client in Rust, in the place of httpx's: `fast=True`, the extra `fast`.

They stand below the limit and the queue of _connections.py and raise httpx's errors. pyreqwest has transports for it,
but those call a lost answer a ConnectError, after which a POST that the server has carried out would be sent again, and
add all timeouts up to one.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import math
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

import httpx

from signedin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_CONNECTING: Final = "client error (Connect)"  # hyper-util's words for a failure before anything of a request is sent
_LATER: Final = 0.1  # seconds; of two equal timeouts the one for connecting ends first, and says that nothing was sent
_STEPS: Final = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_NO_LIMIT: Final = 2**31
_MOST_TARGETS: Final = 1024
_TARGETS: Final[dict[str, Any]] = {}  # parsed URLs, which cannot change
# What vcrpy, pytest-httpx and others patch: then httpx's transport serves.
_UNPATCHED: Final = (httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request)


class Fast:
    """Makes transports of pyreqwest by the options of _network.py.

    Raises:
        ConfigurationError: pyreqwest is missing, or cannot carry an option out as httpx does.
    """

    def __init__(self, options: Any) -> None:
        if importlib.util.find_spec("pyreqwest") is None:
            raise ConfigurationError("fast=True needs the package pyreqwest: pip install 'signedin[fast]'.")
        # All of it now: pyreqwest aborts the process where Ctrl-C interrupts an import of its own.
        for module in ("client", "exceptions", "http", "proxy"):
            importlib.import_module(f"pyreqwest.{module}")

        verify, proxy = options.verify, options.proxy
        if not isinstance(verify, bool):
            raise ConfigurationError(
                "verify= takes True or False with fast=True: pyreqwest trusts the system's authorities, takes no "
                "SSLContext, and would only add a file to them. Set SSL_CERT_FILE, or leave fast=True out."
            )
        named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
        if verify and named and not options.trust_env:
            raise ConfigurationError("fast=True obeys SSL_CERT_FILE and SSL_CERT_DIR, which trust_env=False forbids.")
        if isinstance(proxy, httpx.Proxy) and proxy.ssl_context is not None:
            raise ConfigurationError("fast=True takes no proxy with an SSLContext.")
        self._pyreqwest: Any = importlib.import_module("pyreqwest")
        self._verify, self._limits, self._http2 = verify, options.limits, options.http2
        self._identity = _identity(options.cert) if options.cert else None

    def transport(self, httpxs: Any, proxy: httpx.Proxy | None) -> Any:
        """Return a transport for many connections in the place of httpx's, or that one where pyreqwest cannot work."""
        blocking = isinstance(httpxs, httpx.BaseTransport)
        if not blocking and "trio" in sys.modules and sys.modules["sniffio"].current_async_library() == "trio":
            return httpxs
        client = self._pyreqwest.client
        builder = client.SyncClientBuilder if blocking else client.ClientBuilder
        try:
            builder().danger_accept_invalid_certs(True).build()
        except RuntimeError:  # in a forked child: its threads stayed with the parent
            return httpxs
        build = functools.partial(self._client, builder, proxy)
        return (_Blocking if blocking else _Awaiting)(httpxs, self._pyreqwest, build)

    def _client(self, builder: Any, proxy: httpx.Proxy | None, connect: float | None, read: float | None) -> Any:
        limits, made = self._limits, builder().no_proxy().follow_redirects(False).referer(False).http2(self._http2)
        made = made.gzip(False).brotli(False).zstd(False).deflate(False)  # httpx decodes
        made = made.danger_accept_invalid_certs(not self._verify).pool_idle_timeout(_duration(limits.keepalive_expiry))
        idle = limits.max_keepalive_connections
        made = made.pool_max_idle_per_host(_NO_LIMIT if idle is None else int(idle))
        if connect is not None:
            made = made.connect_timeout(_duration(connect))
        if read is not None:
            made = made.read_timeout(_duration(read + (_LATER if read == connect else 0)))
        if self._identity is not None:
            made = made.identity_pem(self._identity)
        if proxy is not None:
            way = self._pyreqwest.proxy.ProxyBuilder.all(str(proxy.url))
            if proxy.raw_auth is not None:
                way = way.basic_auth(*(part.decode() for part in proxy.raw_auth))
            made = made.proxy(way.headers(proxy.headers.multi_items()))
        return made.build()


class _Pooled:
    """A pyreqwest client for each pair of timeouts; it has a connection for each request under way, and idle ones."""

    is_pool = True

    def __init__(self, httpxs: Any, pyreqwest: Any, build: Any) -> None:
        self.httpxs, self._pyreqwest, self._build = httpxs, pyreqwest, build
        self.error: type[Exception] = pyreqwest.exceptions.PyreqwestError
        self._clients: dict[tuple[float | None, float | None], Any] = {}

    def _client(self, request: httpx.Request) -> Any:
        timeout = request.extensions.get("timeout", {})
        bounds = _rounded(timeout.get("connect")), _rounded(timeout.get("read"))
        if (client := self._clients.get(bounds)) is None:
            client = self._clients[bounds] = self._build(*bounds)
        return client

    def prepared(self, request: httpx.Request) -> Any:
        """Return pyreqwest's request."""
        url = request.url
        headers = [(name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers.raw]
        try:
            builder = self._client(request).request(request.method, _target(self._pyreqwest.http.Url, url))
            builder = builder.headers(headers)
        except ValueError:
            raise httpx.LocalProtocolError("pyreqwest refuses a header, the method or URL.", request=request) from None
        try:
            content = request.content
        except httpx.RequestNotRead:
            builder = builder.body_stream(request.stream)
        else:
            builder = builder.body_bytes(content) if content else builder
        return builder.streamed_read_buffer_limit(0).build_streamed()  # else it waits for 64 KiB of an open stream

    def response(self, answer: Any, request: httpx.Request, stream: Any) -> httpx.Response:
        try:
            headers = list(answer.headers.items())
        except ValueError:
            raise httpx.RemoteProtocolError(
                "pyreqwest cannot read a header of the response.", request=request
            ) from None
        version = answer.version.removesuffix(".0").encode()
        return httpx.Response(answer.status, headers=headers, stream=stream, extensions={"http_version": version})

    def translated(self, error: Any, request: httpx.Request) -> httpx.RequestError:
        """Return httpx's error: one of connecting only where nothing was sent for certain."""
        causes = [cause["message"] for cause in (error.details or {}).get("causes") or ()]
        connecting = _CONNECTING in causes
        kind: type[httpx.RequestError]
        if isinstance(error, self._pyreqwest.exceptions.RequestTimeoutError):
            kind = httpx.ConnectTimeout if connecting else httpx.ReadTimeout
        elif isinstance(error, self._pyreqwest.exceptions.DecodeError):
            kind = httpx.RemoteProtocolError
        else:
            kind = httpx.ConnectError if connecting else httpx.ReadError
            kind = httpx.ProxyError if any("tunnel" in cause for cause in causes) else kind
        return kind(causes[-1] if len(causes) > 1 else error.message, request=request)  # the first one has the URL


class _Blocking(_Pooled, httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if httpx.HTTPTransport.handle_request is not _UNPATCHED[0]:
            response: httpx.Response = self.httpxs.handle_request(request)
            return response
        sending = self.prepared(request)
        try:
            answer = sending.__enter__()  # its body leaves it
        except self.error as error:
            raise self.translated(error, request) from None
        return self.response(answer, request, _Body(self, request, sending, answer))

    def close(self) -> None:
        self._clients.clear()  # not closed: what is under way ends by itself, and its connection with it
        self.httpxs.close()


class _Awaiting(_Pooled, httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if httpx.AsyncHTTPTransport.handle_async_request is not _UNPATCHED[1]:
            response: httpx.Response = await self.httpxs.handle_async_request(request)
            return response
        sending = self.prepared(request)
        try:
            answer = await sending.__aenter__()  # its body leaves it
        except self.error as error:
            raise self.translated(error, request) from None
        return self.response(answer, request, _Body(self, request, sending, answer))

    async def aclose(self) -> None:
        self._clients.clear()
        await self.httpxs.aclose()


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a response, as it comes."""

    def __init__(self, pooled: _Pooled, request: httpx.Request, sending: Any, answer: Any) -> None:
        self._pooled, self._request, self._sending, self._reader = pooled, request, sending, answer.body_reader

    def __iter__(self) -> Iterator[bytes]:
        try:
            while (chunk := self._reader.read_chunk()) is not None:
                yield bytes(chunk)
        except self._pooled.error as error:
            raise self._pooled.translated(error, self._request) from None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while (chunk := await self._reader.read_chunk()) is not None:
                yield bytes(chunk)
        except self._pooled.error as error:
            raise self._pooled.translated(error, self._request) from None

    def close(self) -> None:
        self._sending.__exit__(None, None, None)

    async def aclose(self) -> None:
        await self._sending.__aexit__(None, None, None)


def _target(parse: Any, url: httpx.URL) -> Any:
    """Return the URL as pyreqwest parses it, which must come to the same: the token goes there."""
    text = (url.raw_scheme + b"://" + url.netloc + url.raw_path).decode("ascii")
    if (target := _TARGETS.get(text)) is None:
        target = parse(text)
        path = target.path + ("" if target.query_string is None else f"?{target.query_string}")
        if target.authority.encode() != url.netloc or unquote_to_bytes(path) != unquote_to_bytes(url.raw_path):
            raise httpx.UnsupportedProtocol("pyreqwest would send this request to another URL; nothing was sent.")
        if len(_TARGETS) < _MOST_TARGETS:
            _TARGETS[text] = target
    return target


def _identity(cert: Any) -> bytes:
    """Return the client certificate with its key; what cannot be read was refused by _network.py."""
    parts = (cert,) if isinstance(cert, str | os.PathLike) else cert
    content = b"\n".join(Path(part).read_bytes() for part in dict.fromkeys(parts[:2]))
    if b"ENCRYPTED" in content:
        raise ConfigurationError("cert= with fast=True takes no key with a password.")
    return content


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


@functools.lru_cache(maxsize=256)
def _rounded(seconds: float | None) -> float | None:
    """Round a timeout up to one of nine in each power of ten: for each pair there is a client, which has its pool."""
    if seconds is None or seconds == math.inf:
        return None
    power = 10.0 ** math.floor(math.log10(max(seconds, 0.001)))
    return next(round(step * power, 9) for step in _STEPS if step * power >= seconds * (1 - 1e-9))
