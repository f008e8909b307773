"""What the model checker knows of the world: a store with a lock, a server, a clock, and processes that run flights.

All of it is immutable and hashable. The processes run the very generator that ships (`signedin._flight.fly`); what is
modelled is only what lies outside of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from signedin import _flight
from signedin._flight import Landing, Orders, fly
from signedin._tokens import Record, Status, TokenPair
from signedin.errors import NotSignedInError, RefreshUnavailableError, SessionExpiredError, TokenStoreError
from signedin.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Generator

ServerKind = Literal["grace", "strict", "upstream"]
LockKind = Literal["flock", "lease"]
TIMING = Timing()
GRACE_TIMES, GRACE_SECONDS = 5, 60
NAP = 5  # seconds that every sleep takes in the model: coarse, so that polling does not blow the state space up
STALL = 40  # seconds for which a stalled holder is away: longer than its lease


# ---------------------------------------------------------------------------------------------------------- server


@dataclass(frozen=True, slots=True)
class Family:
    """One sign-in at the server: which token is current, and what came of its parent."""

    user: str
    current: int = 1
    attempt: str | None = None
    again: int = 0
    rotated_at: int = 0
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Presentation:
    """One arrival of a refresh token at the server."""

    token: str
    attempt: str
    answer: str


@dataclass(frozen=True, slots=True)
class Server:
    """`grace` answers the direct parent again, `strict` revokes a spent token's family, `upstream` only refuses it."""

    kind: ServerKind
    families: tuple[Family, ...]
    log: tuple[Presentation, ...] = ()
    outside_grace: bool = False
    revoked: frozenset[str] = frozenset()  # tokens that a logout named

    def present(self, token: str, attempt: str, now: int) -> tuple[Server, TokenPair | None]:
        """Return the server after a refresh token arrived, and its answer; None is a refusal."""
        index, number = number_of(token)
        family = self.families[index]
        if family.revoked:
            return self._noted(token, attempt, "refused", family, index), None
        if number == family.current:
            rotated = replace(family, current=number + 1, attempt=attempt, again=0, rotated_at=now)
            return self._noted(token, attempt, "rotated", rotated, index), pair_of(index, number + 1)
        if self.kind == "grace" and number == family.current - 1 and attempt == family.attempt:
            if family.again < GRACE_TIMES and now - family.rotated_at <= GRACE_SECONDS:
                again = replace(family, again=family.again + 1)
                return self._noted(token, attempt, "again", again, index), pair_of(index, number + 1)
            late = replace(self, outside_grace=True)
            return late._noted(token, attempt, "refused", replace(family, revoked=True), index), None
        ended = family if self.kind == "upstream" else replace(family, revoked=True)
        return self._noted(token, attempt, "refused", ended, index), None

    def revoke(self, token: str) -> Server:
        """Return the server after a logout with this token."""
        index, _ = number_of(token)
        named = replace(self, revoked=self.revoked | {token})
        return named._with(replace(self.families[index], revoked=True), index)

    def _noted(self, token: str, attempt: str, answer: str, family: Family, index: int) -> Server:
        return replace(self._with(family, index), log=(*self.log, Presentation(token, attempt, answer)))

    def _with(self, family: Family, index: int) -> Server:
        return replace(self, families=(*self.families[:index], family, *self.families[index + 1 :]))


def pair_of(family: int, number: int) -> TokenPair:
    return TokenPair(f"access-{family}-{number}", f"refresh-{family}-{number}")


def number_of(token: str) -> tuple[int, int]:
    _, family, number = token.split("-")
    return int(family), int(number)


# ------------------------------------------------------------------------------------------------------- processes


@dataclass(frozen=True, slots=True)
class Outcome:
    """Not an effect of the flight: a process tells what came of one of its rounds."""

    name: Literal["landed", "unavailable", "expired", "signed out", "store error"]
    landing: Landing | None = None
    took: float = 0.0  # seconds that its waiters waited


Program = "Callable[[], Generator[Any, Any, None]]"


def host(name: str, first: Record, *, rounds: int, server: ServerKind, on_doubt: Literal["resend", "relogin"]) -> Any:
    """Return the program of a host that needs a newer pair so many times."""

    def program() -> Generator[Any, Any, None]:
        held = first
        for count in range(rounds):
            orders = Orders(
                owner=f"{name}.{count}",
                usable=lambda record, _, rejected=held.generation: record.generation > rejected,  # type: ignore[misc]
                rejected=held.generation,
                held=held,
                timing=TIMING,
                grace=GRACE_TIMES if server == "grace" else None,
                on_doubt=on_doubt,
            )
            begun = yield _flight.Now()
            outcome = yield from _flown(orders)
            ended = yield _flight.Now()
            yield replace(outcome, took=ended.monotonic - begun.monotonic)
            if outcome.name in {"expired", "signed out"}:
                return
            held = outcome.landing.record if outcome.landing else held

    return program


def _flown(orders: Orders) -> Generator[Any, Any, Outcome]:
    try:
        return Outcome("landed", (yield from fly(orders)))
    except RefreshUnavailableError:
        return Outcome("unavailable")
    except TokenStoreError:
        return Outcome("store error")
    except SessionExpiredError:
        return Outcome("expired")
    except NotSignedInError:
        return Outcome("signed out")


def signing_out() -> Generator[Any, Any, None]:
    """As `TokenSession.sign_out`: compare and set, without the lock, then revoke. A store that fails ends it."""
    try:
        record = yield _flight.Load()
        while not (yield _flight.CompareAndSet(record.revision, record.ended(Status.SIGNED_OUT))):
            record = yield _flight.Load()
    except TokenStoreError:
        return
    if record.pair is not None:
        yield _flight.Revoke(record.pair)


def signing_in_as_bob() -> Generator[Any, Any, None]:
    """As `TokenSession.sign_in`: another user's pair, of the server's second family."""
    try:
        record = yield _flight.Load()
        while not (yield _flight.CompareAndSet(record.revision, _bob_after(record))):
            record = yield _flight.Load()
    except TokenStoreError:
        return


def _bob_after(record: Record) -> Record:
    return Record.of_pair(
        pair_of(1, 1),
        generation=record.generation + 1,
        revision=record.revision + 1,
        obtained_at=0.0,
        clock_offset=0.0,
        family="bob",
    )


# ----------------------------------------------------------------------------------------------------------- world


@dataclass(frozen=True, slots=True)
class Process:
    """A running program, as far as the world sees it; `node` names its history in the explorer."""

    node: int
    asleep_until: int | None = None
    answer: Any = None  # of a Post that the server has handled and that has not arrived yet
    answered: bool = False
    over: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """Everything that two interleavings must have in common to be one state."""

    record: Record
    server: Server
    processes: tuple[Process, ...]
    time: int = 0
    lock: tuple[str, int] | None = None  # owner, end of the lease
    faults: int = 0
    crashes: int = 0
    stalls: int = 0
    faulted: bool = False
    stalled: bool = False
    left: bool = False  # the user signed out, on purpose
    signed_out: frozenset[str] = field(default=frozenset())


def first_record() -> Record:
    return Record.of_pair(pair_of(0, 1), generation=1, revision=1, obtained_at=0.0, clock_offset=0.0, family="ada")
