"""What a user may replace: where tokens live, how they are refreshed, what time it is. Protocols and plain values."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from signedin._tokens import TokenPair


class Stored(NamedTuple):
    """What a store keeps under one key: bytes, and the number of the write that put them there."""

    revision: int
    data: bytes  # holds tokens

    def __repr__(self) -> str:
        return f"Stored(revision={self.revision})"


def first_revision() -> int:
    """Return a random revision for a key that holds nothing.

    If a record is deleted and created again, a compare-and-set of the old revision must not match it (ABA).
    """
    return 1 + int.from_bytes(os.urandom(5), "big")


class TokenStore(Protocol):
    """Keeps bytes under keys, and lets one holder at a time refresh what they are.

    Every method may be called from any thread, and raises `TokenStoreError` when the store cannot be used; a method
    that raised has changed nothing that a later `load` would not show. `signedin.testing.contract` has the suite.

    Optional: `peek(key)`, a `load` that repairs and moves nothing, and `lock_holder(key)`, who has the lock, in words,
    both for `explain`; `after_fork()`, called in a forked child; `close()`, called by a client that opened the store.
    """

    @property
    def private(self) -> bool:
        """Whether only this process can reach the records; then they end with it."""
        ...

    def load(self, key: str) -> Stored | None:
        """Return what was last written under `key`."""
        ...

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        """Write `data` if the revision under `key` is still the expected one (0: nothing is there), all or nothing.

        The new revision is `expected_revision + 1`, or `first_revision()` where nothing was there. Durable when it
        returns True; False means that somebody else has written meanwhile.
        """
        ...

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:
        """Take the refresh lock of `key` for `owner` at once or not at all; never wait.

        It ends with `unlock`, with the holder's process, or after `seconds` where the store cannot see processes end.
        """
        ...

    def unlock(self, key: str, owner: str) -> None:
        """Give the lock back if `owner` still has it; do nothing otherwise."""


class Contract(Protocol):
    """The module `contract` of a generated package: what its spec says about staying signed in."""

    @property
    def REFRESH(self) -> Any: ...  # noqa: N802 -- a module's constants: its `RefreshContract`, or None
    @property
    def REVOKE(self) -> Any: ...  # noqa: N802 -- its `RevokeContract`, or None
    @property
    def ISSUES(self) -> Any: ...  # noqa: N802 -- its `IssueContract`s
    @property
    def DEFAULT_BASE_URL(self) -> str | None: ...  # noqa: N802


class Clock(Protocol):
    """The time, as a parameter."""

    def wall(self) -> float:
        """Seconds since the epoch; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; those for which the machine was suspended count, where the system can tell."""
        ...

    def sleep(self, seconds: float, closing: Closing) -> bool:
        """Let time pass; return False, early, once `closing` is set."""
        ...


class Closing(Protocol):
    """Whether a session closes; `threading.Event` has the same methods."""

    def is_set(self) -> bool: ...

    def wait(self, seconds: float, /) -> bool:
        """Wait at most so long; return whether it is set."""
        ...


class Renewed(NamedTuple):
    """A new pair, strictly parsed, and what the answer tells of the server's clock, in seconds that it is ahead.

    `clock_offset` is by the moment of the token's issue, maybe at an earlier presentation of the same refresh token;
    `date_offset` by the answer's own `Date`, None where it has none.
    """

    pair: TokenPair
    clock_offset: float = 0.0
    date_offset: float | None = None


class _Failure(NamedTuple):
    """No new pair. Failures of different kinds differ, also where their reasons are equal."""

    reason: str
    retry_after: float | None = None  # seconds; only `Busy` has it

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self), *self))


class Refused(_Failure):
    """The refresh endpoint itself says that the refresh token is dead."""

    __slots__ = ()


class NotSent(_Failure):
    """The server surely saw nothing: no address, no connection, no TLS."""

    __slots__ = ()


class Unknown(_Failure):
    """No usable answer after the request may have arrived: the token may be spent."""

    __slots__ = ()


class Busy(_Failure):
    """The server says that it did nothing and when to come back."""

    __slots__ = ()


Answer = Renewed | Refused | NotSent | Busy | Unknown


class Refresher(Protocol):
    """Renews pairs of tokens on the wire. Called from the session's own threads, never from an event loop.

    `HttpRefresher` does so by a contract. One of your own needs these three methods, for a `TokenSession`.
    """

    def refresh(self, pair: TokenPair, *, attempt: str, timeout: float) -> Answer:
        """Send the pair's refresh token once and return what came of it. Never raises for the network.

        `attempt`: random, the same for each sending of one attempt. `timeout`: in seconds, total. Where the server
        issues no new refresh token, put the old one into the new pair.
        """
        ...

    def revoke(self, pair: TokenPair, *, timeout: float) -> None:
        """End the session behind the pair at the server if it can; trouble is swallowed."""

    def close(self) -> None:
        """Give up connections."""


EventName = Literal["signed_in", "refreshed", "refresh_failed", "expired", "signed_out", "adopted", "unsaved", "saved"]


_NO_DETAILS: Final[Mapping[str, object]] = MappingProxyType({})


class Event(NamedTuple):
    """Something that happened to a session, for the callbacks of `session.on(name, ...)`; carries no secret."""

    name: EventName
    key: str
    generation: int | None = None
    details: Mapping[str, object] = _NO_DETAILS
