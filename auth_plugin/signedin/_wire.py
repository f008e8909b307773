"""The refresh on the wire: one POST with a total timeout, on a connection of its own, its answer classified.

A fresh connection each time, on purpose: on an idle one that the server has just closed, a request fails after it was
sent, and nobody can tell whether the refresh token is spent. What an answer means for the session: see `_flight`.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import httpx

from signedin._contract import SIGN_IN_REFUSED, Credentials, Received, Settings, SignIn, filled, issued, resolved
from signedin._network import allowed_origin, origin_of
from signedin._threads import SystemClock
from signedin.errors import ConfigurationError
from signedin.protocols import Answer, Busy, NotSent, Refused, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from signedin_sdk.types import RefreshContract, Sign, TokenRequest, TokenResponse

    from signedin._tokens import TokenPair
    from signedin.protocols import Clock, Contract

_LARGEST_ANSWER: Final = 64 * 1024  # bytes
_LONGEST_REST: Final = 86_400.0  # seconds; a server that wants more is tried again after a day
# Raised before a byte of the request was written: connection set-up, a proxy's tunnel, the wait for the pool.
_BEFORE_SENDING: Final = (
    *(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol),
)
_HEADERS: Final = {"accept": "application/json", "accept-encoding": "identity", "connection": "close"}


class HttpRefresher:
    """Renew and revoke pairs over HTTP as the contract of a generated package says.

    No redirects, no cookies but the contract's, no hooks, no auth, no connection of earlier requests. A relative URL of
    the contract is below `base_url`; an absolute one is used as it is, and only there do the tokens go.

    `settings`: what the contract leaves to the user, else SIGNEDIN_SETTING_<NAME>. `credentials`: where the contract
    says `renew: signIn`, returns the arguments of the operation that signs in, which replaces the refresh; the
    `TokenSession` needs `signs_in=True` then. `client` makes the client of one exchange. Its headers go along, also an
    `authorization` for a gateway, but not to another origin than that of `base_url`; those that the exchange itself
    needs replace them.

    Raises:
        ConfigurationError: A setting is missing, or tokens would travel unencrypted to another machine.
    """

    def __init__(
        self,
        contract: Contract,
        base_url: str,
        *,
        settings: Mapping[str, str] | None = None,
        credentials: Callable[[], Mapping[str, Any]] | None = None,
        client: Callable[[], httpx.Client] = httpx.Client,
        clock: Clock | None = None,
        allow_http: bool = False,
    ) -> None:
        # First: crash reporters show the locals of this frame.
        settings, credentials = Settings(settings or {}), credentials and Credentials(credentials)
        self._contract: RefreshContract = contract.REFRESH
        self._revocation: TokenRequest | None = contract.REVOKE and contract.REVOKE.request
        self._base_url, self._client, self._clock = base_url, client, clock or SystemClock()
        self._settings = resolved(contract, settings)
        self._sign_in = None if credentials is None else SignIn(contract, credentials)
        self._allow_http = allow_http
        self._endpoints: dict[str, str] = {}  # by the names of the discovery document; replaced as a whole
        urls = [request.url for request in (self._contract.request, self._revocation) if request is not None]
        for url in (*urls, self._contract.discovery or ""):
            allowed_origin(self._absolute(url), allow_http=allow_http)

    def refresh(self, pair: TokenPair, *, attempt: str, timeout: float) -> Answer:
        """Send the pair once, or sign in anew, and classify what came of it."""
        if self._sign_in is not None:
            return self._signed_in(self._sign_in, timeout)
        request, grace = self._contract.request, self._contract.grace
        if request is None or (request.refresh_token is not None and pair.refresh_token is None):
            return Refused("the server has issued no refresh token")
        begun, dead = time.monotonic(), self._contract.dead
        try:
            url = self._url(request, "token_endpoint", timeout / 2)
        except LookupError as error:
            return NotSent(str(error))
        headers = _HEADERS | ({grace.header.lower(): attempt} if grace and grace.header else {})
        exchange = self._exchange(filled(request, url, pair, self._settings, headers), url)
        left = timeout - (time.monotonic() - begun)
        return self._answer(exchange, left, self._contract.response, dead, old=pair)

    def _signed_in(self, sign_in: SignIn, timeout: float) -> Answer:
        try:
            request = sign_in.request(self._base_url, _HEADERS)
        except Exception as error:  # noqa: BLE001 -- of the user's callback, or for arguments that the operation lacks
            return NotSent(f"credentials= raised {type(error).__name__}, or its arguments do not fit the operation")
        exchange = self._exchange(request, request["url"])
        return self._answer(exchange, timeout, sign_in.response, SIGN_IN_REFUSED, old=None)

    def _answer(
        self,
        exchange: _Exchange,
        timeout: float,
        response: TokenResponse,
        dead: tuple[Sign, ...],
        *,
        old: TokenPair | None,
    ) -> Answer:
        """Carry the exchange out; return what came of it."""
        sent, received = self._clock.wall(), exchange.run(timeout)
        if isinstance(received, type):
            if issubclass(received, _BEFORE_SENDING) and not exchange.sending:
                return NotSent(f"{exchange.host} could not be reached ({received.__name__})")
            return Unknown(f"no answer from {exchange.host} ({received.__name__})")
        now, status = self._clock.wall(), received.status
        if 200 <= status <= 299:
            answer = Received(status, received.headers, received.content, strict=True)
            try:
                return issued(answer, response, self._contract, sent=sent, received=now, old=old)
            except LookupError as error:
                return Unknown(f"the answer to the refresh has no usable {error}")
        if (sign := received.matches(dead)) is not None:
            # A portal, firewall or gateway in between answers with a body of its own; only the API ends a session.
            if sign.place is not None or _is_the_apis(received, self._contract.error_properties):
                return Refused(f"status {status}")
            return Unknown(f"status {status} with a body that is not the API's")
        retry_after = _seconds(received.headers.get("retry-after"))
        if status == 429 or (status == 503 and retry_after is not None):
            return Busy(f"the server is busy (status {status})", retry_after)
        return Unknown(f"status {status}")

    def revoke(self, pair: TokenPair, *, timeout: float) -> None:
        """End the session behind the pair at the server, if the API has a way to; trouble is swallowed."""
        request = self._revocation
        if request is not None and (request.refresh_token is None or pair.refresh_token is not None):
            with contextlib.suppress(LookupError):
                url = self._url(request, "revocation_endpoint", timeout / 2)
                self._exchange(filled(request, url, pair, self._settings, _HEADERS), url).run(timeout)

    def close(self) -> None:
        """Do nothing: each exchange closes its own connection, and one under way must not be cut."""

    def _absolute(self, url: str) -> str:
        return url if "://" in url else self._base_url + url

    def _url(self, request: TokenRequest, endpoint: str, timeout: float) -> str:
        """Return the URL of a request. Raises LookupError where the discovery document does not name it."""
        if request.url or self._contract.discovery is None:
            return self._absolute(request.url)
        if endpoint not in self._endpoints:
            self._endpoints = self._discovered(self._absolute(self._contract.discovery), timeout)
        if endpoint not in self._endpoints:
            raise LookupError(f"the discovery document names no usable {endpoint}")
        return self._endpoints[endpoint]

    def _discovered(self, url: str, timeout: float) -> dict[str, str]:
        """Return the endpoints that the issuer's document names (OpenID Connect Discovery 1.0, section 4)."""
        response = self._exchange({"method": "GET", "url": url, "headers": _HEADERS}, url).run(timeout)
        if not isinstance(response, Received):
            raise LookupError(f"the discovery document could not be read ({response.__name__})")  # noqa: TRY004 -- the request's trouble
        document = response.body if response.status == 200 and isinstance(response.body, dict) else {}
        issuer = str(document.get("issuer"))
        # By the origin: a document for many tenants names each one's issuer by a pattern.
        if not self._may_receive_tokens(issuer) or origin_of(httpx.URL(issuer)) != origin_of(httpx.URL(url)):
            raise LookupError("the discovery document is not that of the issuer which it names")
        return {name: value for name, value in document.items() if self._may_receive_tokens(value)}

    def _may_receive_tokens(self, url: object) -> bool:
        try:
            return isinstance(url, str) and bool(allowed_origin(url, allow_http=self._allow_http))
        except ConfigurationError:
            return False

    def _exchange(self, request: dict[str, Any], url: str) -> _Exchange:
        """Return the exchange of a request. `url`: as the contract has it, without what fills it in."""
        at_home = origin_of(httpx.URL(url)) == origin_of(httpx.URL(self._base_url))
        return _Exchange(self._client if at_home else partial(_without_headers, self._client), request, shown=url)


def _without_headers(client: Callable[[], httpx.Client]) -> httpx.Client:
    """Return a client without the user's headers: another origin has no right to the API's keys."""
    opened = client()
    opened.headers = httpx.Headers({"user-agent": opened.headers.get("user-agent", "")})
    return opened


class _Discreet(httpx.URL):
    """A URL that httpx's log shows as the contract has it, without the token or setting that fills it in."""

    def __init__(self, url: httpx.URL, shown: str) -> None:
        super().__init__(url)
        self._shown = shown

    def __str__(self) -> str:
        return self._shown


class _Exchange:
    """One request and its response, in a thread of its own that is abandoned once the time is over.

    httpx's timeouts bound one read or write each: neither a name server that hangs, nor a server that sends a byte now
    and then. What is abandoned before it is sent stays unsent, so it may be reported as such, and the token used again.
    """

    def __init__(self, client: Callable[[], httpx.Client], request: dict[str, Any], *, shown: str = "") -> None:
        self._client, self._request, self._shown = client, request, shown
        self.host = httpx.URL(shown).netloc.decode("ascii", "replace")
        self._outcome: Received | type[BaseException] | None = None
        self._lock = threading.Lock()  # guards all below: an exchange is abandoned, or it begins to send
        self._connecting = False  # by httpcore's events; of a transport without them nobody can tell
        self.sending = False  # the first byte of the request may have left
        self._abandoned = False
        self._socket: socket.socket | None = None

    def run(self, seconds: float) -> Received | type[BaseException]:
        """Return the response, or the type of what the transport raised, or of a timeout after so many seconds."""
        thread = threading.Thread(target=self._perform, args=(seconds,), name="signedin-exchange", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # Python 3.12 starts no thread once the main one has ended, and the system may have none left. Then httpx's
            # own timeouts must do, or the refresh that the process still waits for would be abandoned.
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
            with self._client() as client:
                request = client.build_request(**options)
                request.url = _Discreet(request.url, self._shown)
                with contextlib.closing(client.send(request, stream=True)) as response:
                    self._outcome = Received(response.status_code, response.headers, _read(response, end))
        except BaseException as error:  # noqa: BLE001 -- only its type stays: its frames hold the token
            # A read that times out here is that of a proxy's answer to CONNECT.
            unsent = isinstance(error, httpx.TimeoutException) and self._connecting and not self.sending
            self._outcome = httpx.ConnectTimeout if unsent else type(error)

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
    """Return the body. It is requested as `identity`, but some servers compress all the same."""
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


def _is_the_apis(answer: Received, properties: frozenset[str]) -> bool:
    if isinstance(answer.body, dict):
        return properties <= answer.body.keys()
    # Without a body: a gateway's, if the API documents one. What is wrongly unknown is tried again a few times; what
    # is wrongly dead is lost.
    return not properties and not answer.content.strip()


def _seconds(retry_after: str | None) -> float | None:
    # RFC 9110, section 10.2.3; the form with a date is rare, and clocks differ, so it counts as absent.
    if not (retry_after and retry_after.isascii() and retry_after.isdigit()):
        return None
    return min(float(retry_after), _LONGEST_REST)
