"""The outermost layer: request ids, trusted hosts, headers that every answer carries, one log line, no leaking 500."""

import re
import time
import uuid
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signedin_backend import answers
from signedin_backend.journal import LOG, Journal

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PORT = re.compile(r":\d*$")
# Asked every few seconds, by whatever name or address the one who asks has for us.
_PROBES = {"/healthz", "/readyz"}


class Edge:
    """Wraps the application; every answer passes here."""

    def __init__(self, app: ASGIApp, *, journal: Journal, trusted_hosts: tuple[str, ...]) -> None:
        self._app, self._journal, self._trusted = app, journal, trusted_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, _untraced(send))
            return
        started, request_id, seen = time.perf_counter(), _request_id(scope), Status()

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.code = message["status"]
                MutableHeaders(scope=message).update(answers.common(request_id))
            await send(message)

        await self._answer(scope, receive, send_marked, seen, request_id)
        if (path := scope["path"]) not in _PROBES and not path.endswith("/__ledger__"):
            about = {**_about(scope, request_id), "ms": round((time.perf_counter() - started) * 1000, 3)}
            self._journal.record(scope.get("signedin.mark", {}), status=seen.code, about=about)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, seen: "Status", request_id: str) -> None:
        try:
            app = self._app if self._is_trusted(scope) else answers.error(400, "Invalid host header.")
            await app(scope, receive, send)
        except Exception:
            LOG.exception("failed", extra={"fields": {"request_id": request_id}})
            if seen.code:
                raise  # Half an answer is under way; only closing the connection says so.
            await answers.error(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error.")(scope, receive, send)

    def _is_trusted(self, scope: Scope) -> bool:
        hosts = Headers(scope=scope).getlist("host")
        if "*" in self._trusted or scope["path"] in _PROBES:
            return True
        return len(hosts) == 1 and _PORT.sub("", hosts[0]).lower() in self._trusted


class Status:
    """The status that was sent; 0 before."""

    code = 0


def _untraced(send: Send) -> Send:
    """Drop the traceback that Starlette hands to the server when the start fails; the reason is logged already."""

    async def send_short(message: Message) -> None:
        failed = message["type"] == "lifespan.startup.failed"
        await send({**message, "message": "the start failed"} if failed else message)

    return send_short


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _about(scope: Scope, request_id: str) -> dict[str, Any]:
    # The route, not the path: whoever mistypes may have put a secret into it.
    route = scope.get("route")
    return {"request_id": request_id, "method": scope["method"], "route": getattr(route, "path", "")}
