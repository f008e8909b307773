"""What the model checker knows of the world: a store with a lock, a server, a clock, and processes that run flights.

All of it is immutable and hashable: tuples, whose hashes are the explorer's main cost. The processes run the very
function that ships (`signedin._flight.fly`), over the port of `tests.model.port`; what is modelled lies outside of it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from signedin._flight import Landing, Orders, fly
from signedin._tokens import Record, Status, TokenPair
from signedin.errors import NotSignedInError, RefreshUnavailableError, SessionExpiredError, TokenStoreError
from signedin.timing import Timing

from tests.model.port import Port, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

ServerKind = Literal["grace", "strict", "upstream"]
LockKind = Literal["flock", "lease"]
TIMING = Timing()
GRACE_TIMES, GRACE_SECONDS = 5, 60
NAP = 5  # seconds that every sleep takes in the model: coarse, so that polling does not blow the state space up
STALL = 40  # seconds for which a stalled holder is away: longer than its lease
AWAY = 32  # seconds for which a store that goes away stays so: longer than a flight tries to save


# ---------------------------------------------------------------------------------------------------------- server


class Family(NamedTuple):
    """One sign-in at the server: which token is current, and what came of its parent."""

    user: str
    current: int = 1
    attempt: str | None = None
    again: int = 0
    rotated_at: int = 0
    revoked: bool = False


class Presentation(NamedTuple):
    """One arrival of a refresh token at the server; `sender` is the number of a process."""

    token: str
    attempt: str
    sender: int
    answer: str


class Server(NamedTuple):
    """`grace` answers the direct parent again, `strict` revokes a spent token's family, `upstream` only refuses it."""

    kind: ServerKind
    families: tuple[Family, ...]
    log: tuple[Presentation, ...] = ()
    outside_grace: bool = False
    outrun: bool = False  # a token came that is older than the direct parent
    revoked: frozenset[str] = frozenset()  # tokens that a logout named

    def present(self, token: str, attempt: str, sender: int, now: int) -> tuple[Server, TokenPair | None]:
        """Return the server after a refresh token arrived, and its answer; None is a refusal."""
        index, number = number_of(token)
        judged, answer, family = self._judged(number, attempt, self.families[index], now)
        logged = judged._with(family, index)._replace(log=(*self.log, Presentation(token, attempt, sender, answer)))
        return logged, None if answer == "refused" else pair_of(index, number + 1)

    def _judged(self, number: int, attempt: str, family: Family, now: int) -> tuple[Server, str, Family]:
        if family.revoked:
            return self, "refused", family
        if number == family.current:
            return self, "rotated", Family(family.user, number + 1, attempt, again=0, rotated_at=now)
        if self.kind == "grace" and number == family.current - 1 and attempt == family.attempt:
            if family.again < GRACE_TIMES and now - family.rotated_at <= GRACE_SECONDS:
                return self, "again", family._replace(again=family.again + 1)
            return self._replace(outside_grace=True), "refused", family._replace(revoked=True)
        outrun = self._replace(outrun=self.outrun or number < family.current - 1)
        return outrun, "refused", family._replace(revoked=self.kind != "upstream")

    def revoke(self, token: str) -> Server:
        """Return the server after a logout with this token."""
        index, _ = number_of(token)
        named = self._replace(revoked=self.revoked | {token})
        return named._with(self.families[index]._replace(revoked=True), index)

    def _with(self, family: Family, index: int) -> Server:
        return self._replace(families=(*self.families[:index], family, *self.families[index + 1 :]))


@cache
def pair_of(family: int, number: int) -> TokenPair:
    return TokenPair(f"access-{family}-{number}", f"refresh-{family}-{number}")


@cache
def number_of(token: str) -> tuple[int, int]:
    _, family, number = token.split("-")
    return int(family), int(number)


# ------------------------------------------------------------------------------------------------------- processes


PORT = Port()


class Outcome(NamedTuple):
    """No call of the flight: a process tells what came of one of its rounds."""

    name: Literal["landed", "unsaved", "unavailable", "expired", "signed out", "store error"]
    landing: Landing | None = None
    took: float = 0.0  # seconds that its waiters waited
    replacing: Record | None = None
    leaves: Hashable = None  # all that the process goes on with: histories that leave the same are one from here on


class Lost(NamedTuple):
    """No call of the flight: the record is deleted."""


def host(
    name: str,
    first: Record,
    *,
    rounds: int,
    server: ServerKind,
    on_doubt: Literal["resend", "relogin"],
    late: bool = False,
) -> Callable[[], None]:
    """Return the program of a host that needs a newer pair so many times; a late one first when a store is back."""

    def program() -> None:
        held = first
        if late:
            PORT.sleep(AWAY)
        for count in range(rounds):
            orders = Orders(
                owner=f"{name}.{count}",
                usable=lambda _, __: True,  # by its clock, each: a server may refuse a token that has not expired
                held=held,
                timing=TIMING,
                grace=GRACE_TIMES if server == "grace" else None,
                on_doubt=on_doubt,
            )
            begun = PORT.now()
            outcome = _flown(orders)
            ended = PORT.now()
            before, held = held, outcome.landing.record if outcome.landing else held
            over = outcome.name in {"expired", "signed out"}
            ask(
                outcome._replace(
                    took=ended.monotonic - begun.monotonic,
                    replacing=before,
                    leaves=(count, held, over, outcome.name == "unsaved"),
                )
            )
            if over:
                return
            if outcome.name == "unsaved":
                PORT.sleep(NAP)

    return program


def _flown(orders: Orders) -> Outcome:
    try:
        landing = fly(PORT, orders)
        return Outcome("landed" if landing.saved else "unsaved", landing)
    except RefreshUnavailableError:
        return Outcome("unavailable")
    except TokenStoreError:
        return Outcome("store error")
    except SessionExpiredError:
        return Outcome("expired")
    except NotSignedInError:
        return Outcome("signed out")


def signing_out() -> None:
    """As `TokenSession.sign_out`: compare and set, without the lock, then revoke. A store that fails ends it."""
    try:
        record = PORT.load()
        while record and not PORT.compare_and_set(record.revision, record.ended(Status.SIGNED_OUT)):
            record = PORT.load()
    except TokenStoreError:
        return
    if record and record.pair:
        PORT.revoke(record.pair)


def signing_in_as_bob() -> None:
    """As `TokenSession.sign_in`: another user's pair, of the server's second family."""
    try:
        record = PORT.load()
        while not PORT.compare_and_set(record.revision if record else 0, _bob_after(record)):
            record = PORT.load()
    except TokenStoreError:
        return


def losing_the_record_to_bob() -> None:
    """The store is emptied, by hand or by a failover, and another user signs in by a process that has just begun."""
    ask(Lost())
    signing_in_as_bob()


def _bob_after(record: Record | None) -> Record:
    # The revision is drawn at random: none that was there before.
    generation, revision = (record.generation + 1, record.revision + 1) if record else (1, 1000)
    return Record(generation, revision, Status.ACTIVE, pair_of(1, 1), family="bob")


# ----------------------------------------------------------------------------------------------------------- world


class Process(NamedTuple):
    """A running program, as far as the world sees it; `node` names its history in the explorer."""

    node: int
    asleep_until: int | None = None
    answer: Any = None  # of a Post that the server has handled and that has not arrived yet
    answered: bool = False
    over: bool = False
    sent: int = 0  # sendings of this flight
    got: tuple[int, int] = (1, 1)  # the newest pair of each of the server's families that it has had in its hand


class World(NamedTuple):
    """Everything that two interleavings must have in common to be one state."""

    record: Record | None
    server: Server
    processes: tuple[Process, ...]
    time: int = 0
    lock: tuple[str, int] | None = None  # owner, end of the lease
    faults: int = 0
    crashes: int = 0
    stalls: int = 0
    faulted: bool = False
    stalled: bool = False
    outages: int = 0
    away_until: int = 0  # the store fails until then
    left: bool = False  # the user signed out, on purpose
    signed_out: frozenset[str] = frozenset()
    newest_stored: int = 1  # the newest of ada's pairs that was ever stored


def first_record() -> Record:
    return Record(1, 1, Status.ACTIVE, pair_of(0, 1), family="ada")
