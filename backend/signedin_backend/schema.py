"""The tables. Times are milliseconds since 1970; what may change about a session stands in its one row."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table

METADATA = MetaData()
USERS = Table(
    "users",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("email", String(320), nullable=False),
    Column("email_canonical", String(320), nullable=False, unique=True),
    Column("password", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
SESSIONS = Table(
    "sessions",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("revoked_at", BigInteger),
    Column("counter", Integer, nullable=False),
    Column("head", String(64), nullable=False),
    Column("parent", String(64)),
    Column("rotated_at", BigInteger),
    Column("rotated_key", String(64)),
    Column("salt", LargeBinary(32)),
    Column("keyed_repeats", Integer, nullable=False),
    Column("bare_repeats", Integer, nullable=False),
    Column("access_id", String(36), nullable=False),
    Column("access_issued_at", BigInteger, nullable=False),
    Column("access_expires_at", BigInteger, nullable=False),
)
# Each combination of key, issuer and audience that access tokens were written with, and when the last of them expires.
# `issuance` is a fingerprint of the three.
ISSUANCES = Table(
    "issuances",
    METADATA,
    Column("issuance", String(64), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
)
REFRESH_TOKENS = Table(
    "refresh_tokens",
    METADATA,
    Column("fingerprint", String(64), primary_key=True),
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("parent", String(64)),
    Column("counter", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # One child per parent: the schema enforces it too.
    Index("ix_refresh_tokens_session_counter", "session_id", "counter", unique=True),
)
