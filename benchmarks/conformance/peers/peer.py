"""What a scenario asks of a client."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from signedin import TokenPair

    from benchmarks.conformance.site import Site

CALL = 10.0  # seconds that any client may wait for any answer
POOLED = (CALL, CALL, CALL, None)  # the same for those of httpx; a crowd may wait for its connections


class UnsupportedError(Exception):
    """The client has no such thing."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that reached the caller."""

    status: int
    body: bytes


class Peer(ABC):
    """One client, signed in with a pair."""

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()  # whose versions the page names
    blocking: ClassVar[bool] = False
    keeps_a_store: ClassVar[bool] = False

    def __init__(self, site: Site, pair: TokenPair) -> None:
        self.site = site
        self._threads = ThreadPoolExecutor(64)
        self.build(pair)

    @abstractmethod
    def build(self, pair: TokenPair) -> None:
        """Create the client."""

    def call(self, method: str, url: str, content: Any = None) -> Reply:
        """Send a request and return the answer, following redirects; for blocking clients."""
        raise NotImplementedError

    async def send(self, method: str, url: str, content: Any = None) -> Reply:
        """Send a request from a task, or from a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.call, method, url, content)

    async def profile(self) -> Reply:
        return await self.send("GET", f"{self.site.base_url}/users/profile")

    @abstractmethod
    async def sign_out(self) -> None:
        """Forget the tokens, in the way that the client offers."""

    @abstractmethod
    async def sign_in(self, pair: TokenPair) -> None:
        """Become another user, in the way that the client offers."""

    @abstractmethod
    def refresh_token(self) -> object:
        """Return the refresh token that the client holds; None if it holds none."""

    @abstractmethod
    def shown(self) -> Iterable[object]:
        """Return the objects that a user of the client would print."""

    async def close(self) -> None:
        """Give everything back."""
        self._threads.shutdown(wait=False)


def blob(content: Any) -> Any:
    """Return a streamed body that async clients take: a generator becomes an async one."""
    if not hasattr(content, "__next__"):
        return content

    async def stream() -> Any:
        for part in content:
            yield part

    return stream()
