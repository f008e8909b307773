"""`python -m signedin_backend` whose every answer is held against `openapi.yaml` on its way out.

For suites whose clients are the SDK's own: an answer that breaks the contract is reported on stderr, whoever gets it,
and `tests.servers.backend` fails the test when it ends.
"""

import sys
from typing import Any

from signedin_backend import __main__ as program
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.contract import ContractError, check_response

BROKEN = "an answer breaks the contract: "
# Beside the contract: probes, and the ledger of tests and demos.
_BESIDE = ("/healthz", "/readyz", "/api/v1/__ledger__")


class Checked:
    """Wraps the application; answers pass unchanged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {}
        body = bytearray()

        async def recording(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    _check(scope, start, bytes(body))
            await send(message)

        await self._app(scope, receive, recording)


def _check(scope: Scope, start: Message, body: bytes) -> None:
    if scope["path"] in _BESIDE or scope["method"] == "HEAD":
        return
    try:
        headers = Headers(raw=list(start["headers"]))
        check_response(scope["method"], scope["path"], start["status"], headers, body)
    except ContractError as error:
        sys.stderr.write(f"{BROKEN}{error}\n")
        sys.stderr.flush()


class Server(program.Server):
    """Serves the checked application."""

    def __init__(self, config: Any) -> None:
        config.app = Checked(config.app)
        super().__init__(config)


if __name__ == "__main__":
    program.Server = Server  # type: ignore[misc]
    sys.exit(program.main())
