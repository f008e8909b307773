"""Every statement: users, sessions (one row per family of refresh tokens) and the fingerprints of their tokens.

What may change about a session stands in its one row: which token is the newest, when it was rotated, whether the
session is revoked. So every decision is one conditional UPDATE of that row, and two requests can never both win it.
SQL is what SQLite and PostgreSQL both speak; what differs stands in `engines`. The tables stand in `schema`, their
history in `migrations`.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, insert, or_, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from signedin_backend import engines, migrations
from signedin_backend.migrations import SchemaError
from signedin_backend.schema import ISSUANCES, REFRESH_TOKENS, SESSIONS, USERS
from signedin_backend.settings import Settings, StartError

# What expired is forgotten with each sign-in and every 64th rotation of a session, so much at a time: several times
# what comes in with them, and never a long hold on SQLite's one writer.
_FORGOTTEN_SESSIONS, _FORGOTTEN_TOKENS, _FORGET_EVERY = 8, 256, 64


class EmailTakenError(Exception):
    """Another account has this address."""


class UserGoneError(Exception):
    """There is no such account any more."""


class UnavailableError(Exception):
    """The database could not be reached, or gave up before the end; nothing was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One account."""

    id: str
    email: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The access token handed out last; its times in whole seconds, as it says them."""

    id: str
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in and what became of it."""

    id: str
    user_id: str
    expires_at: int
    revoked: bool
    counter: int
    head: str
    parent: str | None
    salt: bytes | None
    access: Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The step from one refresh token to the next."""

    session_id: str
    parent: str
    child: str
    salt: bytes
    key: str | None
    access: Access
    now: int


class Storage:
    """The engine and its two kinds of transaction; statements are the functions below."""

    def __init__(self, settings: Settings) -> None:
        self.engine = engines.engine(settings)
        self._reader = engines.reader(self.engine)

    def prepare(self) -> None:
        """Bring the schema up to date; of several workers that start at once one does it and the others wait.

        Raises:
            StartError: The database cannot be reached, or is none that this backend may work on.
        """
        end = time.monotonic() + engines.SCHEMA_SECONDS
        while True:
            try:
                return self._upgrade()
            except SchemaError as error:
                raise StartError(str(error)) from None
            except SQLAlchemyError as error:
                if not engines.is_locked(error) or time.monotonic() > end:
                    raise StartError(f"the database cannot be used: {engines.reason(error)}") from None
            time.sleep(0.05)

    def check(self) -> str:
        """Return the schema's revision if this backend can work on it; changes nothing.

        Raises:
            StartError: The database cannot be reached, or has another schema.
        """
        try:
            with self.engine.connect() as connection:
                return migrations.check(connection)
        except SchemaError as error:
            raise StartError(str(error)) from None
        except SQLAlchemyError as error:
            raise StartError(f"the database cannot be used: {engines.reason(error)}") from None

    def _upgrade(self) -> None:
        with self.engine.connect().execution_options(signedin_writes=True) as connection, connection.begin():
            if (why := engines.unfit(connection)) is not None:
                raise StartError(why)
            engines.lock_schema(connection)
            migrations.upgrade(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Run a statement that changes nothing."""
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self._reader.connect())
                stack.enter_context(connection.begin())
                yield connection
            except SQLAlchemyError as error:
                if engines.passes(error):
                    raise UnavailableError from error
                raise

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Run statements that take effect together, before anyone hears of them.

        A commit whose answer is lost may have taken effect: it is no `UnavailableError`.
        """
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(self.engine.connect()).execution_options(signedin_writes=True)
                stack.enter_context(connection.begin())
                yield connection
            except SQLAlchemyError as error:
                if engines.passes(error):
                    raise UnavailableError from error
                raise

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def add_user(connection: Connection, user: User, *, canonical: str, password: str) -> None:
    """Insert a user.

    Raises:
        EmailTakenError: The unique index refused the address; the transaction is over.
    """
    row = {
        "id": user.id,
        "email": user.email,
        "email_canonical": canonical,
        "password": password,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }
    try:
        connection.execute(insert(USERS), row)
    except IntegrityError:
        raise EmailTakenError from None


def user_to_sign_in(connection: Connection, canonical: str) -> tuple[str, str] | None:
    """Return id and password record of the account with this address."""
    row = connection.execute(select(USERS.c.id, USERS.c.password).where(USERS.c.email_canonical == canonical)).first()
    return (row.id, row.password) if row else None


def password_costs(connection: Connection) -> set[str]:
    """Return each cost that a password record has: what stands before its salt, whatever program made it."""
    prefix = "$argon2id$v=19$"
    dollar = engines.position(connection)(func.substr(USERS.c.password, len(prefix) + 1), "$")
    cost = func.substr(USERS.c.password, 1, len(prefix) - 1 + dollar)
    return set(connection.scalars(select(cost).where(USERS.c.password.startswith(prefix)).distinct()))


def renew_password(connection: Connection, user_id: str, *, was: str, renewed: str) -> None:
    """Replace a password record by one of the same password, unless the password was changed meanwhile."""
    unchanged = and_(USERS.c.id == user_id, USERS.c.password == was)
    connection.execute(update(USERS).where(unchanged).values(password=renewed))


def user_of_session(connection: Connection, session_id: str, user_id: str, *, now: int) -> User | None:
    """Return the user if this session of theirs is alive."""
    row = connection.execute(
        select(USERS.c.id, USERS.c.email, USERS.c.created_at, USERS.c.updated_at)
        .join(SESSIONS, SESSIONS.c.user_id == USERS.c.id)
        .where(SESSIONS.c.id == session_id, USERS.c.id == user_id, _alive(now))
    ).first()
    return User(**row._mapping) if row else None  # noqa: SLF001  # the documented accessor of a Row


def add_session(connection: Connection, session: Session, *, now: int) -> None:
    """Insert a session and its first token, and forget some that expired.

    Raises:
        UserGoneError: The foreign key refused the user; the transaction is over.
    """
    _forget_expired(connection, now)
    row = {
        "id": session.id,
        "user_id": session.user_id,
        "created_at": now,
        "expires_at": session.expires_at,
        "counter": 0,
        "head": session.head,
        "keyed_repeats": 0,
        "bare_repeats": 0,
        **_access(session.access),
    }
    try:
        connection.execute(insert(SESSIONS), row)
    except IntegrityError:
        raise UserGoneError from None
    connection.execute(
        insert(REFRESH_TOKENS).values(fingerprint=session.head, session_id=session.id, counter=0, created_at=now)
    )


def session_of_token(connection: Connection, fingerprint: str) -> Session | None:
    """Return the session that a refresh token was ever part of; it is the transaction's own from here to the end."""
    row = connection.execute(
        select(SESSIONS)
        .join(REFRESH_TOKENS, REFRESH_TOKENS.c.session_id == SESSIONS.c.id)
        .where(REFRESH_TOKENS.c.fingerprint == fingerprint)
        # As an UPDATE locks it, and after waiting the row as it is then. On SQLite nobody else writes.
        .with_for_update(of=SESSIONS, key_share=True)
    ).first()
    if row is None:
        return None
    return Session(
        id=row.id,
        user_id=row.user_id,
        expires_at=row.expires_at,
        revoked=row.revoked_at is not None,
        counter=row.counter,
        head=row.head,
        parent=row.parent,
        salt=row.salt,
        access=Access(id=row.access_id, issued_at=row.access_issued_at, expires_at=row.access_expires_at),
    )


def rotate(connection: Connection, rotation: Rotation, *, counter: int) -> bool:
    """Make the child the newest token, if the parent still is and the session lives: one conditional UPDATE.

    Every so many rotations forget what expired, as each sign-in does.
    """
    won = connection.execute(
        update(SESSIONS)
        .where(SESSIONS.c.id == rotation.session_id, SESSIONS.c.head == rotation.parent, _alive(rotation.now))
        .values(
            head=rotation.child,
            parent=rotation.parent,
            counter=counter,
            rotated_at=rotation.now,
            rotated_key=rotation.key,
            salt=rotation.salt,
            keyed_repeats=0,
            bare_repeats=0,
            **_access(rotation.access),
        )
    )
    if won.rowcount == 1:
        connection.execute(
            insert(REFRESH_TOKENS).values(
                fingerprint=rotation.child,
                session_id=rotation.session_id,
                parent=rotation.parent,
                counter=counter,
                created_at=rotation.now,
            )
        )
        if counter % _FORGET_EVERY == 0:
            _forget_expired(connection, rotation.now)
    return won.rowcount == 1


@dataclass(frozen=True, slots=True)
class Tier:
    """How long after the rotation, and how often, its parent may be presented again."""

    milliseconds: int
    times: int


def repeat_keyed(connection: Connection, session_id: str, *, parent: str, key: str, tier: Tier, now: int) -> bool:
    """Count a re-presentation with the rotation's own Idempotency-Key, if the grace allows one more."""
    same = and_(SESSIONS.c.rotated_key == key, SESSIONS.c.keyed_repeats < tier.times)
    counted = update(SESSIONS).where(_direct(session_id, parent, tier, now), same)
    return connection.execute(counted.values(keyed_repeats=SESSIONS.c.keyed_repeats + 1)).rowcount == 1


def repeat_bare(connection: Connection, session_id: str, *, parent: str, key: str | None, tier: Tier, now: int) -> bool:
    """Count a re-presentation without that key, if the shorter grace allows one more."""
    other = or_(SESSIONS.c.rotated_key.is_(None), SESSIONS.c.rotated_key != key) if key else true()
    counted = update(SESSIONS).where(
        _direct(session_id, parent, tier, now), other, SESSIONS.c.bare_repeats < tier.times
    )
    return connection.execute(counted.values(bare_repeats=SESSIONS.c.bare_repeats + 1)).rowcount == 1


def _direct(session_id: str, parent: str, tier: Tier, now: int) -> Any:
    in_time = SESSIONS.c.rotated_at > now - tier.milliseconds
    return and_(SESSIONS.c.id == session_id, SESSIONS.c.parent == parent, _alive(now), in_time)


def renew_access(connection: Connection, session_id: str, access: Access) -> None:
    """Remember another access token as the one handed out last."""
    connection.execute(update(SESSIONS).where(SESSIONS.c.id == session_id).values(**_access(access)))


def revoke(connection: Connection, session_id: str, *, now: int) -> bool:
    """End a session; False if it had ended already."""
    living = and_(SESSIONS.c.id == session_id, SESSIONS.c.revoked_at.is_(None))
    return connection.execute(update(SESSIONS).where(living).values(revoked_at=now)).rowcount == 1


def extend_issuance(connection: Connection, issuance: str, *, expires_at: int) -> None:
    """Record that access tokens written with this combination expire no later than this."""
    row = {"issuance": issuance, "expires_at": expires_at}
    # Both databases read this form; the row is shared by workers, whose lifetimes may differ.
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    added = dialect.insert(ISSUANCES).values(row)
    longer = ISSUANCES.c.expires_at < added.excluded.expires_at
    connection.execute(added.on_conflict_do_update(index_elements=["issuance"], set_=row, where=longer))


def has_live_tokens(connection: Connection, issuance: str, *, now: int) -> bool:
    """Tell whether an access token that was written with this combination may be alive."""
    alive = select(ISSUANCES.c.issuance).where(ISSUANCES.c.issuance == issuance, ISSUANCES.c.expires_at > now)
    return connection.execute(alive).first() is not None


def ready(connection: Connection) -> None:
    """Return if the schema answers.

    Raises:
        UnavailableError: It does not.
    """
    try:
        connection.execute(select(USERS.c.id).limit(1))
    except SQLAlchemyError as error:
        raise UnavailableError from error


def _alive(now: int) -> Any:
    return and_(SESSIONS.c.revoked_at.is_(None), SESSIONS.c.expires_at > now)


def _access(access: Access) -> dict[str, str | int]:
    return {
        "access_id": access.id,
        "access_issued_at": access.issued_at,
        "access_expires_at": access.expires_at,
    }


def _forget_expired(connection: Connection, now: int) -> None:
    # Skipping what somebody else is working on: two that wait for each other's rows would be a deadlock.
    oldest = select(SESSIONS.c.id).where(SESSIONS.c.expires_at <= now).order_by(SESSIONS.c.expires_at)
    sessions = connection.scalars(oldest.limit(_FORGOTTEN_SESSIONS).with_for_update(skip_locked=True)).all()
    if not sessions:
        return
    theirs = select(REFRESH_TOKENS.c.fingerprint).where(REFRESH_TOKENS.c.session_id.in_(sessions))
    tokens = connection.scalars(theirs.limit(_FORGOTTEN_TOKENS).with_for_update(skip_locked=True)).all()
    connection.execute(delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.fingerprint.in_(tokens)))
    # Only those without any: the foreign key would take all the others with them.
    emptied = ~exists().where(REFRESH_TOKENS.c.session_id == SESSIONS.c.id)
    connection.execute(delete(SESSIONS).where(SESSIONS.c.id.in_(sessions), emptied))
