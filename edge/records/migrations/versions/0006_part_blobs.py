"""Give each part of an upload a name of its own for its bytes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Name the bytes of the parts that there are as they were named by their digests."""
    op.add_column("upload_parts", sa.Column("blob", sa.String(512)))
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT upload, number, digest FROM upload_parts")).all()
    for upload, number, digest in rows:
        connection.execute(
            sa.text(
                "UPDATE upload_parts SET blob = :blob WHERE upload = :upload AND number = :number"
            ),
            {
                "blob": f"parts/{upload}/{number:05}-{digest}",
                "upload": upload,
                "number": number,
            },
        )
    with op.batch_alter_table("upload_parts") as parts:
        parts.alter_column("blob", existing_type=sa.String(512), nullable=False)


def downgrade() -> None:
    """Forget the names."""
    with op.batch_alter_table("upload_parts") as parts:
        parts.drop_column("blob")
