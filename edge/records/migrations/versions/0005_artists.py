"""What files say of who plays, and on which album."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is found out when a file is described."""
    with op.batch_alter_table("media") as media:
        media.add_column(sa.Column("artist", sa.Text))
        media.add_column(sa.Column("album", sa.Text))


def downgrade() -> None:
    """Forget it."""
    with op.batch_alter_table("media") as media:
        media.drop_column("album")
        media.drop_column("artist")
