"""What the server answers by itself, before the application hears of a request: the contract's error there too."""

import uuid

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from signedin_backend import answers


class Protocol(H11Protocol):
    """uvicorn's own, except for its answer to what is no HTTP, or whose headers have no end after 64 KiB."""

    def send_400_response(self, msg: str) -> None:
        """Answer 400 and close; what was wrong is in `msg` and stays here."""
        del msg
        answer = answers.error(400, "Malformed HTTP request.", answers.common(uuid.uuid4().hex))
        headers = [*answer.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
