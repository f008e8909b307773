"""A TCP proxy on loopback that drops, delays, resets, half-closes and cuts, by seed, and remembers every refresh.

It reads HTTP only as far as it must to tell one exchange from the next; what it breaks, it breaks on the socket.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

Fault = Literal["none", "drop", "reset", "delay", "lose", "silence", "half-close", "cut"]
Moment = Literal["arrived", "rotated", "answered"]

_OFTEN: Final = 3
_HOLD: Final = 8.0  # seconds for which a silent connection stays open at most
# After these the server may have rotated without the client knowing; the grace counts each.
SPENDING: Final = frozenset({"lose", "silence", "half-close", "cut"})
_FAULTS: Final[tuple[Fault, ...]] = ("drop", "reset", "delay", "lose", "silence", "half-close", "cut")


@dataclass(slots=True)
class Presentation:
    """One refresh token on its way to the server."""

    token: str  # a hash
    attempt: str | None
    sender: str  # the sender's address, one per process
    arrived: float
    fault: Fault
    answered: float | None = None  # when the whole answer had been handed on


@dataclass(slots=True)
class Chances:
    """How often an exchange is broken, from 0 to 1; `spending` bounds the lost answers of one refresh token."""

    refresh: float = 0.3
    call: float = 0.04
    spending: int = 2


@dataclass(slots=True)
class FaultProxy:
    """Stands before `upstream`; `on_refresh` hears of each refresh, in the proxy's thread."""

    upstream: str
    seed: int
    chances: Chances = field(default_factory=Chances)
    on_refresh: Callable[[str, Moment], None] = lambda _sender, _moment: None
    presentations: list[Presentation] = field(default_factory=list)  # appended to by the proxy's thread only
    broken: int = 0
    served: int = 0  # calls that were answered well
    base_url: str = ""
    # asyncio itself holds connections' tasks only weakly.
    _connections: set[asyncio.Task[Any]] = field(default_factory=set)
    _spent: dict[str, int] = field(default_factory=dict)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _chance: random.Random = field(default_factory=random.Random)

    @property
    def grace_is_used(self) -> bool:
        """Whether the newest refresh token has come so often that the server's count of five is near."""
        newest = self.presentations[-1].token if self.presentations else None
        return sum(seen.token == newest for seen in self.presentations[-8:]) >= _OFTEN

    @property
    def answered(self) -> int:
        """Refresh tokens whose successors have reached a client."""
        return len({seen.token for seen in self.presentations if seen.answered is not None})

    def history(self) -> list[str]:
        """Tell what became of the newest refresh token."""
        newest = self.presentations[-1].token if self.presentations else None
        return [
            f"{seen.arrived:.2f} from {seen.sender}: {seen.fault}, "
            + (f"answered after {seen.answered - seen.arrived:.2f} s" if seen.answered else "not answered")
            for seen in self.presentations
            if seen.token == newest
        ]

    def __enter__(self) -> Self:
        self._chance = random.Random(self.seed)
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started,), name="fault-proxy", daemon=True)
        self._thread.start()
        if not started.wait(10):
            raise RuntimeError("the proxy did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join(10)

    def _serve(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1024))
        parts = urlsplit(self.upstream)
        port = server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}{parts.path}"
        started.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._connection(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(self.upstream)
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while (request := await _message(reader)) is not None:
                if server is None:
                    server = await asyncio.open_connection(parts.hostname, parts.port)
                if not await self._exchange(request, reader, writer, server):
                    return
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            for stream in (writer, server[1] if server else None):
                if stream is not None:
                    stream.close()

    async def _exchange(
        self,
        request: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> bool:
        """Carry one request and its answer over, or break it; False when the connection is over."""
        seen = self._seen(request, writer)
        fault = seen.fault if seen else self._fault(self.chances.call)
        self.broken += fault != "none"
        if fault == "reset":
            _reset(writer)
        if fault == "drop":
            await _hold(reader)
        if fault in {"reset", "drop"}:
            return False
        server[1].write(request)
        answer = await _message(server[0])
        if answer is None:
            return False
        if seen is not None:
            self.on_refresh(seen.sender, "rotated")
        if fault == "delay":
            await asyncio.sleep(self._chance.uniform(0.05, 0.6))
        if fault in SPENDING:
            await _spoil(fault, answer, reader, writer)
            return False
        writer.write(answer)
        await writer.drain()
        if seen is None:
            self.served += answer.startswith(b"HTTP/1.1 200")
        else:
            seen.answered = time.monotonic()
            self.on_refresh(seen.sender, "answered")
        return b"connection: close" not in answer.partition(b"\r\n\r\n")[0].lower()

    def _fault(self, chance: float) -> Fault:
        return self._chance.choice(_FAULTS) if self._chance.random() < chance else "none"

    def _seen(self, request: bytes, writer: asyncio.StreamWriter) -> Presentation | None:
        """Note a refresh, and choose what happens to it, within what the server's grace can bear."""
        head, _, body = request.partition(b"\r\n\r\n")
        fault: Fault
        if b"/auth/refreshToken " not in head.partition(b"\r\n")[0]:
            return None
        token = hashlib.sha256(json.loads(body)["refreshToken"].encode()).hexdigest()[:16]
        fault = "none" if self.grace_is_used else self._fault(self.chances.refresh)
        if fault in SPENDING:
            if self._spent.get(token, 0) >= self.chances.spending:
                fault = "none"
            self._spent[token] = self._spent.get(token, 0) + 1
        sender = writer.get_extra_info("peername")[0]
        seen = Presentation(token, _header(head, b"idempotency-key"), sender, time.monotonic(), fault)
        self.presentations.append(seen)
        self.on_refresh(sender, "arrived")
        return seen


async def _message(reader: asyncio.StreamReader) -> bytes | None:
    """Return the next HTTP message, head and body; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    length = _header(head, b"content-length")
    return head + (await reader.readexactly(int(length)) if length else b"")


def _header(head: bytes, name: bytes) -> str | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip().decode("ascii")
    return None


async def _spoil(fault: Fault, answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let an answer get lost, wholly or in its middle."""
    if fault in {"cut", "half-close"}:
        writer.write(answer[: len(answer) * 2 // 3])
        await writer.drain()
    if fault == "half-close":
        writer.write_eof()
    if fault in {"silence", "half-close"}:
        await _hold(reader)
    else:
        _reset(writer)


async def _hold(reader: asyncio.StreamReader) -> None:
    """Say nothing until the other side leaves."""
    try:
        async with asyncio.timeout(_HOLD):
            await reader.read()
    except TimeoutError:
        return


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    # No linger: the close becomes a RST (tcp(7)).
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
