"""What processes tell each other is no longer to be believed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "tidings",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            sa.Identity(),
            primary_key=True,
        ),
        sa.Column("topic", sa.String(16), nullable=False),
        sa.Column("account", sa.String(7), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        # A number that was given out once must not come again once its row is gone.
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tidings_at_ms", "tidings", ["at_ms"])


def downgrade() -> None:
    """Forget them."""
    op.drop_table("tidings")
