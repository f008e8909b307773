"""What scenarios are written with: a site, a client that is signed in to it, bounded calls, and a verdict."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.conformance.site import TTL, Site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from benchmarks.conformance.peers.peer import Peer, Reply


# Client and server share one process, and the machine may be busy with others: bounds say "never", not "slow".
PATIENCE: Final = 40.0  # seconds after which a call counts as hung; no client here may wait so long
CROWD: Final = 120.0  # the same for 2,000 calls at once
CELL: Final = 180.0  # seconds after which a whole cell is ended


@dataclass(frozen=True, slots=True)
class Verdict:
    """One cell: passed, failed or, if None, not applicable; and the figure that shows it."""

    passed: bool | None
    figure: str


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of several calls."""

    replies: tuple[Reply, ...]
    errors: tuple[BaseException, ...]
    hung: int

    @property
    def ok(self) -> int:
        return sum(reply.status == 200 for reply in self.replies)

    @property
    def total(self) -> int:
        return len(self.replies) + len(self.errors) + self.hung

    def __str__(self) -> str:
        hung = f", hung {self.hung}" if self.hung else ""
        return f"{self.ok} of {self.total} ok{hung}"


@dataclass(frozen=True, slots=True)
class Stage:
    """Opens sites and clients for one cell."""

    peer: type[Peer]

    @asynccontextmanager
    async def open(
        self, *, expired: bool = False, strict: bool = False, ttl: int = TTL, skew: float = 0.0
    ) -> AsyncIterator[tuple[Site, Peer]]:
        """Start a site, and sign a client in whose access token is fresh, or has expired."""
        with Site(strict=strict, ttl=ttl, skew=skew) as site:
            peer = self.peer(site, site.pair(expired=expired))
            try:
                yield site, peer
            finally:
                await within(peer.close())


async def within(work: Awaitable[Any], seconds: float = PATIENCE) -> Any:
    """Return what the work returns, or the exception that it raised; a TimeoutError when it hangs."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait((task,), timeout=seconds)
    if not done:
        task.cancel()
        return TimeoutError("hung")
    return task.exception() or task.result()


async def calls(call: Callable[[], Awaitable[Reply]], times: int = 1, seconds: float = PATIENCE) -> Outcomes:
    """Make the same call so many times at once."""
    return await finished([asyncio.ensure_future(call()) for _ in range(times)], seconds)


async def until(condition: Callable[[], bool], seconds: float) -> None:
    """Return when the condition holds, or so many seconds later."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:  # noqa: ASYNC110 -- what it looks at is in other threads
        await asyncio.sleep(0.01)


async def finished(tasks: Sequence[asyncio.Future[Reply]], seconds: float = PATIENCE) -> Outcomes:
    """Wait for calls under way, bounded."""
    done, pending = await asyncio.wait(tasks, timeout=seconds)
    for task in pending:
        task.cancel()
    errors = tuple(error for task in done if (error := _error(task)) is not None)
    return Outcomes(tuple(task.result() for task in done if _error(task) is None), errors, len(pending))


def _error(task: asyncio.Future[Reply]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()


async def kept_and_well(site: Site, peer: Peer) -> tuple[bool, str]:
    """Say whether, the trouble being over, the client works again without anybody signing in."""
    for _ in range(4):
        outcome = await calls(peer.profile)
        if outcome.ok:
            logins = site.seen["password logins"]
            revoked = site.fake.ledger["families revoked"]
            suffix = (
                f" after {logins} password logins" if logins else f", {revoked} sessions revoked" if revoked else ""
            )
            return not (logins or revoked), f"works again{suffix}"
        await asyncio.sleep(0.4)
    state = "pair lost" if not peer.refresh_token() else "its pair is of no use"
    return False, f"signed out: {state}"
