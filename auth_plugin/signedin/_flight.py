"""The refresh protocol: CHECK → LEASE → RECHECK → INTENT → SEND → SAVE, with AMBIGUOUS and REJECTED beside it.

`fly` decides; store, lock, clock and network are behind the port `World`, and `LiveWorld` is the real one. tests/model
runs `fly` through every interleaving and every fault. I1 to I16: the invariants of docs/how-refresh-works.md.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol, TypeVar

from signedin._threads import Promise, Signal
from signedin._tokens import Instant, Intent, Record, Records, Status, TokenPair
from signedin.errors import (
    FreshTokenRejectedError,
    NotSignedInError,
    RefreshUnavailableError,
    SessionExpiredError,
    SignedInError,
    SignInRequiredError,
    TokenStoreError,
)
from signedin.protocols import Answer, Busy, Clock, Closing, NotSent, Refresher, Refused, Renewed, Unknown
from signedin.timing import BACK_OFFS, RESTS, Timing, jittered, lengthened, nth

if TYPE_CHECKING:
    from collections.abc import Callable

    from signedin._threads import SharedJob
    from signedin._tokens import Held

T = TypeVar("T")

# After so many refreshes in so many seconds, each for a pair that the server refused and never accepted, it is a loop.
_UNPROVEN_LIMIT: Final = 5
_UNPROVEN_WINDOW: Final = 30.0


class World(Protocol):
    """All that a flight touches.

    A store that fails raises `TokenStoreError`, whether it is done or not. `sleep` may take a little longer, and raises
    `RefreshUnavailableError` once the session is closed, unless `to_the_end`. `post` and `revoke` never raise.
    """

    def now(self) -> Instant: ...
    def draw(self) -> str: ...  # 128 random bits, the id of an attempt
    def sleep(self, seconds: float, *, to_the_end: bool = False) -> None: ...
    def load(self) -> Record | None: ...
    def compare_and_set(self, expected: int, record: Record) -> bool: ...
    def try_lock(self) -> bool: ...
    def unlock(self) -> None: ...
    def post(self, pair: TokenPair, attempt: str) -> Answer: ...
    def revoke(self, pair: TokenPair) -> None: ...


class Orders(NamedTuple):
    """What one flight is to do, and under which rules.

    `owner`: unique to the flight. `usable`: whether a record's access token may still be sent. `held`: the record to
    replace, as it is in memory, since the store may have lost it; None: any usable pair will do.
    `grace`: how often the server accepts a refresh token again; None: a strict server. `rest`: seconds to wait first.
    `signs_in`: the refresher signs in anew, so that no pair is needed to begin with.
    """

    usable: Callable[[Record, Instant], bool]
    owner: str = ""
    held: Record | None = None
    timing: Timing = Timing()
    grace: int | None = None
    on_doubt: Literal["resend", "relogin"] = "resend"
    rest: float = 0.0
    signs_in: bool = False


class Landing(NamedTuple):
    """How a flight ended well. `saved` is False if the store could not take the pair: it is in memory only."""

    record: Record
    how: Literal["refreshed", "adopted"]
    saved: bool = True


class _Adopted(Exception):  # noqa: N818 -- no error: it leaves a state from any depth
    """The store has a newer pair, from another process: the flight ends with it."""

    def __init__(self, record: Record) -> None:
        self.landing = Landing(record, "adopted")


class _RecordChanged(Exception):  # noqa: N818 -- no error, as above
    """Another process has written the record: begin again at CHECK."""


def fly(world: World, orders: Orders) -> Landing:
    """Return a record that replaces the rejected generation, sending its refresh token once if nobody else has.

    Raises:
        NotSignedInError: The store holds no pair, or a sign-out removed it meanwhile.
        SessionExpiredError: The server refused the refresh token; the record is DEAD.
        RefreshUnavailableError: No usable answer within the bounds; the pair stays.
        TokenStoreError: The store cannot be used. If the token may have been sent, the journal tells the next flight.
    """
    deadline = world.now().monotonic + orders.timing.flight
    try:
        _check(world, orders)
        if orders.rest:  # leave the server alone, unless that takes longer than this flight may
            if orders.rest + orders.timing.post > orders.timing.flight:
                raise _unavailable(f"the last attempt failed, the next is due in {orders.rest:.1f} s", orders.rest)
            world.sleep(orders.rest)
            _check(world, orders)  # another process may have done better meanwhile
        while True:
            _lease(world, orders, deadline)
            try:
                return _recheck(world, orders, deadline)
            except _RecordChanged:
                pass
            finally:  # after a bug too: a lock that is left behind ends the session until the process ends
                _unlock(world)
            _require_time(world, deadline, 0.0, "the token store changed faster than this process could follow")
            _check(world, orders)
    except _Adopted as adopted:
        return adopted.landing


def flown(world: World, orders: Orders) -> Landing | SignedInError:
    """Run `fly` and return what came of it, also after a bug: nobody may wait for ever."""
    try:
        return fly(world, orders)
    except SignedInError as error:
        return error
    except BaseException as error:  # noqa: BLE001 -- as above
        failure = _unavailable(f"{type(error).__name__} inside the refresh")
        failure.__cause__ = error
        return failure


def _check(world: World, orders: Orders) -> Record:
    """CHECK: adopt what others have saved, or return the record that is to be refreshed."""
    record = world.load()
    if orders.signs_in:
        record = record or Record(0, 0, Status.SIGNED_OUT, family=world.draw())
    elif record is None or record.status is Status.SIGNED_OUT:
        raise NotSignedInError("Not signed in: there is no pair of tokens. Sign in first.")
    elif record.status is Status.DEAD:  # never tried again (I12)
        raise expired()
    held = orders.held if orders.held and orders.held.family == record.family else None
    if held is not None and record.generation < held.generation:
        # A save failed, or the store was rolled back. Its token is spent (I2): put the newer pair back (I3).
        newer = held.at_revision(record.revision)
        if not world.compare_and_set(record.revision, newer):
            return _check(world, orders)
        record = newer
    # A generation counts within one sign-in: the same number in another family is a pair that nobody has rejected.
    if (held is None or record.generation != held.generation) and orders.usable(record, world.now()):
        raise _Adopted(record)
    return record


def _lease(world: World, orders: Orders, deadline: float) -> None:
    """LEASE: take the lock, watching for what its holder saves. Never send without it (I1)."""
    wait = 0.02
    while True:
        try:
            if world.try_lock():
                return
        except TokenStoreError:
            _unlock(world)  # it may be taken, and the answer lost: all hosts would wait for its end
            raise
        _require_time(world, deadline, wait, "another process holds the refresh lock and has not finished")
        world.sleep(wait)
        wait = min(wait * 1.5, 0.25)
        _check(world, orders)


def _recheck(world: World, orders: Orders, deadline: float) -> Landing:
    """RECHECK: the previous holder of the lock may have refreshed (I1), or have sent the token and not come back."""
    record = _check(world, orders)
    # From here on this very generation is to be replaced, whatever made the session ask.
    orders = orders._replace(held=record)
    doubt = record.intent if record.intent and record.intent.generation == record.generation else None
    if doubt is not None:
        _ambiguous(world, orders, record, doubt, deadline)
    attempt = doubt.attempt if doubt else world.draw()
    # In our own name: the other owner may only have been stopped, and must not take its entry back as never sent.
    journalled = _intend(world, orders, record, attempt)
    return _send(world, orders, journalled, attempt, deadline, in_doubt=doubt is not None)


def _intend(world: World, orders: Orders, record: Record, attempt: str) -> Record:
    """INTENT: write the attempt down before it is sent. Whoever finds it presents the token by the same id (I2)."""
    until = world.now().wall + orders.timing.post
    journalled = record.with_intent(Intent(attempt, record.generation, orders.owner, until))
    try:
        if not world.compare_and_set(record.revision, journalled):
            raise _RecordChanged
    except TokenStoreError:
        if world.load() != journalled:  # else it was written, and only the answer lost
            raise
    # The store chooses the first revision of a record.
    return journalled if record.revision else _reload_unchanged(world, orders, journalled)


def _send(world: World, orders: Orders, record: Record, attempt: str, deadline: float, *, in_doubt: bool) -> Landing:
    """SEND, and send again where that is safe: never sent, to be left alone, or in doubt and allowed (I2)."""
    # There may be none yet where the refresher signs in anew; an active record has one.
    pair, resends = record.pair or TokenPair(""), orders.timing.resends
    # A token in doubt from before is presented at least once: without an answer of the server nothing ends the doubt.
    doubtful = max(int(in_doubt), min(resends, 1 if orders.grace is None else orders.grace))
    reason, retry_after = "an earlier attempt did not come back", None
    for count in range(resends + 1):
        wait = max(nth(BACK_OFFS, count - 1), retry_after or 0.0) if count else 0.0
        if (in_doubt and doubtful == 0) or not _may_send_after(world, orders, record, wait, deadline):
            break
        answer = _validated(pair, world.post(pair, attempt), same_user=not orders.signs_in)
        if isinstance(answer, Renewed):
            return _save(world, record, answer, deadline, in_doubt=in_doubt)
        if isinstance(answer, Refused):
            _end_session(world, orders, record, Status.DEAD)
            if orders.signs_in:
                words = "There is no pair; see what credentials= returns."
                raise SessionExpiredError(f"The server refused the sign-in ({answer.reason}). {words}")
            raise expired(answer.reason)
        if isinstance(answer, Unknown):  # AMBIGUOUS; `NotSent` and `Busy` leave the token unspent
            _ambiguous(world, orders, record, None, deadline)
            doubtful, in_doubt = doubtful - in_doubt, True
        reason, retry_after = answer.reason, answer.retry_after if isinstance(answer, Busy) else None
    if not in_doubt:  # the server surely never saw it
        world.compare_and_set(record.revision, record.with_intent(None))
    raise _unavailable(reason, retry_after)


def _may_send_after(world: World, orders: Orders, record: Record, wait: float, deadline: float) -> bool:
    """Let the back-off pass; return whether one more sending may begin: none that the deadline would cut (I5)."""
    if world.now().monotonic + wait + orders.timing.post > deadline:
        return False
    if wait:
        try:
            world.sleep(wait)
        except RefreshUnavailableError:
            return False  # the session closes: a token that was never sent must not look spent to the next process
        _reload_unchanged(world, orders, record)  # others may have landed, or signed out (I8), meanwhile
    return True


def _save(world: World, record: Record, answer: Renewed, deadline: float, *, in_doubt: bool) -> Landing:
    """SAVE: the old token is spent, so this must not fail for any trouble that passes (I7)."""
    offset = answer.clock_offset
    if in_doubt:
        # An `iat` of an earlier presentation makes the server's clock look late, never early. The record's offset may
        # come from a host with another clock.
        offset = max(offset, record.clock_offset if answer.date_offset is None else answer.date_offset)
    family = record.family if record.pair else world.draw()  # by signing in anew: perhaps as another user (I9)
    fresh = record.after_refresh(answer.pair, obtained_at=world.now().wall, clock_offset=offset, family=family)
    while True:
        try:
            if world.compare_and_set(record.revision, fresh):
                return Landing(fresh, "refreshed")
            current = world.load()
            if current is None or not current.same_generation(record):
                return _overtaken(world, record, current, answer.pair)
            # Only the journal entry differs: ours is still the pair to save.
            record, fresh = current, fresh.at_revision(current.revision)
        except TokenStoreError:
            if world.now().monotonic >= deadline:
                return Landing(fresh, "refreshed", saved=False)
            world.sleep(0.25, to_the_end=True)


def _overtaken(world: World, record: Record, current: Record | None, pair: TokenPair) -> Landing:
    """SAVE was lost: adopt what won, and leave no live tokens of ours behind (I8)."""
    if current is None or current.status is not Status.ACTIVE or current.family != record.family:
        world.revoke(pair)  # else it is the same session, further on, of a new holder: this would end it (I11)
    if current is None or current.status is Status.SIGNED_OUT:
        raise NotSignedInError("Signed out during the refresh; the new tokens were revoked. Sign in again.")
    if current.status is Status.DEAD:
        raise expired()
    return Landing(current, "adopted")


def _ambiguous(world: World, orders: Orders, record: Record, intent: Intent | None, deadline: float) -> None:
    """AMBIGUOUS: this token was sent, maybe by a process that did not come back. Return when it may be sent again.

    `intent`: None where this flight has sent it.
    """
    if orders.on_doubt == "relogin" and orders.grace is None:
        _end_session(world, orders, record, Status.SIGNED_OUT)
        raise SessionExpiredError("The refresh token may be spent; by policy the pair was cleared. Sign in again.")
    if orders.grace is not None or intent is None or intent.owner == orders.owner:
        return
    # A strict server refuses the second presentation: give the first one the time to be answered and saved, until the
    # deadline in its entry, but no longer than a sending takes, should the two hosts' clocks disagree.
    now = world.now()
    end = now.monotonic + min(intent.deadline - now.wall, orders.timing.post)
    while world.now().monotonic < end:
        _require_time(world, deadline, 0.25, "another process may still be refreshing this session")
        world.sleep(0.25)
        _reload_unchanged(world, orders, record)


def _end_session(world: World, orders: Orders, record: Record, status: Status) -> None:
    """REJECTED: clear the pair by compare-and-set, and only the generation that was refused (I10)."""
    current = _reload_unchanged(world, orders, record)
    while not world.compare_and_set(current.revision, current.ended(status)):
        current = _reload_unchanged(world, orders, record)


def _reload_unchanged(world: World, orders: Orders, record: Record) -> Record:
    """Return the record as the store has it now, if it is the same generation; else leave the state."""
    current = _check(world, orders)
    if not current.same_generation(record):
        raise _RecordChanged
    return current


def _unlock(world: World) -> None:
    for _ in range(2):
        with contextlib.suppress(TokenStoreError):  # the lease ends by itself; a pair that has landed must not be lost
            world.unlock()
            return


def _require_time(world: World, deadline: float, seconds: float, otherwise: str) -> None:
    if world.now().monotonic + seconds > deadline:
        raise _unavailable(otherwise)


def _validated(old: TokenPair, answer: object, *, same_user: bool) -> Answer:
    """Return the answer if it can be trusted, else `Unknown`: a user's own refresher may return anything."""
    if isinstance(answer, Refused | NotSent | Busy | Unknown):
        return answer
    if not isinstance(answer, Renewed):
        return Unknown(f"the refresher answered with {type(answer).__name__}")
    if not answer.pair.is_sendable:
        return Unknown("the refresher answered with tokens that no header can carry")
    before, after = old.claims.subject, answer.pair.claims.subject
    if not same_user or before is None or after is None or before == after:
        return answer
    return Unknown("the server answered with the tokens of another user")  # I9


def _unavailable(reason: str, retry_after: float | None = None) -> RefreshUnavailableError:
    delay = None if retry_after is None else timedelta(seconds=retry_after)
    return RefreshUnavailableError(f"Could not refresh: {reason}. The pair stays; try again.", retry_after=delay)


def expired(reason: str | None = None) -> SessionExpiredError:
    """Return the error of a session whose refresh token the server has refused."""
    because = f" ({reason})" if reason else ""
    return SessionExpiredError(
        f"The session has expired: the server refused the refresh token{because}. The pair was cleared; sign in again."
    )


class LiveWorld(NamedTuple):
    """The real world of one flight: what a user's store or refresher raises becomes what `World` allows."""

    records: Records
    owner: str
    refresher: Refresher
    clock: Clock
    timing: Timing
    closing: Closing

    def now(self) -> Instant:
        return Instant(self.clock.wall(), self.clock.monotonic())

    def draw(self) -> str:
        return os.urandom(16).hex()  # as secrets.token_hex, which imports hmac

    def sleep(self, seconds: float, *, to_the_end: bool = False) -> None:
        closing = Signal() if to_the_end else self.closing
        if not self.clock.sleep(lengthened(seconds), closing) and not to_the_end:
            raise RefreshUnavailableError("The session was closed before it could be refreshed. The pair stays.")

    def load(self) -> Record | None:
        return self._stored(self.records.load)

    def compare_and_set(self, expected: int, record: Record) -> bool:
        return self._stored(self.records.compare_and_set, expected, record)

    def try_lock(self) -> bool:
        return self._stored(self.records.store.try_lock, self.records.key, self.owner, self.timing.lease)

    def unlock(self) -> None:
        self._stored(self.records.store.unlock, self.records.key, self.owner)

    def post(self, pair: TokenPair, attempt: str) -> Answer:
        try:
            answer = self.refresher.refresh(pair, attempt=attempt, timeout=self.timing.post)
            if not isinstance(answer, Renewed):
                return answer
            # A refresher of the user's own does not know the claims that name whose token it is.
            return answer._replace(pair=answer.pair.with_subject(self.records.subject))
        except BaseException as error:  # noqa: BLE001 -- a user's refresher; the token may be spent
            return Unknown(f"the refresher raised {type(error).__name__}")

    def revoke(self, pair: TokenPair) -> None:
        with contextlib.suppress(BaseException):  # best effort, also with a user's refresher
            self.refresher.revoke(pair, timeout=self.timing.post)

    def _stored(self, call: Callable[..., T], *arguments: object) -> T:
        try:
            return call(*arguments)
        except SignedInError:
            raise
        except BaseException as error:
            raise TokenStoreError(f"{type(self.records.store).__name__} raised {type(error).__name__}.") from error


class Setbacks:
    """What went wrong lately: the next flight rests, and a loop of fruitless refreshes ends. `Renewal` guards it."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        # Class and text of the last failure: the error itself would keep frames, and what they hold.
        self.last: tuple[str, str] | None = None
        self._failures, self._rest_until = 0, 0.0  # flights failed in a row; monotonic
        self._unproven: deque[float] = deque(maxlen=_UNPROVEN_LIMIT)  # monotonic

    def rest(self) -> float:
        """Return the seconds for which no flight should send."""
        return max(0.0, self._rest_until - self._monotonic())

    def failed(self, error: SignedInError) -> None:
        """Let the next flight rest, as long as the server wants or longer each time."""
        self._failures, self.last = self._failures + 1, (type(error).__name__, str(error))
        wanted = error.retry_after if isinstance(error, RefreshUnavailableError) else None
        rest = max(jittered(nth(RESTS, self._failures - 1)), wanted.total_seconds() if wanted else 0.0)
        self._rest_until = self._monotonic() + rest

    def landed(self, replaced: Held | None) -> None:
        """Forget failures. A pair that the server refused and never accepted may have been part of a loop."""
        self._failures, self._rest_until, self.last = 0, 0.0, None
        if replaced is not None and replaced.accepted:
            self._unproven.clear()
        elif replaced is not None and replaced.refused:
            self._unproven.append(self._monotonic())

    def reset(self, error: SignedInError | None = None) -> None:
        """Begin anew: somebody signed in, or the session is over by this error."""
        self._failures, self._rest_until = 0, 0.0
        self.last = (type(error).__name__, str(error)) if error else None
        self._unproven.clear()

    def ended_by(self, error: SignedInError) -> bool:
        """Say whether it was an error of this class that ended the session, and nothing has gone well since."""
        return self.last is not None and self.last[0] == type(error).__name__

    def loops(self, held: Held) -> bool:
        """Say whether replacing this pair would be one more turn of a loop."""
        full = len(self._unproven) == _UNPROVEN_LIMIT
        return full and not held.accepted and self._monotonic() - self._unproven[0] <= _UNPROVEN_WINDOW

    def loop_error(self, clock_offset: float | None) -> FreshTokenRejectedError:
        offset = timedelta(seconds=clock_offset or 0.0)
        return FreshTokenRejectedError(
            f"The last {_UNPROVEN_LIMIT} tokens were refreshed within {_UNPROVEN_WINDOW:g} s, and the server refused "
            "each of them; one more refresh would loop. The pair stays as it is. The server's clock was last seen "
            f"{offset.total_seconds():+.1f} s from this one; look at the server's clocks, keys and failures.",
            clock_offset=offset,
        )


def or_else(flight: SharedJob[Held], held: Held, monotonic: Callable[[], float]) -> Promise[Held]:
    """Return the promise of what the flight brings or, where it fails for now, of `held` while that is usable."""
    either: Promise[Held] = Promise()

    def landed() -> None:
        error = flight.error()
        if error and (isinstance(error, SignInRequiredError) or monotonic() >= held.hard_at):
            either.set_error(error)
        else:
            either.set_result(held if error else flight.outcome())

    flight.waiters += 1
    flight.add_done_callback(landed)
    return either
