"""Order waiting jobs by account, so that accounts take turns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the index of the one queue by one of each account's line."""
    op.drop_index("ix_jobs_state_priority_created_ms", "jobs")
    op.create_index(
        "ix_jobs_line", "jobs", ["state", "account", sa.text("priority DESC"), "created_ms", "id"]
    )


def downgrade() -> None:
    """Make the index of the one queue again."""
    op.drop_index("ix_jobs_line", "jobs")
    op.create_index(
        "ix_jobs_state_priority_created_ms", "jobs", ["state", "priority", "created_ms"]
    )
