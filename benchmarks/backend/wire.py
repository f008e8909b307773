"""A client as cheap as it can be, so that two cores measure the server: HTTP/1.1 over connections that stay open."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATIENCE: Final = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and after how many seconds."""

    status: int
    body: dict[str, Any]
    seconds: float


class Wire:
    """One connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, base_url: str) -> None:
        self._reader, self._writer, self._url = reader, writer, urlsplit(base_url)

    async def post(self, path: str, body: dict[str, str]) -> Answer:
        """Send JSON."""
        return await self._send("POST", path, json.dumps(body).encode(), "Content-Type: application/json\r\n")

    async def profile(self, access: str) -> Answer:
        """Read the user of an access token."""
        return await self._send("GET", "/users/profile", b"", f"Authorization: Bearer {access}\r\n")

    async def refresh(self, token: str) -> Answer:
        """Exchange a refresh token."""
        return await self.post("/auth/refreshToken", {"refreshToken": token})

    async def login(self, email: str, password: str) -> Answer:
        """Sign in."""
        return await self.post("/auth/login", {"email": email, "password": password})

    async def _send(self, method: str, path: str, body: bytes, headers: str) -> Answer:
        head = f"{method} {self._url.path}{path} HTTP/1.1\r\nHost: {self._url.netloc}\r\n{headers}"
        begun = time.perf_counter()
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        async with asyncio.timeout(PATIENCE):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.partition("content-length:")[2].partition("\r\n")[0])
            received = await self._reader.readexactly(length)
        return Answer(int(head[9:12]), json.loads(received), time.perf_counter() - begun)


@asynccontextmanager
async def wires(base_url: str, count: int) -> AsyncIterator[list[Wire]]:
    """Open so many connections, and close them."""
    url = urlsplit(base_url)
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(count):
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            stack.callback(writer.close)
            opened.append(Wire(reader, writer, base_url))
        yield opened
