"""What tutorials teach: the class with a queue of waiters, and the httpx.Auth that refreshes inside the flow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.conformance.peers.peer import POOLED, Peer, Reply, blob

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from signedin import TokenPair


class Tutorial(Peer):
    """The axios class of the tutorials, written in Python line by line: interceptors, `isRefreshing`, a queue."""

    name = "tutorial's axios class"
    packages = ("httpx",)

    def build(self, pair: TokenPair) -> None:
        self.http = httpx.AsyncClient(timeout=POOLED, follow_redirects=True)
        self.storage = {"accessToken": pair.access_token, "refreshToken": pair.refresh_token}
        self.refreshing = False
        self.queue: list[asyncio.Future[None]] = []

    async def send(self, method: str, url: str, content: Any = None) -> Reply:
        return await self._request(method, url, blob(content))

    async def _request(self, method: str, url: str, content: Any = None, *, retry: bool = False) -> Reply:
        token = self.storage.get("accessToken")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        if url.endswith("/auth/refreshToken"):
            answer = await self.http.request(method, url, json=content, headers=headers)
        else:
            answer = await self.http.request(method, url, content=content, headers=headers)
        if answer.status_code != 401 or answer.json().get("message") != "TokenExpiredError" or retry:
            return Reply(answer.status_code, answer.content)
        if self.refreshing:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.queue.append(waiter)
            await waiter
            return await self._again(method, url, content)
        self.refreshing = True
        try:
            await self._refresh()
        except Exception:
            self.queue = []  # the waiters are forgotten
            self.storage = {}  # any error logs out
            raise
        finally:
            self.refreshing = False
        waiters, self.queue = self.queue, []
        for waiter in waiters:
            waiter.set_result(None)
        return await self._again(method, url, content)

    async def _again(self, method: str, url: str, content: Any) -> Reply:
        # axios sends a stream that was read before as an empty body.
        return await self._request(method, url, b"" if hasattr(content, "__aiter__") else content)

    async def _refresh(self) -> None:
        url = f"{self.site.base_url}/auth/refreshToken"
        answer = await self._request("POST", url, {"refreshToken": self.storage.get("refreshToken")})
        if answer.status >= 400:
            raise RuntimeError(f"status {answer.status}")
        payload = httpx.Response(200, content=answer.body).json()
        # localStorage turns whatever it stores into a string.
        self.storage["accessToken"] = str(payload.get("accessToken", "undefined"))
        self.storage["refreshToken"] = str(payload.get("refreshToken", "undefined"))

    async def sign_out(self) -> None:
        self.storage = {}

    async def sign_in(self, pair: TokenPair) -> None:
        self.storage = {"accessToken": pair.access_token, "refreshToken": pair.refresh_token}

    def refresh_token(self) -> object:
        return self.storage.get("refreshToken")

    def shown(self) -> Iterable[object]:
        return (self.http, self.__class__.__name__)

    async def close(self) -> None:
        await self.http.aclose()
        await super().close()


class _Auth(httpx.Auth):
    requires_response_body = True

    def __init__(self, refresh_url: str, pair: TokenPair) -> None:
        self.refresh_url = refresh_url
        self.access: str | None = pair.access_token
        self.refresh: str | None = pair.refresh_token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self.access is not None:
            request.headers["authorization"] = f"Bearer {self.access}"
        answer = yield request
        if answer.status_code == 401 and self.refresh is not None:
            answer = yield httpx.Request("POST", self.refresh_url, json={"refreshToken": self.refresh})
            answer.raise_for_status()
            payload = answer.json()
            self.access, self.refresh = payload["accessToken"], payload["refreshToken"]
            request.headers["authorization"] = f"Bearer {self.access}"
            yield request


class Naive(Peer):
    """`httpx.Auth` as its documentation shows it, with a refresh on 401."""

    name = "naive httpx.Auth"
    packages = ("httpx",)

    def build(self, pair: TokenPair) -> None:
        self.auth = _Auth(f"{self.site.base_url}/auth/refreshToken", pair)
        self.http = httpx.AsyncClient(auth=self.auth, timeout=POOLED, follow_redirects=True)

    async def send(self, method: str, url: str, content: Any = None) -> Reply:
        answer = await self.http.request(method, url, content=blob(content))
        return Reply(answer.status_code, answer.content)

    async def sign_out(self) -> None:
        self.auth.access = self.auth.refresh = None

    async def sign_in(self, pair: TokenPair) -> None:
        self.auth.access, self.auth.refresh = pair.access_token, pair.refresh_token

    def refresh_token(self) -> object:
        return self.auth.refresh

    def shown(self) -> Iterable[object]:
        return (self.http, self.auth)

    async def close(self) -> None:
        await self.http.aclose()
        await super().close()
