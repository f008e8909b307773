"""What the server does by itself, before an application hears of a request: refuse what is no HTTP, and end waiting."""

import asyncio
import uuid
from contextlib import suppress
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from signedin_backend import answers, edge
from signedin_backend.connections import Gate, room
from signedin_backend.journal import LOG
from signedin_backend.settings import Settings

# So many pieces may be smaller than this many bytes. One piece takes the event loop about 20 microseconds, whatever is
# in it: a body of one-byte chunks would cost a thousand times what its bytes do.
_PIECES, _PIECE = 128, 256
# What is read of a body after its answer and dropped unparsed, and for how long: closing on a peer that still writes
# resets the connection, and the answer is lost with it. Beyond, the peer waits for nothing until the time is over.
_DROPPED, _PARTING_SECONDS = 4 * 1024 * 1024, 5
_LONGEST_HEAD = 65_536
_GATE = "signedin.gate"  # where the connections of one worker stand, in the state that they share


class Bounded(h11.Connection):
    """Parses no more of a body than may be of use: its limit, in pieces of a sensible size."""

    def __init__(self, limit: int, most_incomplete: int) -> None:
        super().__init__(h11.SERVER, most_incomplete)
        self._limit, self._size, self._pieces = limit, 0, 0

    @property
    def over(self) -> bool:
        """Tell whether the body is over its limit; nothing behind it is parsed then."""
        return self._size > self._limit

    def next_event(self) -> Any:
        """Return what comes next, as h11 does.

        Raises:
            h11.RemoteProtocolError: It is no HTTP, or a body in too many pieces.
        """
        if self.over:
            return h11.NEED_DATA
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._size = self._pieces = 0
        elif isinstance(event, h11.Data):
            self._size, self._pieces = self._size + len(event.data), self._pieces + 1
            if self._pieces > _PIECES + self._size // _PIECE:
                raise h11.RemoteProtocolError("too many pieces")
        return event


class Protocol(H11Protocol):
    """uvicorn's own, except for its answer to what is no HTTP, or whose headers have no end after 64 KiB.

    And a head has `head_seconds` from the connection or its first byte, where uvicorn sets no time for the first one,
    and any byte ends that of a later one. Of a body it parses `body_limit` bytes and drops the rest. When there are too
    many connections, the one goes that was waited for longest.
    """

    conn: Bounded

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        settings: Settings = app_state.get(edge.SETTINGS) or Settings()
        if _GATE not in app_state:
            app_state[_GATE] = gate = Gate(room(settings))
            if (metrics := app_state.get(edge.METRICS)) is not None:
                metrics.watch("connections", "Open connections", gate.__len__)
        self._gate: Gate = app_state[_GATE]
        self._head_seconds = min(settings.head_seconds, self.timeout_keep_alive)
        self._unread: asyncio.TimerHandle | None = None
        self._counted, self._begun = True, True  # in the gate; the head of the next request
        self.conn = Bounded(settings.body_limit, config.h11_max_incomplete_event_size or _LONGEST_HEAD)
        self._left: int | None = None  # how much is still read and dropped; None while it is parsed

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        if self._gate.enter(self):
            self._wait_for_a_head()
        else:
            self._turn_away()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._read()
        self._leave()

    def give_way(self) -> None:
        """Close for another one; whoever reads our answers would not have had to wait."""
        self._counted = False  # The gate forgot it already.
        self.transport.abort()

    def _leave(self) -> None:
        if self._counted:
            self._counted = False
            self._gate.leave(self)

    def _turn_away(self) -> None:
        answer = answers.error(503, "Service unavailable.", {"Retry-After": "1", **answers.common(uuid.uuid4().hex)})
        lines = [b"HTTP/1.1 503 Service Unavailable", *(b": ".join(pair) for pair in answer.raw_headers)]
        self.transport.write(b"\r\n".join([*lines, b"connection: close", b"", bytes(answer.body)]))
        self._left = 0
        self._leave()
        self.transport.close()

    def _wait_for_a_head(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self._head_seconds, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Take what came; `handle_events` ends the wait once there is a whole head."""
        if self._left is not None:
            self._drop(data)
            return
        if not self._begun:
            self._begun = True
            self._wait_for_a_head()
        self.conn.receive_data(data)
        self.handle_events()

    def handle_events(self) -> None:
        """Parse what came, up to the limit of a body; then the application has all that it gets."""
        before: RequestResponseCycle | None = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self.cycle.transport = _Parting(self)  # type: ignore[assignment]  # all that uvicorn uses of it
        self._bound_body()
        self._work()

    def _work(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever uvicorn declares
        whole = cycle is not None and not cycle.more_body and not cycle.response_complete
        if whole and not self.flow.write_paused:
            self._gate.work_for(self)

    def pause_writing(self) -> None:
        """Wait for a peer that does not read its answer, but not for ever."""
        super().pause_writing()
        self._gate.wait_for(self)
        self._unread = self.loop.call_later(self.timeout_keep_alive, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._read()
        self._work()

    def _read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _bound_body(self) -> None:
        if not self.conn.over or self._left is not None:
            return
        if self.conn.our_state is h11.DONE:  # It was answered without its body.
            self.part()
            return
        self._left = _DROPPED
        self.cycle.more_body = False
        self.cycle.message_event.set()
        # As if the request had this header: so the answer has it too.
        self.scope["headers"] = [*self.scope["headers"], CLOSE_HEADER]

    def _drop(self, data: bytes) -> None:
        self._left = (self._left or 0) - len(data)
        if self._left <= 0:
            self.flow.pause_reading()

    def close(self) -> None:
        """Close after an answer, at once unless the peer may still send what a reset would answer."""
        unread = self.conn.their_state is h11.SEND_BODY or self.conn.trailing_data[0]
        if unread or self._left is not None or edge.is_ambiguous(self.scope):  # type: ignore[arg-type]  # uvicorn's scope
            self.part()
        else:
            self.transport.close()

    def part(self) -> None:
        """Say that no more is coming, and close when the peer does, or when its time is over."""
        if self.transport.is_closing():
            return
        self._gate.wait_for(self, stranger=True)
        self._left = _DROPPED if self._left is None else self._left
        with suppress(OSError, NotImplementedError):  # The peer is gone already; TLS cannot.
            self.transport.write_eof()
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(_PARTING_SECONDS, self.transport.abort)
        self.flow.resume_reading()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request, if there may be one."""
        if self._left is not None:
            return
        self._begun = False
        self._gate.wait_for(self)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer 400 and close; what was wrong is in `msg` and stays here."""
        del msg
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._refuse(self._logged_id())
        # Else the request was answered before its body broke.
        self.part()

    def _logged_id(self) -> str:
        """Return the id of what is refused, with which it is logged."""
        if self.conn.our_state is h11.SEND_RESPONSE:
            # A body that broke: the application has the request, and logs it. It is answered from here.
            self.cycle.disconnected = True
            return edge.refused(self.scope, 400)  # type: ignore[arg-type]  # uvicorn's scope
        request_id = uuid.uuid4().hex
        about = {"request_id": request_id, "method": "", "route": "", "status": 400}
        LOG.info("request", extra={"fields": about})
        return request_id

    def _refuse(self, request_id: str) -> None:
        answer = answers.error(400, "Malformed HTTP request.", answers.common(request_id))
        headers = [*answer.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")


class _Parting:
    """What an answer is written to; its peer may still send when it ends."""

    def __init__(self, protocol: Protocol) -> None:
        self.write, self.is_closing = protocol.transport.write, protocol.transport.is_closing
        self.close = protocol.close
