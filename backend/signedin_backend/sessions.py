"""What tokens may do: sign in, rotate, be presented again, revoke, authenticate. One transaction each; no HTTP here."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection

from signedin_backend import storage
from signedin_backend.keys import Keys, derived, name
from signedin_backend.settings import Settings
from signedin_backend.storage import Access, Rotation, Session, Storage, Tier, User
from signedin_backend.tokens import (
    AccessTokens,
    Claims,
    InvalidAccessTokenError,
    fingerprint,
    first_refresh_token,
    next_refresh_token,
)

KEYED = Tier(milliseconds=60_000, times=5)
BARE = Tier(milliseconds=10_000, times=2)

Clock = Callable[[], float]


class SessionOverError(Exception):
    """The access token is right, its session is not any more."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What a client keeps."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Renewal:
    """A refresh that was answered with a pair.

    `left` is how many milliseconds the replaced access token still had, negative once it had expired.
    """

    pair: Pair
    kind: Literal["rotated", "repeated"]
    session_id: str
    left: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refresh that was not; `revoked` if it ended the session that was alive until then.

    `rekeyed`: it may be repeated, but the key that its child was made with is no more among ours, and the child is not
    to be had again.
    """

    reason: Literal["unknown", "over", "reused", "rekeyed"]
    session_id: str | None = None
    revoked: bool = False


class Sessions:
    """The rules, over one storage, one list of keys and one clock."""

    def __init__(self, storage: Storage, settings: Settings, keys: Keys, clock: Clock) -> None:
        self._storage, self._settings, self._clock = storage, settings, clock
        named = {name(key): key for key in keys}
        self._access_tokens = AccessTokens(named, issuers=settings.issuer, audiences=settings.audience)
        self._recorded_until = 0  # milliseconds; two threads that both renew it do no harm
        self._refresh_keys = [derived(key, "refresh tokens") for key in keys]

    def register(self, email: str, canonical: str, password: str) -> Pair:
        """Create an account and its first session together.

        Raises:
            EmailTakenError: Another account has the address.
        """
        self._record_issuance()
        with self._storage.writing() as connection:
            now = self._now()
            user = User(id=str(uuid.uuid4()), email=email, created_at=now, updated_at=now)
            storage.add_user(connection, user, canonical=canonical, password=password)
            return self._begin(connection, user.id, now)

    def password_of(self, canonical: str) -> tuple[str, str] | None:
        """Return id and password record of an account."""
        with self._storage.reading() as connection:
            return storage.user_to_sign_in(connection, canonical)

    def sign_in(self, user_id: str, *, was: str = "", renewed: str | None = None) -> Pair:
        """Begin a session, and keep the password record that was `renewed` unless it is not any more what it `was`.

        Raises:
            UserGoneError: The account was removed since its password was read.
        """
        self._record_issuance()
        with self._storage.writing() as connection:
            if renewed is not None:
                storage.renew_password(connection, user_id, was=was, renewed=renewed)
            return self._begin(connection, user_id, self._now())

    def refresh(self, token: str, key: str | None) -> Renewal | Refusal:
        """Exchange a refresh token for its child: once, and again only within the grace (RFC 9700, section 4.14.2)."""
        presented, hashed_key, received = fingerprint(token), key and fingerprint(key), self._now()
        self._record_issuance()
        with self._storage.writing() as connection:
            session = storage.session_of_token(connection, presented)
            if session is None:
                return Refusal("unknown")
            # The session is ours now. Neither its rotation nor its repeat is older for having waited: a grace that
            # began before the wait, or ends during it, would sign a client out.
            now = self._now()
            if (pair := self._rotated(connection, session, token, hashed_key, now)) is not None:
                return Renewal(pair, "rotated", session.id, session.access.expires_at * 1000 - now)
            if self._may_repeat(connection, session.id, presented, hashed_key, received):
                again = self._repeated(connection, session, token, now)
                return Renewal(again, "repeated", session.id) if again else Refusal("rekeyed", session.id)
            return self._refused(connection, session, now)

    def sign_out(self, token: str) -> bool:
        """End the session of any of its refresh tokens, used or not; False if there is nothing to end."""
        with self._storage.writing() as connection:
            session = storage.session_of_token(connection, fingerprint(token))
            return session is not None and storage.revoke(connection, session.id, now=self._now())

    def user(self, access_token: str) -> User:
        """Return who an access token speaks for.

        Raises:
            InvalidAccessTokenError: It is not ours, or no worker has used its key, issuer or audience for so long that
                every token of theirs has expired.
            ExpiredAccessTokenError: It was.
            SessionOverError: Its session was revoked, or the user is gone.
        """
        claims = self._access_tokens.decode(access_token, now=self._clock())
        with self._storage.reading() as connection:
            if claims.issuance != self._access_tokens.issuance and not storage.has_live_tokens(
                connection, claims.issuance, now=self._now()
            ):
                raise InvalidAccessTokenError
            user = storage.user_of_session(connection, claims.session_id, claims.user_id, now=self._now())
        if user is None:
            raise SessionOverError
        return user

    def _record_issuance(self) -> None:
        """Let other workers accept the access tokens of this one, before it signs any, until the last has expired.

        Ten times per lifetime, in a transaction of its own: a row that every sign-in locked would be a queue. So an
        old key ends by itself, a lifetime and a tenth after the last worker that signed with it.
        """
        now, lifetime = self._now(), self._settings.access_ttl * 1000
        if now < self._recorded_until:
            return
        until = now + lifetime // 10
        with self._storage.writing() as connection:
            issuance = self._access_tokens.issuance
            storage.extend_issuance(connection, issuance, expires_at=until + lifetime)
        self._recorded_until = until

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _begin(self, connection: Connection, user_id: str, now: int) -> Pair:
        refresh = first_refresh_token()
        session = Session(
            id=str(uuid.uuid4()),
            user_id=user_id,
            expires_at=now + self._settings.refresh_ttl * 1000,
            revoked=False,
            counter=0,
            head=fingerprint(refresh),
            parent=None,
            salt=None,
            access=self._fresh_access(now),
        )
        storage.add_session(connection, session, now=now)
        return Pair(self._access_token(session, session.access), refresh)

    def _rotated(self, connection: Connection, session: Session, token: str, key: str | None, now: int) -> Pair | None:
        salt = secrets.token_bytes(32)
        child = next_refresh_token(self._refresh_keys[0], token, salt)
        rotation = Rotation(
            session_id=session.id,
            parent=fingerprint(token),
            child=fingerprint(child),
            salt=salt,
            key=key,
            access=self._fresh_access(now),
            now=now,
        )
        if not storage.rotate(connection, rotation, counter=session.counter + 1):
            return None
        return Pair(self._access_token(session, rotation.access), child)

    def _may_repeat(self, connection: Connection, session_id: str, parent: str, key: str | None, now: int) -> bool:
        if not self._settings.grace:
            return False
        if key and storage.repeat_keyed(connection, session_id, parent=parent, key=key, tier=KEYED, now=now):
            return True
        return storage.repeat_bare(connection, session_id, parent=parent, key=key, tier=BARE, now=now)

    def _repeated(self, connection: Connection, session: Session, token: str, now: int) -> Pair | None:
        if session.salt is None:
            raise AssertionError("a session that counted a repeat has a rotation")
        # The rotation may have been another worker's, or from before a restart, with a key that is not the first here.
        children = (next_refresh_token(key, token, session.salt) for key in self._refresh_keys)
        child = next((child for child in children if fingerprint(child) == session.head), None)
        if child is None:
            return None
        access = session.access
        if access.expires_at * 1000 <= now:
            # The same pair byte for byte while it lives; nobody is handed an access token that is dead already.
            access = self._fresh_access(now)
            storage.renew_access(connection, session.id, access)
        return Pair(self._access_token(session, access), child)

    def _refused(self, connection: Connection, session: Session, now: int) -> Refusal:
        if session.revoked or session.expires_at <= now:
            return Refusal("over", session.id)
        return Refusal("reused", session.id, revoked=storage.revoke(connection, session.id, now=now))

    def _fresh_access(self, now: int) -> Access:
        # Rounded down: a token never lives longer than promised. The id tells two of the same second apart.
        issued_at = now // 1000
        return Access(id=uuid.uuid4().hex, issued_at=issued_at, expires_at=issued_at + self._settings.access_ttl)

    def _access_token(self, session: Session, access: Access) -> str:
        return self._access_tokens.encode(
            Claims(
                user_id=session.user_id,
                session_id=session.id,
                token_id=access.id,
                issued_at=access.issued_at,
                expires_at=access.expires_at,
            )
        )
