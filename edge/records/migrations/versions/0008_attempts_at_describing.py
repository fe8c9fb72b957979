"""Put off what cannot be looked at, so that other files get their turn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count how often a file was looked at, and say when it is looked at next."""
    for name, kind in (("describe_attempts", sa.Integer), ("describe_due_ms", sa.BigInteger)):
        op.add_column("media", sa.Column(name, kind, nullable=False, server_default="0"))
    undescribed = sa.text("described_ms IS NULL AND deleted_ms IS NULL")
    op.create_index(
        "ix_media_undescribed",
        "media",
        ["describe_due_ms", "created_ms", "id"],
        sqlite_where=undescribed,
        postgresql_where=undescribed,
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_index("ix_media_undescribed", "media")
    op.drop_column("media", "describe_due_ms")
    op.drop_column("media", "describe_attempts")
