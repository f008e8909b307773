"""The outermost layer: request ids, trusted hosts, headers that every answer carries, one log line, no leaking 500."""

import re
import time
import uuid
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signedin_backend import answers
from signedin_backend.journal import LOG, Journal
from signedin_backend.settings import Settings

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PORT = re.compile(r":\d*$")
_ABSOLUTE = re.compile(rb"https?://([^/]*)(.*)", re.IGNORECASE | re.DOTALL)
# Where the id stands in the state of a request, and the status of the server's own refusal.
_ID, _REFUSED = "signedin.request_id", "signedin.refused"
# Where the server finds the settings and the metrics, in the state of the lifespan.
SETTINGS, METRICS = "signedin.settings", "signedin.metrics"
# Any word may be a method, and of any length.
_LONGEST_METHOD = 16
# Requested every few seconds, by whatever name or address the one who requests has for us.
_PROBES = {"/healthz", "/readyz"}


class Edge:
    """Wraps the application; every answer passes here."""

    def __init__(self, app: ASGIApp, *, journal: Journal, settings: Settings) -> None:
        self._app, self._journal, self._settings = app, journal, settings
        # Around our own refusals too: a page that may not read them sees a network that failed.
        self._way = self._for_pages() if settings.allow_origin else self._safe

    def _for_pages(self) -> ASGIApp:
        return CORSMiddleware(
            self._safe,
            allow_origins=self._settings.allow_origin,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"),
            expose_headers=("Retry-After", "X-Request-ID", "Date", "WWW-Authenticate"),
            max_age=7_200,  # the longest that Chromium keeps it
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if "state" in scope:
                scope["state"].update({SETTINGS: self._settings, METRICS: self._journal.metrics})
            await self._app(scope, receive, _untraced(send))
            return
        seen, scope = Seen(request_id(scope)), _with_path(scope)

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                MutableHeaders(scope=message).update(answers.common(seen.request_id))
            await send(message)
            seen.whole = message["type"] == "http.response.body" and not message.get("more_body", False)

        try:
            await self._admitted(scope)(scope, receive, send_marked)
        finally:
            if (path := scope["path"]) not in {*_PROBES, "/metrics"} and not path.endswith("/__ledger__"):
                self._journal.record(scope.get("signedin.mark", {}), **seen.entry(scope))

    def _admitted(self, scope: Scope) -> ASGIApp:
        """Return the application, or the refusal of a page that may not use it, before anything is done for it."""
        # A browser asks first only about some requests, and keeps from the page no more than the answer.
        origins, allowed = Headers(scope=scope).getlist("origin"), self._settings.allow_origin
        own = {f"{scheme}://{host}" for scheme in ("http", "https") for host in Headers(scope=scope).getlist("host")}
        if not allowed or (len(origins) < 2 and {*origins} <= {*allowed, *own}):
            return self._way
        return answers.error(400, "Invalid Origin header.", {"Vary": "Origin"})

    async def _safe(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._chosen(scope)(scope, receive, send_watched)
        except Exception:
            LOG.exception("failed", extra={"fields": {"request_id": request_id(scope)}})
            if begun:
                raise  # Half an answer is under way; only closing the connection says so.
            await answers.error(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error.")(scope, receive, send)

    def _chosen(self, scope: Scope) -> ASGIApp:
        if is_ambiguous(scope):
            return answers.error(400, "Malformed HTTP request.", {"Connection": "close"})
        return self._app if self._is_trusted(scope) else answers.error(400, "Invalid host header.")

    def _is_trusted(self, scope: Scope) -> bool:
        hosts, trusted = Headers(scope=scope).getlist("host"), self._settings.trusted_hosts
        if "*" in trusted or scope["path"] in _PROBES:
            return True
        return len(hosts) == 1 and _PORT.sub("", hosts[0]).lower() in trusted


class Seen:
    """What became of one request: the status that was sent, 0 before, and whether all of the answer was."""

    def __init__(self, request_id: str) -> None:
        self.request_id, self.status, self.whole = request_id, 0, False
        self._started = time.perf_counter()

    def entry(self, scope: Scope) -> dict[str, Any]:
        """Return the status and the fields of its line in the log."""
        # The route, not the path: whoever mistypes may have put a secret into it.
        route = getattr(scope.get("route"), "path", "")
        milliseconds = round((time.perf_counter() - self._started) * 1000, 3)
        method = scope["method"][:_LONGEST_METHOD]
        about = {"request_id": self.request_id, "method": method, "route": route, "ms": milliseconds}
        status = scope["state"].get(_REFUSED, self.status)
        return {"status": status, "about": about if self.whole else {**about, "broken": True}}


def _untraced(send: Send) -> Send:
    """Drop the traceback that Starlette hands to the server when the start fails; the reason is logged already."""

    async def send_short(message: Message) -> None:
        failed = message["type"] == "lifespan.startup.failed"
        await send({**message, "message": "the start failed"} if failed else message)

    return send_short


def request_id(scope: Scope) -> str:
    """Return the id of this request, the same for everyone who asks."""
    # In the state, which copies of the scope share.
    state: dict[str, Any] = scope.setdefault("state", {})
    if _ID not in state:
        from_client = Headers(scope=scope).get("x-request-id", "")
        state[_ID] = from_client if _REQUEST_ID.fullmatch(from_client) else uuid.uuid4().hex
    return str(state[_ID])


def refused(scope: Scope, status: int) -> str:
    """Have the log say that the server refused this request by itself, whatever we answer; return its id."""
    name = request_id(scope)
    scope["state"][_REFUSED] = status
    return name


def is_ambiguous(scope: Scope) -> bool:
    """Tell whether a proxy in front may have seen another end of this request than we do, and so another next one."""
    # RFC 9112, sections 6.1 and 6.3: an attempt to smuggle a request; the connection ends with the answer.
    headers = Headers(scope=scope)
    chunked = "transfer-encoding" in headers
    return chunked and ("content-length" in headers or scope.get("http_version") == "1.0")


def _with_path(scope: Scope) -> Scope:
    """Return the request as if its target were a path; an absolute one says the host, whatever Host says."""
    # RFC 9112, section 3.2.2. Unquoted like any path, but after the authority was cut off.
    target = _ABSOLUTE.fullmatch(scope.get("raw_path") or b"")
    if target is None:
        return scope
    path = target[2] or b"/"
    headers = [(b"host", target[1]), *(pair for pair in scope["headers"] if pair[0] != b"host")]
    return {**scope, "path": unquote_to_bytes(path).decode(errors="replace"), "raw_path": path, "headers": headers}
