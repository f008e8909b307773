"""What access tokens were written with, and until when one of them may be alive."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table; an access token of a key that is not the first any more has no row in it, and is refused."""
    op.create_table(
        "issuances",
        sa.Column("issuance", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
