"""Serve an application on a free loopback port, with a ledger of its responses and a clock that a test moves.

Every server module beside this one ends in `serve(app)`. `GET /__ledger` has how often which status left which path;
`POST /__clock?seconds=30` lets time pass for the whole process, so that nobody waits for a token to expire.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

import time_machine
import uvicorn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class Ledger:
    """An application around another one."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._counts: Counter[str] = Counter()
        self._clock = time_machine.travel(time.time(), tick=True).start()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/__ledger":
            await _answer(send, json.dumps(self._counts).encode())
        elif scope["type"] == "http" and scope["path"] == "/__clock":
            self._clock.shift(float(parse_qs(scope["query_string"].decode())["seconds"][0]))
            await _answer(send, b"{}")
        else:
            await self._application(scope, receive, self._counting(scope, send))

    def _counting(self, scope: Message, send: Send) -> Send:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counts[f"{scope['method']} {scope['path']} {message['status']}"] += 1
                # uvicorn's own header is a second old: more than that by this clock, when it has just been moved.
                message["headers"] = [*message.get("headers", ()), (b"date", formatdate(usegmt=True).encode())]
            await send(message)

        return counting


async def _answer(send: Send, body: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


def serve(application: Application) -> None:
    """Print `listening on URL`, and serve until the process is ended."""
    config = uvicorn.Config(
        Ledger(application), port=0, log_level="warning", date_header=False, timeout_keep_alive=10**6
    )
    socket = config.bind_socket()
    socket.listen()  # whoever reads the line below may connect at once
    print(f"listening on http://127.0.0.1:{socket.getsockname()[1]}", flush=True)  # noqa: T201 -- what the suite reads
    asyncio.run(uvicorn.Server(config).serve(sockets=[socket]))
