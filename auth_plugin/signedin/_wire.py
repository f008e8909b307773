"""The refresh on the wire: one POST with a total timeout, on a connection of its own, its answer classified.

A fresh connection each time, on purpose: on an idle one that the server has just closed, a request fails after it was
sent, and nobody can tell whether the refresh token is spent. What an answer means for the session: see `_flight`.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import zlib
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import httpx

from signedin._tokens import Claims, TokenPair, clock_offset, is_token
from signedin.protocols import Answer, Busy, NotSent, Refused, Renewed, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin.protocols import Clock

_LARGEST_ANSWER: Final = 64 * 1024  # bytes
_LONGEST_REST: Final = 86_400.0  # seconds; a server that asks for more is asked again after a day
# Raised before a byte of the request was written: connection set-up, a proxy's tunnel, the wait for the pool.
_BEFORE_SENDING: Final = (
    *(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol),
)
# The content-type, too: one among the client's headers would stand for that of `json=`.
_JSON: Final = {"accept": "application/json", "content-type": "application/json"}
_HEADERS: Final = {**_JSON, "accept-encoding": "identity", "connection": "close"}


@dataclass(frozen=True, slots=True)
class RevokeEndpoint:
    """Where a session is ended; the property names of both endpoints are those of the JSON bodies."""

    url: str
    method: str = "POST"
    request_refresh_token: str = "refresh_token"  # noqa: S105 -- the name of a property


@dataclass(frozen=True, slots=True)
class RefreshEndpoint(RevokeEndpoint):
    """Where and how tokens are exchanged; `error_properties`: what every refusal has, where the API documents it."""

    response_access_token: str = "access_token"  # noqa: S105 -- the name of a property
    response_refresh_token: str = "refresh_token"  # noqa: S105 -- the name of a property
    dead: frozenset[int] = frozenset({400, 401, 403})
    error_properties: frozenset[str] = frozenset()
    attempt_header: str | None = None


class HttpRefresher:
    """Exchange refresh tokens over HTTP: no redirects, no cookies, no hooks, no auth, no kept connections.

    `client` makes the client of one exchange. Its headers go along, also an `authorization` that a gateway asks for;
    those that the exchange itself needs replace them.
    """

    def __init__(
        self,
        endpoint: RefreshEndpoint,
        *,
        clock: Clock,
        client: Callable[[], httpx.Client],
        revoke: RevokeEndpoint | None = None,
    ) -> None:
        self._endpoint, self._revoke, self._clock, self._client = endpoint, revoke, clock, client

    def refresh(self, refresh_token: str, *, attempt: str, timeout: float) -> Answer:
        """Send the token once and say what came of it."""
        endpoint, host = self._endpoint, httpx.URL(self._endpoint.url).netloc.decode("ascii", "replace")
        headers = {endpoint.attempt_header: attempt} if endpoint.attempt_header else {}
        exchange, sent = _Exchange(self._client, endpoint, refresh_token, headers), self._clock.wall()
        response = exchange.run(timeout)
        if isinstance(response, _Response):
            return _classified(endpoint, response, partial(clock_offset, sent=sent, received=self._clock.wall()))
        if issubclass(response, _BEFORE_SENDING) and not exchange.sending:
            return NotSent(f"{host} could not be reached ({response.__name__})")
        return Unknown(f"no answer from {host} ({response.__name__})")

    def revoke(self, refresh_token: str, *, timeout: float) -> None:
        """End the session behind the token at the server, if the API has a way to; trouble is swallowed."""
        if self._revoke is not None:
            _Exchange(self._client, self._revoke, refresh_token, {}).run(timeout)

    def close(self) -> None:
        """Do nothing: each exchange closes its own connection, and one under way must not be cut."""


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    headers: httpx.Headers
    content: bytes = field(repr=False)


class _Exchange:
    """One request and its response, in a thread of its own that is abandoned once the time is over.

    httpx's timeouts bound one read or write each: neither a name server that hangs, nor a server that sends a byte now
    and then. What is abandoned before it is sent stays unsent, so it may be reported as such, and the token used again.
    """

    def __init__(
        self, client: Callable[[], httpx.Client], endpoint: RevokeEndpoint, refresh_token: str, headers: dict[str, str]
    ) -> None:
        self._client = client
        self._request: dict[str, Any] = {"method": endpoint.method, "url": endpoint.url}
        self._request |= {"json": {endpoint.request_refresh_token: refresh_token}, "headers": {**_HEADERS, **headers}}
        self._outcome: _Response | type[BaseException] | None = None
        self._lock = threading.Lock()  # guards all below: an exchange is abandoned, or it begins to send
        self._connecting = False  # by httpcore's events; of a transport without them nobody can tell
        self.sending = False  # the first byte of the request may have left
        self._abandoned = False
        self._socket: socket.socket | None = None

    def run(self, seconds: float) -> _Response | type[BaseException]:
        """Return the response, or the type of what the transport raised, or of a timeout after so many seconds."""
        thread = threading.Thread(target=self._perform, args=(seconds,), name="signedin-exchange", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # Python 3.12 starts no thread once the main one has ended, and the system may have none left. Then httpx's
            # own timeouts must do, or the refresh that the process still waits for would be given up.
            self._perform(seconds)
        else:
            thread.join(seconds)
        with self._lock:
            if self._outcome is None:
                self._abandoned = True
                self._cut_if_abandoned()
                self._outcome = httpx.ConnectTimeout if self._connecting and not self.sending else httpx.ReadTimeout
            return self._outcome

    def _perform(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        # A wait for a pool ends before the time is over: its error says that nothing was sent.
        timeout, extensions = httpx.Timeout(seconds, pool=0.5 * seconds), {"trace": self._trace}
        options: dict[str, Any] = {**self._request, "timeout": timeout, "extensions": extensions}
        try:
            # A client of its own: no cookie of an earlier answer, perhaps another user's, goes along.
            with self._client() as client, client.stream(**options) as response:
                self._outcome = _Response(response.status_code, response.headers, _read(response, end))
        except BaseException as error:  # noqa: BLE001 -- only its type is kept: its frames hold the token
            self._outcome = type(error)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        """Follow httpcore's trace: "connection.…", or "proxy.…" and "socks.…" where one stands between."""
        with self._lock:
            if event.endswith((".connect_tcp.started", ".connect_unix_socket.started")):
                self._connecting = True
            elif event.endswith((".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")):
                self._socket = info["return_value"].get_extra_info("socket")
                self._cut_if_abandoned()
            elif event.endswith(".send_request_headers.started"):
                # Raised here and at no other event: httpcore gives the connection up, whatever its kind.
                if self._abandoned:
                    raise httpx.ConnectTimeout("abandoned before it was sent")
                if event.startswith("http2."):
                    self._socket = None  # calls of others may share it
                # A proxy's CONNECT holds nothing of the request.
                self.sending = self.sending or info["request"].method != b"CONNECT"

    def _cut_if_abandoned(self) -> None:
        if self._abandoned and self._socket is not None:
            with contextlib.suppress(OSError):
                # The plain socket's own: that of TLS would first make it one that sends without encryption.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _read(response: httpx.Response, end: float) -> bytes:
    """Return the body. `identity` was asked for, but some servers compress whatever they are asked."""
    # A transport in memory may have read, and decoded, it before.
    read = response.is_stream_consumed
    coding = "identity" if read else response.headers.get("content-encoding", "identity").lower()
    gzip = {"identity": None, "gzip": zlib.decompressobj(16 + zlib.MAX_WBITS)}[coding]
    content = b""
    for chunk in response.iter_bytes() if read else response.iter_raw():
        # Bounded while decoding: a few bytes of gzip can be made to become megabytes.
        content += gzip.decompress(chunk, _LARGEST_ANSWER + 1 - len(content)) if gzip else chunk
        if len(content) > _LARGEST_ANSWER:
            raise httpx.DecodingError("the answer is too large")
        if time.monotonic() > end:
            raise httpx.ReadTimeout("the answer took too long in total")
    return content


def _classified(endpoint: RefreshEndpoint, response: _Response, offset: Callable[..., float]) -> Answer:
    status, retry_after = response.status, _seconds(response.headers.get("retry-after"))
    if 200 <= status <= 299:
        return _renewed(endpoint, response, offset)
    if status in endpoint.dead:
        # A portal, firewall or gateway in between answers with a body of its own; only the API's word ends a session.
        if _is_the_apis(response.content, endpoint.error_properties):
            return Refused(f"status {status}")
        return Unknown(f"status {status} with a body that is not the API's")
    if status == 429 or (status == 503 and retry_after is not None):
        return Busy(f"the server is busy (status {status})", retry_after)
    return Unknown(f"status {status}")


def _is_the_apis(content: bytes, properties: frozenset[str]) -> bool:
    if isinstance(body := _json(content), dict):
        return properties <= body.keys()
    # Without a body: a gateway's, if the API documents one. What is wrongly unknown is tried again a few times; what
    # is wrongly dead is lost.
    return not properties and not content.strip()


def _renewed(endpoint: RefreshEndpoint, response: _Response, offset: Callable[..., float]) -> Answer:
    body, date = _json(response.content, object_pairs_hook=_without_duplicates), date_of(response.headers)
    if not isinstance(body, dict):
        return Unknown("the answer to the refresh is no JSON object")
    names = endpoint.response_access_token, endpoint.response_refresh_token
    for name in names:
        if not is_token(body.get(name)):
            return Unknown(f"the answer to the refresh has no usable {name}")
    pair = TokenPair(body[names[0]], body[names[1]])
    date_offset = offset(Claims(), date=date) if date is not None else None
    return Renewed(pair, offset(pair.claims, date=date), date_offset)


def date_of(headers: httpx.Headers) -> float | None:
    """Return the moment that an answer's Date header names (RFC 9110, section 6.6.1), in seconds since the epoch."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None


def _json(content: bytes, **options: Any) -> Any:
    try:
        return json.loads(content, **options)
    except (ValueError, RecursionError):
        return None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 8259, section 4: of a name that comes twice, parsers differ in which they take.
    if len(properties := dict(pairs)) < len(pairs):
        raise ValueError
    return properties


def _seconds(retry_after: str | None) -> float | None:
    # RFC 9110, section 10.2.3; the form with a date is rare, and clocks differ, so it counts as absent.
    if not (retry_after and retry_after.isascii() and retry_after.isdigit()):
        return None
    return min(float(retry_after), _LONGEST_REST)
