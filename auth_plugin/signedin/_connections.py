"""Temporary stand-in for the connections of the other branch."""

from __future__ import annotations

import functools
import ssl
from dataclasses import dataclass
from typing import Any, Final

import httpx

LEAVING: Final = "signedin.leaving"
_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=100)


@functools.cache
def _context() -> ssl.SSLContext:
    return httpx.create_ssl_context()


@dataclass(frozen=True)
class ConnectionOptions:
    verify: Any = True
    cert: Any = None
    proxy: Any = None
    trust_env: bool = True
    limits: httpx.Limits = _LIMITS
    http2: bool = False


class Connections(httpx.BaseTransport):
    def __init__(self, options: ConnectionOptions) -> None:
        verify = _context() if options.verify is True else options.verify
        self._inner = httpx.HTTPTransport(
            verify=verify, cert=options.cert, proxy=options.proxy, limits=options.limits, http2=options.http2
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if (leaving := request.extensions.get(LEAVING)) is not None:
            leaving(request)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


class AsyncConnections(httpx.AsyncBaseTransport):
    def __init__(self, options: ConnectionOptions) -> None:
        verify = _context() if options.verify is True else options.verify
        self._inner = httpx.AsyncHTTPTransport(
            verify=verify, cert=options.cert, proxy=options.proxy, limits=options.limits, http2=options.http2
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if (leaving := request.extensions.get(LEAVING)) is not None:
            leaving(request)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class Borrowed(httpx.BaseTransport):
    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if (leaving := request.extensions.get(LEAVING)) is not None:
            leaving(request)
        return self._transport.handle_request(request)


class AsyncBorrowed(httpx.AsyncBaseTransport):
    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if (leaving := request.extensions.get(LEAVING)) is not None:
            leaving(request)
        return await self._transport.handle_async_request(request)


def refresh_client(options: ConnectionOptions, headers: Any = None) -> httpx.Client:
    verify = _context() if options.verify is True else options.verify
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(
        verify=verify, cert=options.cert, proxy=options.proxy, limits=limits, headers=headers, trust_env=options.trust_env
    )
