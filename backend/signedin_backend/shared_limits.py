"""Rate limits that several workers share, in Redis; while it does not answer each worker counts by itself.

Keys are fingerprints: the Redis holds no address of a person or a network in the clear.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.asyncio import Redis as Client
from redis.exceptions import RedisError

from signedin_backend.connections import Seldom
from signedin_backend.limits import Limit
from signedin_backend.tokens import fingerprint

# A request waits no longer than this for a Redis that does not answer.
_PATIENCE = 0.5
_FAMILIAR_SECONDS, _FAMILIAR = 30 * 86_400, 100_000  # how long a network is remembered, and how many of them
_ALONE = "the rate limits are not shared: Redis does not answer"


class Redis:
    """Where limits are shared; connects with the first request."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
        self.storage = RedisStorage(
            f"async+{url}",
            connection_pool=self._pool,  # type: ignore[arg-type]  # limits passes it on to redis, whatever it declares
            implementation="redispy",
        )
        self.client: Client = Client(connection_pool=self._pool)
        self.failing = Seldom(_ALONE)

    async def close(self) -> None:
        """Close its connections."""
        await self._pool.disconnect()


class Taking(Protocol):
    """A limit, wherever it counts."""

    async def take(self, key: str) -> float:
        """Count one request and return 0, or return the seconds to wait and count nothing."""

    async def wait(self, key: str) -> float:
        """Return the seconds until one more request may be counted, 0 if it may be now."""


class Local:
    """A limit of this worker's own."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit

    async def take(self, key: str) -> float:
        """Count here."""
        return self._limit.take(key)

    async def wait(self, key: str) -> float:
        """Look here."""
        return self._limit.wait(key)


class Shared:
    """A limit over a moving window, counted in Redis."""

    def __init__(self, redis: Redis, name: str, rate: tuple[int, int]) -> None:
        times, seconds = rate
        self._item, self._name = RateLimitItemPerSecond(times, seconds, namespace="signedin"), name
        self._window, self._alone, self._failing = MovingWindowRateLimiter(redis.storage), Limit(rate), redis.failing

    async def take(self, key: str) -> float:
        """Count for all workers, or here while that cannot be."""
        try:
            return await self._wait_after(self._window.hit, fingerprint(key))
        except (RedisError, OSError) as error:
            self._failing.warn(reason=type(error).__name__)
            return self._alone.take(key)

    async def wait(self, key: str) -> float:
        """Look at what all workers counted, or this one while that cannot be."""
        try:
            return await self._wait_after(self._window.test, fingerprint(key))
        except (RedisError, OSError) as error:
            self._failing.warn(reason=type(error).__name__)
            return self._alone.wait(key)

    async def _wait_after(self, ask: Callable[[RateLimitItem, str, str], Awaitable[bool]], named: str) -> float:
        if await ask(self._item, self._name, named):
            return 0
        stats = await self._window.get_window_stats(self._item, self._name, named)
        return max(1.0, stats.reset_time - time.time())


class Familiar:
    """The networks that an account signed in from in the last thirty days.

    They keep their own limit when the account's is spent, so that whoever spends it keeps the owner out of nothing but
    networks that are new.
    """

    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis
        self._here: OrderedDict[str, float] = OrderedDict()  # used on the event loop only; lost with the worker

    async def add(self, key: str) -> None:
        """Remember a network of an account."""
        name = fingerprint(f"familiar {key}")
        self._here[name] = time.monotonic() + _FAMILIAR_SECONDS
        self._here.move_to_end(name)
        if len(self._here) > _FAMILIAR:
            self._here.popitem(last=False)
        if self._redis is not None:
            try:
                await self._redis.client.set(f"signedin/{name}", 1, ex=_FAMILIAR_SECONDS)
            except (RedisError, OSError) as error:
                self._redis.failing.warn(reason=type(error).__name__)

    async def has(self, key: str) -> bool:
        """Tell whether the account signed in from this network."""
        name = fingerprint(f"familiar {key}")
        if self._here.get(name, 0) > time.monotonic():
            return True
        if self._redis is None:
            return False
        try:
            return bool(await self._redis.client.exists(f"signedin/{name}"))
        except (RedisError, OSError) as error:
            self._redis.failing.warn(reason=type(error).__name__)
            return False
