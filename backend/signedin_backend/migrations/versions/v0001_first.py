"""Users, sessions and the fingerprints of refresh tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the three tables; where they stand already, from before revisions were counted, keep them."""
    op.create_table(
        "users",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("email_canonical", sa.String(320), nullable=False, unique=True),
        sa.Column("password", sa.String(255), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("counter", sa.Integer, nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sa.Column("parent", sa.String(64)),
        sa.Column("rotated_at", sa.BigInteger),
        sa.Column("rotated_key", sa.String(64)),
        sa.Column("salt", sa.LargeBinary(32)),
        sa.Column("keyed_repeats", sa.Integer, nullable=False),
        sa.Column("bare_repeats", sa.Integer, nullable=False),
        sa.Column("access_id", sa.String(36), nullable=False),
        sa.Column("access_issued_at", sa.BigInteger, nullable=False),
        sa.Column("access_expires_at", sa.BigInteger, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"], if_not_exists=True)
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], if_not_exists=True)
    op.create_table(
        "refresh_tokens",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("session_id", sa.String(36), sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("parent", sa.String(64)),
        sa.Column("counter", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        if_not_exists=True,
    )
    op.create_index(
        "ix_refresh_tokens_session_counter",
        "refresh_tokens",
        ["session_id", "counter"],
        unique=True,
        if_not_exists=True,
    )
