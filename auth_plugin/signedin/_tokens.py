"""Values of the token layer: the pair, its record, for how long it may be sent, records as bytes in a store.

No I/O but a store's. Secrets stand in `TokenPair` and the header of `Held`, which show them to nobody.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, Self

from signedin.errors import ConfigurationError, TokenStoreError
from signedin.timing import jittered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from signedin.protocols import Clock, Stored, TokenStore

FORMAT: Final = 1
ENCRYPTED: Final = b"signedin-encrypted-"  # how what an EncryptedStore writes begins
SUBJECT: Final = ("sub", "userId")  # claims of which the first present says whose token it is
_TOKEN: Final = re.compile(r"[!-~]{1,16384}")  # printable ASCII without spaces, of a sane size
# What datetime can show, in seconds since the epoch: the years 1 to 9999.
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799


class Claims(NamedTuple):
    """What an access token says of itself, unverified: only its issuer can verify it."""

    iat: float | None = None
    exp: float | None = None
    subject: str | None = None


def claims_of(access_token: str, subject_claims: tuple[str, ...] = SUBJECT) -> Claims:
    """Read a JWT's payload (RFC 7519, section 4.1) without trusting it; an opaque token has no claims."""
    try:
        _, payload, _ = access_token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (AttributeError, TypeError, ValueError, RecursionError):  # the first two: no text; `is_token` refuses it
        return Claims()
    if not isinstance(claims, dict):
        return Claims()
    name, subject = claims.get(next(filter(claims.__contains__, subject_claims), None)), None
    if isinstance(name, str | int):
        subject = hashlib.sha256(str(name).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Claims(_seconds(claims.get("iat")), _seconds(claims.get("exp")), subject)


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _LAST_SECOND else None  # NaN is not, either


class TokenPair:
    """An access token and the refresh token that came with it, or None; neither is ever shown.

    `expires_at`: by the server's clock; by default what the access token says of itself, None for an opaque one.
    `carried`: values of the response that go back with the next refresh, a CSRF token say, by place; secrets, too.
    `subject`: claims of which the first present says whose token it is.
    """

    # Written once. No data class: that module and what it makes of six fields would cost each program 2 ms at import.
    __slots__ = ("access_token", "carried", "claims", "expires_at", "refresh_token", "subject")

    def __init__(
        self,
        access_token: str,
        refresh_token: str | None = None,
        expires_at: datetime | None = None,
        *,
        carried: Mapping[str, str] | None = None,
        subject: tuple[str, ...] = SUBJECT,
    ) -> None:
        claims = claims_of(access_token, subject)
        if expires_at is not None and (exp := _seconds(expires_at.timestamp())) is not None:
            claims = claims._replace(exp=exp)
        self.access_token: Final = access_token
        self.refresh_token: Final = refresh_token
        self.expires_at: Final = None if claims.exp is None else datetime.fromtimestamp(claims.exp, UTC)
        self.carried: Final[Mapping[str, str]] = carried or {}
        self.subject: Final = subject
        self.claims: Final = claims  # unverified; read once

    def with_subject(self, subject: tuple[str, ...]) -> TokenPair:
        """Return this pair, read by other claims."""
        return TokenPair(self.access_token, self.refresh_token, self.expires_at, carried=self.carried, subject=subject)

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(self, name):
            raise AttributeError(f"a TokenPair is written once: {name} does not change")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a TokenPair is written once: {name} is not deleted")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TokenPair):
            return NotImplemented
        ours, theirs = (self.access_token, self.refresh_token), (other.access_token, other.refresh_token)
        return ours == theirs and self.carried == other.carried

    def __hash__(self) -> int:
        return hash((self.access_token, self.refresh_token))

    @property
    def is_sendable(self) -> bool:
        """Whether a header can carry both tokens."""
        return is_token(self.access_token) and (self.refresh_token is None or is_token(self.refresh_token))

    def is_apart_from(self, other: TokenPair) -> bool:
        """Say whether to revoke this one leaves the other alive."""
        return (self.refresh_token or self.access_token) != (other.refresh_token or other.access_token)

    def __repr__(self) -> str:
        return f"TokenPair(access_token=<hidden>, refresh_token=<hidden>, expires_at={self.expires_at})"

    def __deepcopy__(self, _memo: object = None) -> Self:
        return self

    __copy__ = __deepcopy__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a TokenPair is not pickled: share a session between processes by a FileStore or a RedisStore")


class Status(StrEnum):
    """The state of the session behind a record."""

    ACTIVE = "active"
    SIGNED_OUT = "signed_out"
    DEAD = "dead"  # the server refused the refresh token


class Intent(NamedTuple):
    """A refresh that was about to be sent: whoever finds it must take the token for possibly spent."""

    attempt: str
    generation: int
    owner: str
    deadline: float  # wall clock; after it the attempt is surely over


class Record(NamedTuple):
    """What a store keeps under one key.

    `generation` grows with every change of the pair or the status; `revision` with every write, and is what stores
    count and compare: 0 before a store has written it. `family` names the sign-in that the pair descends from.
    """

    generation: int
    revision: int
    status: Status
    pair: TokenPair | None = None
    obtained_at: float = 0.0  # wall clock of the host that obtained the pair
    clock_offset: float = 0.0  # seconds that the server's clock was ahead of that host's
    family: str = ""
    intent: Intent | None = None

    @property
    def claims(self) -> Claims:
        """What the access token says of itself. No field, since a repr would show whose tokens they are."""
        return self.pair.claims if self.pair else Claims()

    def after_refresh(
        self, pair: TokenPair, *, obtained_at: float, clock_offset: float, family: str | None = None
    ) -> Self:
        """Return the successor that holds the refreshed pair; `family`: of a sign-in anew."""
        generation, revision = self.generation + 1, self.revision + 1
        return type(self)(generation, revision, Status.ACTIVE, pair, obtained_at, clock_offset, family or self.family)

    def ended(self, status: Status) -> Self:
        generation, revision = self.generation + 1, self.revision + 1
        return self._replace(generation=generation, revision=revision, status=status, pair=None, intent=None)

    def with_intent(self, intent: Intent | None) -> Self:
        return self._replace(revision=self.revision + 1, intent=intent)

    def at_revision(self, revision: int) -> Self:
        """Return the record as the next write after another revision."""
        return self._replace(revision=revision + 1)

    def same_generation(self, other: Record) -> bool:
        """Say whether both are one generation of one sign-in."""
        # If the record was lost and somebody signed in anew, the generations begin again (I9).
        return (self.generation, self.family) == (other.generation, other.family)

    def same_user(self, other: Record) -> bool:
        """Say whether both pairs act for one user: by subject where both tokens name one, else by sign-in."""
        ours, theirs = self.claims.subject, other.claims.subject
        return self.family == other.family if ours is None or theirs is None else ours == theirs


def newest_pair(*records: Record | None) -> TokenPair | None:
    """Return the newest pair there was: what is in hand may be newer than what the store could take."""
    active = [record for record in records if record is not None and record.pair]
    return max(active, key=lambda record: record.generation).pair if active else None


def is_token(value: object) -> bool:
    """Say whether a value can be a token.

    A stray newline would otherwise surface in an error of the HTTP library, with the token in its text.
    """
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def clock_offset(claims: Claims, *, sent: float, received: float, date: float | None = None) -> float:
    """Return how many seconds the server's clock is ahead, by the local wall clock around the issue of a token.

    `iat` is mostly cut to whole seconds, so the moment of issue lies in [iat, iat + 1). Where the local
    clock fits in there it is taken as right; otherwise the end of the interval that expires the token sooner. `date`,
    the answer's Date header, stands in for an `iat` that is not there.
    """
    issued = date if claims.iat is None else claims.iat
    if issued is None:
        return 0.0
    blur = 1.0 if issued.is_integer() else 0.0
    lowest, highest = issued - received, issued + blur - sent
    return 0.0 if lowest <= 0.0 <= highest else highest


# ---------------------------------------------------------------------------------------------------- the pair in hand


class Instant(NamedTuple):
    """What the clocks show, in seconds."""

    wall: float
    monotonic: float


class Held:
    """The pair in hand, ready for a header."""

    __slots__ = ("accepted", "ends_at", "hard_at", "header", "record", "refused", "soft_at")

    def __init__(
        self, record: Record, soft_at: float, hard_at: float, ends_at: float = math.inf, prefix: str = "Bearer "
    ) -> None:
        self.record = record
        self.soft_at = soft_at  # monotonic: from here on it is replaced in the background
        self.hard_at = hard_at  # monotonic: from here on it is not sent any more
        self.ends_at = ends_at  # monotonic; infinite where our clock cannot tell
        self.accepted = False  # the server has taken it once; set by any thread, never unset
        self.refused = False  # the server says that it has expired; set by any thread, never unset
        self.header = f"{prefix}{record.pair.access_token}" if record.pair else ""

    def __repr__(self) -> str:
        return f"<Held generation={self.record.generation}>"

    def refuse(self) -> None:
        """Send it no more: the server says that it has expired."""
        self.refused, self.soft_at, self.hard_at = True, -math.inf, -math.inf


class Windows:
    """For how long an access token may be sent, by what this process has learned of the server's clock."""

    def __init__(self, clock: Clock, prefix: str = "Bearer ") -> None:
        self._clock, self._prefix = clock, prefix
        self.spread = jittered(1.0)  # each process has its own soft window: a fleet does not refresh in step
        self._ahead: float | None = None  # seconds that the server's clock is ahead of this process's monotonic one

    @property
    def clock_offset(self) -> float | None:
        """Seconds that the server's clock is ahead of the wall clock now; None before an answer showed it."""
        return None if self._ahead is None else round(self._ahead + self._clock.monotonic() - self._clock.wall(), 3)

    def learn(self, clock_offset: float) -> None:
        """Take over what an answer showed: by the monotonic clock, since the wall clock may jump afterwards."""
        self._ahead = clock_offset + self._clock.wall() - self._clock.monotonic()

    def hold(self, record: Record, *, refreshed: bool = False) -> Held:
        """Return the record's pair with its windows; `refreshed`: it has just come from the server."""
        now = Instant(self._clock.wall(), self._clock.monotonic())
        left, soft, hard = self._measured(record, now)
        soft = max(soft * self.spread, hard)
        if left is None or (refreshed and left <= soft):
            # Opaque; or near its end on arrival, as tokens of a second are, and all tokens where our idea of the
            # server's time is wrong. Refreshing again would bring no better one: the server's 401 says when.
            soft_at = hard_at = math.inf
        else:
            soft_at, hard_at = now.monotonic + left - soft, now.monotonic + left - hard
        # One that arrives ended tells that the clocks differ, not when it ends.
        ends_at = now.monotonic + left if left is not None and left > 0 else math.inf
        return Held(record, soft_at, hard_at, ends_at, prefix=self._prefix)

    def has_ended(self, held: Held) -> bool:
        return self._clock.monotonic() >= held.ends_at

    def usable(self, record: Record, now: Instant) -> bool:
        """Say whether the access token is outside its hard window."""
        left, _, hard = self._measured(record, now)
        return record.pair is not None and (left is None or left > hard)

    def _measured(self, record: Record, now: Instant) -> tuple[float | None, float, float]:
        """Return how long the access token lives yet, None for an opaque one, and its soft and its hard window.

        That is how long before its end it is replaced in the background, and no longer sent: 60 s and 5 s, at most a
        fifth and a tenth of its life.
        """
        iat, exp, _ = record.claims
        if exp is None:
            return None, 60.0, 5.0
        # Without `iat`, its life is what it had left when it was obtained.
        lifetime = exp - (record.obtained_at + record.clock_offset if iat is None else iat)
        # What this process has learned itself comes first: the record may be from a host with another clock.
        left = exp - (now.wall + record.clock_offset if self._ahead is None else now.monotonic + self._ahead)
        if lifetime <= 0:
            return left, 60.0, 5.0
        # `iat` and `exp` are mostly cut to whole seconds: refreshed in its first, one ends no later than it did.
        later = max(0.0, lifetime - 1.0)
        return left, min(60.0, lifetime / 5, later), min(5.0, lifetime / 10, later)


# ---------------------------------------------------------------------------------------------------- records as bytes


# What stands in a record, by name and type; no refresh token and no end of the access token are null.
_RECORD: Final = {"generation": int, "obtained_at": float, "clock_offset": float, "family": str}
_PAIR: Final = {"access_token": str, "refresh_token": str, "expires_at": float}
_INTENT: Final = {"attempt": str, "generation": int, "owner": str, "deadline": float}


def encode(record: Record) -> bytes:
    """Return the record as JSON, with the tokens in clear. The revision is not part of it: stores count."""
    body = record._asdict()
    pair, intent, _ = body.pop("pair"), body.pop("intent"), body.pop("revision")
    body |= {
        "format": FORMAT,
        "access_token": pair and pair.access_token,
        "refresh_token": pair and pair.refresh_token,
        "expires_at": pair and pair.claims.exp,
        "carried": dict(pair.carried) if pair else {},
        "intent": intent and intent._asdict(),
    }
    return json.dumps(body, separators=(",", ":")).encode()


def decode(stored: Stored, subject: tuple[str, ...] = SUBJECT) -> Record:
    """Return the record. `subject`: as of a `TokenPair`.

    Raises:
        ValueError: The bytes are damaged; the message never quotes a value.
        TokenStoreError: They are sound, but not for this reader: of a later version, or encrypted.
    """
    if stored.data.startswith(ENCRYPTED):
        raise TokenStoreError(
            "The tokens are encrypted, and this store has no key. Nothing was changed: set SIGNEDIN_STORE_KEY, or use "
            "an EncryptedStore with the key that wrote them."
        )
    try:
        body = json.loads(stored.data)
        refuse_later_format(body)
        return _record(body, stored.revision, subject)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        reason = type(error).__name__
    # Outside of the handler: the context of the error would hold the tokens.
    raise ValueError(f"it is no token record: {reason}")


def refuse_later_format(body: Any) -> None:
    """Raise TokenStoreError for what a later version of this package has written: it is not damaged."""
    if isinstance(body, dict) and isinstance(number := body.get("format"), int) and number > FORMAT:
        raise TokenStoreError(
            f"The tokens were written in format {number} by a later version of signedin; this one reads {FORMAT}. "
            "Nothing was changed. Upgrade it, or name another place."
        )


def _record(body: Any, revision: int, subject: tuple[str, ...]) -> Record:
    status, pair, intent = Status(body["status"]), None, body["intent"]
    if status is Status.ACTIVE:
        access, refresh, exp = _values(body, _PAIR).values()
        ends = None if exp is None else datetime.fromtimestamp(exp, UTC)
        carried = _values(body["carried"], dict.fromkeys(body["carried"], str))
        pair = TokenPair(access, refresh, ends, carried=carried, subject=subject)
    if body["format"] != FORMAT or (pair is None and (body["access_token"] or body["refresh_token"])):
        raise ValueError
    intent = None if intent is None else Intent(**_values(intent, _INTENT))
    return Record(revision=revision, status=status, pair=pair, intent=intent, **_values(body, _RECORD))


def _values(body: Any, kinds: Mapping[str, type]) -> dict[str, Any]:
    """Return values of just these types: no empty text, no negative count, no time that datetime cannot show."""
    values = {}
    for name, kind in kinds.items():
        value = body[name]
        if kind is float and type(value) is int:  # as JSON writes whole seconds; what it calls true is no number
            value = float(value)
        negative = isinstance(value, int) and value < 0
        # Two clocks may be as far apart as the calendar is long.
        first = -_LAST_SECOND if name == "clock_offset" else _FIRST_SECOND
        endless = isinstance(value, float) and not first <= value <= _LAST_SECOND
        absent = value is None and name in ("refresh_token", "expires_at")
        if (type(value) is not kind and not absent) or value == "" or negative or endless:
            raise TypeError
        values[name] = value
    return values


class Records:
    """What `store` keeps under `key`, as records: the one place where records become bytes, and bytes records."""

    def __init__(self, store: TokenStore, key: str, subject: tuple[str, ...] = SUBJECT) -> None:
        self.store: Final = store
        self.key: Final = key
        self.subject: Final = subject  # claims that say whose token it is

    def load(self) -> Record | None:
        """Return the record last written. Damaged bytes are a TokenStoreError, and stay as they are."""
        return self._decoded(self.store.load(self.key))

    def peek(self) -> Record | None:
        """Return the record last written, and have the store repair nothing."""
        look: Callable[[str], Stored | None] = getattr(self.store, "peek", self.store.load)
        return self._decoded(look(self.key))

    def compare_and_set(self, expected_revision: int, record: Record) -> bool:
        """Write the record if the revision in the store is still the expected one (0: no record)."""
        try:
            return self.store.compare_and_set(self.key, expected_revision, encode(record))
        except TokenStoreError as error:
            failure = error.again()  # the frames below hold the tokens, and crash reporters show frames
        raise failure

    def change(self, successor: Callable[[Record | None], Record | None]) -> tuple[Record | None, Record | None]:
        """Compare and set until it holds, without the refresh lock, and return the records before and after.

        Where there is no successor nothing is written. A damaged record counts as none, and is replaced; so does one in
        the memory of another process.
        """
        for _ in range(1000):
            try:
                stored = self.store.load(self.key)
            except ConfigurationError:  # MemoryStore: it belongs to the process that this one was forked from
                stored = None
            before = self._decoded(stored, damaged_is_none=True)
            after = successor(before)
            if after is None or self.compare_and_set(stored.revision if stored else 0, after):
                return before, after
        raise TokenStoreError("The token store changed a thousand times while one change was tried; it was left as is.")

    def _decoded(self, stored: Stored | None, *, damaged_is_none: bool = False) -> Record | None:
        try:
            return decode(stored, self.subject) if stored else None
        except TokenStoreError as error:
            failure = error.again()  # as above
        except ValueError as error:
            if damaged_is_none:
                return None
            failure = TokenStoreError(
                f"The record {self.key!r} in {self.store!r} is damaged ({error}). Nothing was changed; signing in "
                "replaces it."
            )
        raise failure
