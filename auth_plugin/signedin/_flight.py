"""The refresh protocol, as a generator of effects: it decides, `_runner` carries out, the tests explore.

CHECK → LEASE → RECHECK → INTENT → SEND → SAVE, with AMBIGUOUS and REJECTED beside it. No I/O, no clock, no randomness
and no lock in here: each is an effect that is yielded. A store that fails raises `TokenStoreError` at the yield.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, NamedTuple, TypeVar, cast

from signedin._tokens import Intent, Record, Status, TokenPair, claims_of, is_token
from signedin.errors import (
    AuthError,
    NotSignedInError,
    RefreshUnavailableError,
    SessionExpiredError,
    TokenStoreError,
)
from signedin.protocols import Answer, Busy, NotSent, Refused, Renewed, Unknown
from signedin.timing import Timing, back_off

# ---------------------------------------------------------------------------------------------------------- effects
# Tuples: a dozen data classes would be a sixth of the time that `import signedin` takes.


class Now:
    """→ Instant."""


class Instant(NamedTuple):
    """What the clocks show, in seconds."""

    wall: float
    monotonic: float


class Draw:
    """→ str: 128 random bits, the name of an attempt."""


class Sleep(NamedTuple):
    """→ None, after `seconds`, or a little longer.

    When the session closes it raises RefreshUnavailableError, sooner; `to_the_end`: it does not.
    """

    seconds: float
    to_the_end: bool = False


class Load:
    """→ Record | None."""


class CompareAndSet(NamedTuple):
    """→ bool."""

    expected: int
    record: Record


class TryLock:
    """→ bool."""


class Unlock:
    """→ None."""


class Post(NamedTuple):
    """→ Answer."""

    pair: TokenPair
    attempt: str


class Revoke(NamedTuple):
    """→ None; best effort."""

    pair: TokenPair


Effect = Now | Draw | Sleep | Load | CompareAndSet | TryLock | Unlock | Post | Revoke
T = TypeVar("T")
Flight = Generator[Effect, Any, T]


# ------------------------------------------------------------------------------------------------ orders and results


class Orders(NamedTuple):
    """What one flight is to do, and under which rules.

    `rejected`: the generation to be replaced; None if any usable pair will do. `held`: the record in memory, which the
    store may have lost. `usable`: whether a record's access token may still be sent. `grace`: how often the server
    lets a token be presented again; None for a strict server. `rest`: seconds to wait first, after a failed flight.
    """

    owner: str
    usable: Callable[[Record, Instant], bool]
    rejected: int | None = None
    held: Record | None = None
    timing: Timing = Timing()
    grace: int | None = None
    on_doubt: Literal["resend", "relogin"] = "resend"
    rest: float = 0.0

    @property
    def ends_in_doubt(self) -> bool:
        """Whether a token that may be spent is given up. With a grace it never is: presenting it again is safe."""
        return self.on_doubt == "relogin" and self.grace is None


class Landing(NamedTuple):
    """How a flight ended well: `saved` is False when the store could not take the pair, which lives in memory then."""

    record: Record
    how: Literal["refreshed", "adopted"]
    saved: bool = True


# -------------------------------------------------------------------------------------------------------- the flight


def fly(orders: Orders) -> Flight[Landing]:
    """Return a record that replaces the rejected generation, sending its refresh token once if nobody else has.

    Raises:
        NotSignedInError: The store holds no pair, or lost it to a sign-out meanwhile.
        SessionExpiredError: The server refused the refresh token; the record is DEAD.
        RefreshUnavailableError: No usable answer within the bounds; the pair is kept.
        TokenStoreError: The store cannot be used. What may have been sent stands in its journal, for the next flight.
    """
    start = yield from _now()
    deadline = start.monotonic + orders.timing.flight
    rest = orders.rest
    while True:
        found = yield from _check(orders)  # also before a rest: another process may have done better
        if isinstance(found, Landing):
            return found
        if rest:
            yield from _rest(rest, orders.timing)
            rest = 0.0
            continue
        try:
            yield from _lease(orders, deadline)
            return (yield from _holding_the_lock(orders, deadline))
        except _Moved as moved:
            if moved.landing is not None:
                return moved.landing
        yield from _demand_time(deadline, 0.0, "the token store changed faster than this process could follow")


def _rest(seconds: float, timing: Timing) -> Flight[None]:
    """Let the server alone after a failed flight, unless that takes longer than this one may."""
    if seconds + timing.post > timing.flight:
        raise RefreshUnavailableError(
            f"Could not refresh: the last attempt failed, and the next is due in {seconds:.1f} s. The pair is kept; "
            "try again then.",
            retry_after=timedelta(seconds=seconds),
        )
    yield Sleep(seconds)


class _Moved(Exception):  # noqa: N818 -- no error: it leaves a state whose ground has gone
    """Somebody changed the record: to what the landing says, or, if None, look again from CHECK."""

    def __init__(self, landing: Landing | None) -> None:
        self.landing = landing


def _check(orders: Orders) -> Flight[Landing | Record]:
    """CHECK: adopt what others have saved, or return the record that is to be refreshed."""
    record = yield from _load()
    if record is None or record.status is Status.SIGNED_OUT:
        raise NotSignedInError("Not signed in: there is no pair of tokens. Sign in first.")
    if record.status is Status.DEAD:
        raise _expired()
    held = orders.held if orders.held and orders.held.family == record.family else None
    if held is not None and record.generation < held.generation:
        # The store fell behind what this process holds: it could not save, or was rolled back.
        newer = held.at_revision(record.revision)
        if not (yield from _compare_and_set(record, newer)):
            return (yield from _check(orders))
        record = newer
    if record.generation == orders.rejected and (held is not None or orders.held is None):
        return record
    usable = orders.usable(record, (yield from _now()))
    return Landing(record, "adopted") if usable else record


def _still(orders: Orders, record: Record) -> Flight[Record]:
    """Return the record as the store has it now, while it is the same generation."""
    found = yield from _check(orders)
    if isinstance(found, Landing):
        raise _Moved(found)
    if not _same_state(found, record):
        raise _Moved(None)
    return found


def _same_state(found: Record, record: Record) -> bool:
    # By the sign-in too: where the record was lost and somebody signed in anew, the generations begin again.
    return (found.generation, found.family) == (record.generation, record.family)


def _lease(orders: Orders, deadline: float) -> Flight[None]:
    """LEASE: take the lock, watching for what its holder saves. Never send without it."""
    wait = 0.02
    while not (yield from _try_lock()):
        yield from _demand_time(deadline, wait, "another process holds the refresh lock and has not finished")
        yield Sleep(wait)
        wait = min(wait * 1.5, 0.25)
        found = yield from _check(orders)
        if isinstance(found, Landing):
            raise _Moved(found)


def _holding_the_lock(orders: Orders, deadline: float) -> Flight[Landing]:
    try:
        landing = yield from _recheck(orders, deadline)
    except Exception:  # also what nobody foresaw: a lock that is left behind ends the session until the process ends
        yield from _unlock()
        raise
    yield from _unlock()
    return landing


def _recheck(orders: Orders, deadline: float) -> Flight[Landing]:
    """RECHECK and INTENT, under the lock."""
    found = yield from _check(orders)
    if isinstance(found, Landing):
        return found
    # From here on this very generation is to be replaced, whatever made the session ask.
    orders = orders._replace(rejected=found.generation, held=None)
    if found.intent is not None and found.intent.generation == found.generation:
        return (yield from _doubted(orders, found, found.intent, deadline))
    now = yield from _now()
    attempt = cast("str", (yield Draw()))
    intent = Intent(attempt, found.generation, orders.owner, now.wall + orders.timing.post)
    noted = found.with_intent(intent)
    if not (yield from _journalled(found, noted)):
        raise _Moved(None)
    return (yield from _send(orders, noted, attempt, deadline, in_doubt=False))


def _journalled(found: Record, noted: Record) -> Flight[bool]:
    """INTENT: say whether it stands in the store. A write whose answer was lost may have been made: look."""
    try:
        return (yield from _compare_and_set(found, noted))
    except TokenStoreError:
        if (yield from _load()) != noted:
            raise
        return True


def _doubted(orders: Orders, record: Record, intent: Intent, deadline: float) -> Flight[Landing]:
    """AMBIGUOUS, found in the journal: somebody may have sent this token and not come back."""
    if orders.ends_in_doubt:
        return (yield from _end(orders, record, Status.SIGNED_OUT, _spent()))
    if orders.grace is None and intent.owner != orders.owner:
        # A strict server refuses the second presentation: give the first one the time to be answered and saved; by
        # the deadline that its owner noted, but no longer than a sending takes, should our clocks disagree.
        now = yield from _now()
        end = now.monotonic + min(intent.deadline - now.wall, orders.timing.post)
        while (yield from _now()).monotonic < end:
            yield from _demand_time(deadline, 0.25, "another process may still be refreshing this session")
            yield Sleep(0.25)
            yield from _still(orders, record)
    # In our own name: whoever noted it may only have been stopped, and must not take it back then as never sent.
    until = (yield from _now()).wall + orders.timing.post
    ours = record.with_intent(intent._replace(owner=orders.owner, deadline=until))
    if not (yield from _journalled(record, ours)):
        raise _Moved(None)
    return (yield from _send(orders, ours, intent.attempt, deadline, in_doubt=True))


def _send(orders: Orders, record: Record, attempt: str, deadline: float, *, in_doubt: bool) -> Flight[Landing]:
    """SEND, and send again where that is safe: never sent, told to wait, or in doubt and allowed.

    No sending begins that the deadline would cut, and the lease outlives the deadline (`Timing`).
    """
    pair, resends = _pair_of(record), orders.timing.resends
    # Found in doubt, it is presented at least once: only the server can tell, and without an answer nothing ends that.
    again = max(int(in_doubt), min(resends, 1 if orders.grace is None else orders.grace))
    last: Answer = Unknown("an earlier attempt did not come back")
    for count in range(resends + 1):
        wait = _wait_before(count, last)
        if (in_doubt and again == 0) or not (yield from _waited(orders, record, wait, deadline)):
            break
        last = _judged(pair, (yield Post(pair, attempt)))
        if isinstance(last, Renewed):
            if in_doubt:
                # Maybe minted for an earlier presentation: an old `iat` makes the server look late, never early. What
                # the record says may be from a host with another clock.
                told = record.clock_offset if last.date_offset is None else last.date_offset
                last = replace(last, clock_offset=max(last.clock_offset, told))
            return (yield from _save(record, last, deadline))
        if isinstance(last, Refused):
            return (yield from _end(orders, record, Status.DEAD, _expired(last.reason)))
        if isinstance(last, Unknown):
            if orders.ends_in_doubt:
                return (yield from _end(orders, record, Status.SIGNED_OUT, _spent()))
            again, in_doubt = again - in_doubt, True
    if not in_doubt:
        yield from _clear_intent(record)
    raise _unavailable(last)


def _waited(orders: Orders, record: Record, wait: float, deadline: float) -> Flight[bool]:
    """Let the back-off pass; say whether one more sending may begin."""
    if (yield from _now()).monotonic + wait + orders.timing.post > deadline:
        return False
    if wait:
        try:
            yield Sleep(wait)
        except RefreshUnavailableError:
            return False  # the session closes: a token that was never sent must not look spent to the next process
        yield from _still(orders, record)  # others may have landed, or signed out, meanwhile
    return True


def _wait_before(count: int, last: Answer) -> float:
    if count == 0:
        return 0.0
    asked = last.retry_after if isinstance(last, Busy) else None
    return max(back_off(count - 1), asked or 0.0)


def _save(record: Record, answer: Renewed, deadline: float) -> Flight[Landing]:
    """SAVE: the old token is spent, so this must not fail for any trouble that passes."""
    pair = answer.pair
    now = yield from _now()
    fresh = record.after_refresh(pair, obtained_at=now.wall, clock_offset=answer.clock_offset)
    while True:
        try:
            if (yield from _compare_and_set(record, fresh)):
                return Landing(fresh, "refreshed")
            current = yield from _load()
            if current is None or not _same_state(current, record):
                return (yield from _overtaken(record, current, pair))
            # The same generation with another journal entry: ours is still the pair to keep.
            record, fresh = current, fresh.at_revision(current.revision)
        except TokenStoreError:
            if (yield from _now()).monotonic >= deadline:
                return Landing(fresh, "refreshed", saved=False)
            yield Sleep(0.25, to_the_end=True)


def _overtaken(record: Record, current: Record | None, pair: TokenPair) -> Flight[Landing]:
    """SAVE was lost: keep what won, and leave no live tokens of ours behind."""
    if current is not None and current.status is Status.ACTIVE and current.family == record.family:
        # The same session, further on, through a holder that took over: revoking ours would end it.
        return Landing(current, "adopted")
    yield Revoke(pair)
    if current is not None and current.status is Status.ACTIVE:
        return Landing(current, "adopted")
    if current is not None and current.status is Status.DEAD:
        raise _expired()
    raise NotSignedInError("Signed out while the session was being refreshed; the new tokens were revoked. Sign in.")


def _end(orders: Orders, record: Record, status: Status, error: AuthError) -> Flight[Landing]:
    """REJECTED: compare and clear, and only the generation that was judged."""
    found = yield from _still(orders, record)
    while not (yield from _compare_and_set(found, found.ended(status))):
        found = yield from _still(orders, record)
    raise error


def _clear_intent(record: Record) -> Flight[None]:
    """Take back the journal entry of an attempt that the server surely never saw."""
    if record.intent is not None:
        yield from _compare_and_set(record, record.with_intent(None))


# ------------------------------------------------------------------------------------------------------ small change


def _now() -> Flight[Instant]:
    return cast("Instant", (yield Now()))


def _load() -> Flight[Record | None]:
    return cast("Record | None", (yield Load()))


def _compare_and_set(old: Record, new: Record) -> Flight[bool]:
    return cast("bool", (yield CompareAndSet(old.revision, new)))


def _try_lock() -> Flight[bool]:
    try:
        return cast("bool", (yield TryLock()))
    except TokenStoreError:
        yield from _unlock()  # it may be taken, and the answer lost: all hosts would wait for its end
        raise


def _unlock() -> Flight[None]:
    for _ in range(2):
        try:
            yield Unlock()
        except TokenStoreError:
            continue  # in the end the lease ends by itself; what was landed must not be lost for that
        return


def _demand_time(deadline: float, seconds: float, otherwise: str) -> Flight[None]:
    if (yield from _now()).monotonic + seconds > deadline:
        raise RefreshUnavailableError(f"Could not refresh: {otherwise}. The pair is kept; try again.")


def _pair_of(record: Record) -> TokenPair:
    if record.pair is None:  # a store that returns an active record without a pair breaks its contract
        raise TokenStoreError("The token store returned an active record without tokens; sign in again to replace it.")
    return record.pair


def _judged(old: TokenPair, answer: object) -> Answer:
    """Return the answer, or what must be thought of it: a refresher of the user's own may return anything."""
    if isinstance(answer, Refused | NotSent | Busy | Unknown):
        return answer
    if not isinstance(answer, Renewed):
        return Unknown(f"the refresher answered with {type(answer).__name__}")
    new = answer.pair
    if not (is_token(new.access_token) and is_token(new.refresh_token)):
        return Unknown("the refresher answered with tokens that no header can carry")
    before, after = claims_of(old.access_token).subject, claims_of(new.access_token).subject
    if before is None or after is None or before == after:
        return answer
    return Unknown("the server answered with the tokens of another user")


def _spent() -> SessionExpiredError:
    return SessionExpiredError(
        "The refresh token may be spent, and by the chosen policy it is not sent again; the pair was cleared. "
        "Sign in again."
    )


def _expired(reason: str | None = None) -> SessionExpiredError:
    said = f" ({reason})" if reason else ""
    return SessionExpiredError(
        f"The session has expired: the server refused the refresh token{said}. The pair was cleared; sign in again."
    )


def _unavailable(last: Answer) -> RefreshUnavailableError:
    reason = "no answer" if isinstance(last, Renewed) else last.reason
    retry_after = last.retry_after if isinstance(last, Busy) else None
    return RefreshUnavailableError(
        f"Could not refresh the session: {reason}. The pair is kept; try again later.",
        retry_after=None if retry_after is None else timedelta(seconds=retry_after),
    )
