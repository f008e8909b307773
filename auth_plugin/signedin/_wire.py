"""The refresh on the wire: one POST with a total timeout, on a connection of its own, its answer classified.

A fresh connection each time, on purpose: on an idle one that the server has just closed, a request fails after it was
sent, and nobody can tell whether the refresh token is spent.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import zlib
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx

from signedin._tokens import Claims, TokenPair, claims_of, clock_offset, is_token
from signedin.protocols import Answer, Busy, NotSent, Refused, Renewed, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin.protocols import Clock

_LARGEST_ANSWER: Final = 64 * 1024  # bytes
_LONGEST_REST: Final = 86_400.0  # seconds; a server that asks for more is asked again after a day
# Raised before a byte of the request was written (httpcore: connection set-up, a proxy's tunnel, and waiting for a
# place in the pool).
_NEVER_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class RefreshEndpoint(NamedTuple):
    """Where and how tokens are exchanged; the property names are those of the JSON bodies."""

    url: str
    method: str = "POST"
    request_refresh_token: str = "refresh_token"  # noqa: S105 -- the name of a property
    response_access_token: str = "access_token"  # noqa: S105 -- the name of a property
    response_refresh_token: str = "refresh_token"  # noqa: S105 -- the name of a property
    dead: frozenset[int] = frozenset({400, 401, 403})
    attempt_header: str | None = None


class RevokeEndpoint(NamedTuple):
    """Where a session is ended."""

    url: str
    method: str = "POST"
    request_refresh_token: str = "refresh_token"  # noqa: S105 -- the name of a property


class HttpRefresher:
    """Exchange refresh tokens over HTTP: no redirects, no cookies, no hooks, no auth, no kept connections."""

    def __init__(
        self,
        endpoint: RefreshEndpoint,
        *,
        clock: Clock,
        client: Callable[[], httpx.Client],
        revoke: RevokeEndpoint | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._revoke = revoke
        self._clock = clock
        self._build = client

    def refresh(self, refresh_token: str, *, attempt: str, timeout: float) -> Answer:
        """Send the token once and say what came of it."""
        endpoint = self._endpoint
        headers = {endpoint.attempt_header: attempt} if endpoint.attempt_header else {}
        body = {endpoint.request_refresh_token: refresh_token}
        sent = self._clock.wall()
        try:
            status, answer_headers, content = self._exchange(endpoint.method, endpoint.url, body, headers, timeout)
        except _NEVER_SENT as error:
            return NotSent(f"{_host(endpoint.url)} could not be reached ({type(error).__name__})")
        except Exception as error:  # noqa: BLE001 -- whatever a transport raises, the token may have been sent
            return Unknown(f"no answer from {_host(endpoint.url)} ({type(error).__name__})")
        return self._classified(status, answer_headers, content, sent)

    def revoke(self, refresh_token: str, *, timeout: float) -> None:
        """End the session behind the token at the server, if the API has a way to."""
        if (endpoint := self._revoke) is None:
            return
        try:
            self._exchange(endpoint.method, endpoint.url, {endpoint.request_refresh_token: refresh_token}, {}, timeout)
        except Exception:  # noqa: BLE001 -- best effort: the pair is gone here, whatever the server does
            return

    def close(self) -> None:
        """Do nothing: each exchange closes its own connection, and one under way must not be cut."""

    def _exchange(
        self, method: str, url: str, body: dict[str, str], headers: dict[str, str], timeout: float
    ) -> tuple[int, httpx.Headers, bytes]:
        deadline = _Deadline(timeout)
        headers = {"accept": "application/json", "accept-encoding": "identity", "connection": "close", **headers}
        extensions = {"trace": deadline.watch}
        # A client of its own: no cookie of an earlier answer, perhaps another user's, goes along.
        with (
            deadline,
            self._build() as client,
            client.stream(method, url, json=body, headers=headers, timeout=timeout, extensions=extensions) as response,
        ):
            content = _read(response, deadline)
        return response.status_code, response.headers, content

    def _classified(self, status: int, headers: httpx.Headers, content: bytes, sent: float) -> Answer:
        retry_after = _seconds(headers.get("retry-after"))
        if 200 <= status <= 299:
            return self._renewed(content, sent, date_of(headers))
        if status in self._endpoint.dead:
            # A portal or firewall in between answers with a page of its own; only the API's word ends a session.
            if not content.strip() or isinstance(_object(content), dict):
                return Refused(f"status {status}")
            return Unknown(f"status {status} with a body that is not the API's")
        if status == 429 or (status == 503 and retry_after is not None):
            return Busy(f"the server is busy (status {status})", retry_after)
        return Unknown(f"status {status} from {_host(self._endpoint.url)}")

    def _renewed(self, content: bytes, sent: float, date: float | None) -> Answer:
        said = _object(content, object_pairs_hook=_without_duplicates)
        if not isinstance(said, dict):
            return Unknown("the answer to the refresh is no JSON object")
        names = self._endpoint.response_access_token, self._endpoint.response_refresh_token
        for name in names:
            if not is_token(said.get(name)):
                return Unknown(f"the answer to the refresh has no usable {name}")
        pair = TokenPair(said[names[0]], said[names[1]])
        known = partial(clock_offset, sent=sent, received=self._clock.wall(), date=date)
        return Renewed(pair, known(claims_of(pair.access_token)), known(Claims()) if date is not None else None)


def _read(response: httpx.Response, deadline: _Deadline) -> bytes:
    """Return the body. `identity` was asked for, but some servers compress whatever they are asked."""
    # A transport in memory may have read, and decoded, it before.
    read = response.is_stream_consumed
    decode = _DECODERS["identity" if read else response.headers.get("content-encoding", "identity").lower()]()
    content = b""
    for chunk in response.iter_bytes() if read else response.iter_raw():
        # Bounded while decoding: a few bytes of gzip can be made to become megabytes.
        content += decode(chunk, _LARGEST_ANSWER + 1 - len(content))
        if len(content) > _LARGEST_ANSWER:
            raise httpx.DecodingError("the answer is too large")
        deadline.check()
    return content


_DECODERS: Final[dict[str, Callable[[], Callable[[bytes, int], bytes]]]] = {
    "identity": lambda: lambda chunk, _: chunk,
    "gzip": lambda: zlib.decompressobj(16 + zlib.MAX_WBITS).decompress,
}


class _Deadline:
    """Ends an exchange after a total time, which httpx's timeouts, one per read, do not bound.

    A server that drips its headers byte by byte is cut by shutting the socket down from a timer.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._socket: socket.socket | None = None

    def __enter__(self) -> None:
        # Python 3.12 starts no thread once the main one has ended; httpx's own timeouts must do then, or the refresh
        # that the process still waits for would be given up.
        with contextlib.suppress(RuntimeError):
            self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """Remember the socket once there is one (httpcore's trace extension)."""
        # By whichever way: "connection.…", or "proxy.…" and "socks.…" where one stands between.
        if event.endswith((".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")
            if time.monotonic() >= self._end:  # the timer went off while there was no socket to cut
                self._cut()

    def check(self) -> None:
        if time.monotonic() > self._end:
            raise httpx.ReadTimeout("the answer took too long in total")

    def _cut(self) -> None:
        if self._socket is not None:
            try:
                # The plain socket's own: that of TLS would first make it one that sends without encryption.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return


def date_of(headers: httpx.Headers) -> float | None:
    """Return the moment that an answer's Date header names (RFC 9110, section 6.6.1), in seconds since the epoch."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None


def _object(content: bytes, **options: Any) -> Any:
    try:
        return json.loads(content, **options)
    except (ValueError, RecursionError):
        return None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 8259, section 4: of a name that comes twice, parsers differ in which they take.
    said = dict(pairs)
    if len(said) < len(pairs):
        raise ValueError
    return said


def _seconds(retry_after: str | None) -> float | None:
    # RFC 9110, section 10.2.3; the form with a date is rare, and clocks differ, so it counts as unsaid.
    if not (retry_after and retry_after.isascii() and retry_after.isdigit()):
        return None
    return min(float(retry_after), _LONGEST_REST)


def _host(url: str) -> str:
    return httpx.URL(url).netloc.decode("ascii", "replace")
