"""Tokens in Redis, for a fleet of hosts with one sign-in. The extra is `redis`.

Each script below is one step for every client of the server.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from signedin.errors import ConfigurationError, TokenStoreError
from signedin.protocols import Stored, first_revision

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis import Redis

T = TypeVar("T")

_TIMEOUT: Final = 2.0  # seconds, to connect and for each answer

# KEYS: record. ARGV: expected revision, revision, data, name of this write, milliseconds to live.
_COMPARE_AND_SET: Final = """
local now = redis.call('HMGET', KEYS[1], 'revision', 'write')
if now[2] == ARGV[4] then return 1 end  -- this very write, sent twice by a client that retries
if (now[1] or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'data', ARGV[3], 'write', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
"""
# KEYS: lease. ARGV: holder, milliseconds.
_TAKE: Final = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
return 0
"""
# KEYS: lease. ARGV: holder.
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
# KEYS: record, where to. ARGV: the damaged revision, so that a sound one written meanwhile stays.
_SET_ASIDE: Final = """
if (redis.call('HGET', KEYS[1], 'revision') or '') ~= ARGV[1] then return 0 end
redis.call('RENAME', KEYS[1], KEYS[2])
return 1
"""


class RedisStore:
    """Keep tokens in Redis, for every process on every host that has the URL.

    `url`: redis://, rediss:// (TLS; use it beyond this machine) or unix://. `prefix` begins every key. `ttl`: how long
    a record lives after its last write; longer than a refresh token lives. `client`: a `redis.Redis` of one's own in
    place of the URL, with its own timeouts and retries.

    A record lives as long as Redis keeps it: give it persistence and an eviction policy that spares it. One that is
    gone counts as signed out. A failover that loses the last write takes the store back to the pair before; the
    server's grace helps then, if it has one.
    """

    private = False

    def __init__(
        self,
        url: str | None = None,
        *,
        prefix: str = "signedin:",
        ttl: timedelta = timedelta(days=60),
        client: Redis | None = None,
    ) -> None:
        if ttl <= timedelta(0):
            raise ConfigurationError("RedisStore: ttl must be positive.")
        self._url = url
        self._prefix = prefix
        self._ttl = ttl
        if url is not None and client is None:
            self._connect = _connector(url)
            self._client = self._connect()
        elif client is not None and url is None:
            self._connect = partial(_forked, client)
            self._client = client
        else:
            raise ConfigurationError("RedisStore needs a URL or a client, one of them.")
        self._place = _place(self._client)

    def __repr__(self) -> str:
        return f"RedisStore({self._place!r}, prefix={self._prefix!r})"

    def __reduce__(self) -> tuple[object, ...]:
        if self._url is None:
            raise TypeError("a RedisStore around a client is neither pickled nor copied: pass a RedisStore(url)")
        return partial(type(self), self._url, prefix=self._prefix, ttl=self._ttl), ()

    def load(self, key: str) -> Stored | None:
        """Return what was last written under `key`."""
        return self._load(key, damaged=self._set_aside)

    def peek(self, key: str) -> Stored | None:
        """Return what was last written under `key`, and rename nothing: for a look that changes nothing."""
        return self._load(key, damaged=self._left)

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        """Write `data` if the revision under `key` is still the expected one; as durable as this Redis is."""
        arguments: list[str | int] = [
            expected_revision,
            expected_revision + 1 if expected_revision else first_revision(),
            data.decode("latin-1"),  # as text, since a client of the user's own may decode answers or not
            secrets.token_hex(8),
            self._ttl // timedelta(milliseconds=1),
        ]
        return self._run("write", _COMPARE_AND_SET, [self._name(key, "record")], arguments) == 1

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """Take the lease of `key` for so many seconds, unless another owner has it."""
        return self._run("lock", _TAKE, [self._name(key, "lease")], [_holder(owner), int(seconds * 1000)]) == 1

    def unlock(self, key: str, owner: str) -> None:
        """Give the lease back if `owner` still has it."""
        self._run("unlock", _RELEASE, [self._name(key, "lease")], [_holder(owner)])

    def lock_holder(self, key: str) -> str | None:
        """Return who holds the lease of `key`, in words; None if nobody does."""
        name = self._name(key, "lease")
        (holder,) = self._ask("read", lambda: _texts([self._client.get(name)], 1))
        left = self._ask("read", lambda: _number(self._client.pttl(name)))
        if holder is None or left < 0:
            return None
        _, process, host = holder.rsplit(" ", 2)
        return f"process {process} on {host}, for {left / 1000:.0f} s more at most"

    def close(self) -> None:
        """Give up connections, unless the client is the user's; a later call opens new ones."""
        if self._url is not None:
            self._client.close()

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's connections: two processes on one would read each other's answers."""
        self._client = self._connect()

    # ------------------------------------------------------------------------------------------------------- in Redis

    def _name(self, key: str, what: str) -> str:
        # The braces are the hash tag: a cluster keeps record and lease on one node.
        return f"{self._prefix}{{{hashlib.sha256(key.encode()).hexdigest()[:32]}}}:{what}"

    def _load(self, key: str, damaged: Callable[[str, str], TokenStoreError]) -> Stored | None:
        name = self._name(key, "record")
        revision, data = self._ask("read", lambda: _texts(self._client.hmget(name, ["revision", "data"]), 2))
        if revision is None and data is None:
            return None
        try:
            if data is not None and re.fullmatch(r"[1-9][0-9]{0,18}", revision or ""):
                return Stored(int(revision or 0), data.encode("latin-1"))
        except UnicodeError:
            pass
        raise damaged(name, revision or "")

    def _set_aside(self, name: str, revision: str) -> TokenStoreError:
        aside = f"{name}:damaged-{secrets.token_hex(4)}"
        if self._run("write", _SET_ASIDE, [name, aside], [revision]) != 1:
            return TokenStoreError(f"The record in {self._place} was damaged, and is a new one now. Try again.")
        return TokenStoreError(
            f"The record in {self._place} was damaged. It was renamed to {aside}; nothing is lost. Sign in again."
        )

    def _left(self, _name: str, _revision: str) -> TokenStoreError:
        return TokenStoreError(
            f"The record in {self._place} is damaged. Nothing was changed; the next use renames it. Sign in again then."
        )

    def _run(self, verb: str, script: str, names: list[str], arguments: list[str | int]) -> int:
        # EVALSHA, and EVAL's work where the server does not know the script yet.
        return self._ask(verb, lambda: _number(self._client.register_script(script)(keys=names, args=arguments)))

    def _ask(self, verb: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 -- the library has several trees of errors
            reason = _reason(error)
        # Outside of the handler: the frames below hold what was sent.
        state = "The record is as it was, or new as a whole." if verb == "write" else "The record was left as it is."
        raise TokenStoreError(f"Cannot {verb} the tokens in {self._place}: {reason}. {state} Try again later.")


def _connector(url: str) -> Callable[[], Redis]:
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise ConfigurationError("RedisStore needs the redis library: pip install signedin[redis]") from None

    def connect() -> Redis:
        return redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=_TIMEOUT,
            socket_timeout=_TIMEOUT,
            # The flight has its own bounds, and repeats what it needs.
            retry=Retry(NoBackoff(), 0),
        )

    try:
        connect()  # opens nothing yet
    except (ValueError, TypeError):  # its text may quote a part of the password
        pass
    else:
        return connect
    raise ConfigurationError("The URL names no Redis; write redis://host:6379/0, rediss://… or unix:///path.sock.")


def _forked(client: Redis) -> Redis:
    if (pool := getattr(client, "connection_pool", None)) is not None:
        pool.reset()
    return client


def _place(client: Redis) -> str:
    pool = getattr(client, "connection_pool", None)
    if pool is None or not ({"host", "path"} & set(pool.connection_kwargs)):
        return type(client).__name__
    options = pool.connection_kwargs
    if "path" in options:
        return f"unix://{options['path']}"
    scheme = "rediss" if "SSL" in pool.connection_class.__name__ else "redis"
    return f"{scheme}://{options['host']}:{options.get('port', 6379)}/{options.get('db') or 0}"


def _holder(owner: str) -> str:
    return f"{owner} {os.getpid()} {socket.gethostname()}"


def _texts(values: Any, count: int) -> list[str | None]:
    # A client of the user's own may decode answers or not.
    texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
    if len(texts) != count or not all(text is None or isinstance(text, str) for text in texts):
        raise TypeError  # whatever answers there, it is no Redis
    return texts


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _reason(error: Exception) -> str:
    import redis

    if type(error) in {redis.ConnectionError, redis.TimeoutError}:
        return f"{type(error).__name__}: {str(error).rstrip('.')}"  # the library's own words
    # The server's words may quote what was sent; its code does not.
    code = re.match(r"[A-Z]{3,20}(?= )", str(error)) if isinstance(error, redis.ResponseError) else None
    return f"{type(error).__name__} ({code[0]})" if code else type(error).__name__
