"""What the server does by itself, before an application hears of a request: refuse what is no HTTP, and end waiting."""

import asyncio
import logging
import uuid

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from signedin_backend import answers, edge
from signedin_backend.journal import LOG


class Protocol(H11Protocol):
    """uvicorn's own, except for its answer to what is no HTTP, or whose headers have no end after 64 KiB.

    And a connection has as many seconds for the whole head of its first request as it may lie idle between two:
    uvicorn sets no time for the first one, and any byte ends that of a later one.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Take what came; `handle_events` ends the wait once there is a whole head."""
        self.conn.receive_data(data)
        self.handle_events()

    def send_400_response(self, msg: str) -> None:
        """Answer 400 and close; what was wrong is in `msg` and stays here."""
        del msg
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._refuse(self._told())
        # Else the request was answered before its body broke.
        self.transport.close()

    def _told(self) -> str:
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


def is_news(record: logging.LogRecord) -> bool:
    """Tell whether uvicorn says something that `Protocol` does not say better, with the request's id."""
    return record.getMessage() != "Invalid HTTP request received."
