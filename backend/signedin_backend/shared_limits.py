"""Rate limits that several workers share, in Redis; where it does not answer each worker counts by itself.

What is counted is named by a fingerprint: a Redis holds no address of anybody.
"""

import time
from typing import Protocol

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from signedin_backend.connections import Seldom
from signedin_backend.limits import Limit
from signedin_backend.tokens import fingerprint

# A request waits no longer than this for a Redis that does not answer.
_PATIENCE = 0.5


class Redis:
    """Where limits are shared; opens a connection when it is asked first."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
        self.storage = RedisStorage(
            f"async+{url}",
            connection_pool=self._pool,  # type: ignore[arg-type]  # limits passes it on to redis, whatever it declares
            implementation="redispy",
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._pool.disconnect()


class Taking(Protocol):
    """A limit, wherever it counts."""

    async def take(self, key: str) -> float:
        """Count one request and return 0, or return the seconds to wait and count nothing."""


class Local:
    """A limit of this worker's own."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit

    async def take(self, key: str) -> float:
        """Count here."""
        return self._limit.take(key)


class Shared:
    """A limit over a moving window, counted in Redis."""

    def __init__(self, redis: Redis, name: str, rate: tuple[int, int]) -> None:
        times, seconds = rate
        self._item, self._name = RateLimitItemPerSecond(times, seconds, namespace="signedin"), name
        self._window, self._alone = MovingWindowRateLimiter(redis.storage), Limit(rate)
        self._failing = Seldom("the rate limits are not shared: Redis does not answer")

    async def take(self, key: str) -> float:
        """Count for all workers, or here while that cannot be."""
        named = fingerprint(key)
        try:
            if await self._window.hit(self._item, self._name, named):
                return 0
            stats = await self._window.get_window_stats(self._item, self._name, named)
        except (RedisError, OSError) as error:
            self._failing.warn(reason=type(error).__name__)
            return self._alone.take(key)
        return max(1.0, stats.reset_time - time.time())
