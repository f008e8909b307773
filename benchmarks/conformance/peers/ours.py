"""signedin itself, in both colours."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
from signedin import AsyncClient, Client, MemoryStore

from benchmarks.conformance.peers.peer import POOLED, Peer, Reply, blob

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signedin import TokenPair


class Signedin(Peer):
    name = "signedin"
    packages = ("signedin", "httpx")
    blocking = True
    keeps_a_store = True

    def build(self, pair: TokenPair) -> None:
        self.client = Client(
            self.site.base_url, store=MemoryStore(), timeout=httpx.Timeout(POOLED), follow_redirects=True
        )
        self.client.session.sign_in(pair)

    def call(self, method: str, url: str, content: Any = None) -> Reply:
        answer = self.client.http.request(method, url, content=content)
        return Reply(answer.status_code, answer.content)

    async def sign_out(self) -> None:
        await asyncio.to_thread(self.client.logout)

    async def sign_in(self, pair: TokenPair) -> None:
        await self.client.session.asign_in(pair)

    def refresh_token(self) -> object:
        pair = self.client.session.tokens
        return pair.refresh_token if pair else None

    def shown(self) -> Iterable[object]:
        session = self.client.session
        return (self.client, session, session.tokens, session.explain(), self.client.http.auth, self.client.http)

    async def close(self) -> None:
        await asyncio.to_thread(self.client.close)
        await super().close()


class AsyncSignedin(Peer):
    name = "signedin async"
    packages = ("signedin", "httpx")
    keeps_a_store = True

    def build(self, pair: TokenPair) -> None:
        self.client = AsyncClient(
            self.site.base_url, store=MemoryStore(), timeout=httpx.Timeout(POOLED), follow_redirects=True
        )
        self.client.session.sign_in(pair)

    async def send(self, method: str, url: str, content: Any = None) -> Reply:
        answer = await self.client.http.request(method, url, content=blob(content))
        return Reply(answer.status_code, answer.content)

    async def sign_out(self) -> None:
        await self.client.logout()

    async def sign_in(self, pair: TokenPair) -> None:
        await self.client.session.asign_in(pair)

    def refresh_token(self) -> object:
        pair = self.client.session.tokens
        return pair.refresh_token if pair else None

    def shown(self) -> Iterable[object]:
        session = self.client.session
        return (self.client, session, session.tokens, session.explain(), self.client.http.auth, self.client.http)

    async def close(self) -> None:
        await self.client.aclose()
        await super().close()
