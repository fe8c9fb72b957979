"""Make the tables of uploaded files, folders and uploads under way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table and index."""
    op.create_table(
        "files",
        sa.Column("account", sa.String(7), nullable=False),
        sa.Column("path", sa.String(512), nullable=False),
        sa.Column("folder", sa.String(512), nullable=False),
        sa.Column("blob", sa.String(512), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("mime", sa.String(255), nullable=False),
        sa.Column("original_name", sa.String(255)),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("modified_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account", "path", name="pk_files"),
    )
    op.create_index("ix_files_account_folder_path", "files", ["account", "folder", "path"])
    op.create_table(
        "folders",
        sa.Column("account", sa.String(7), nullable=False),
        sa.Column("path", sa.String(512), nullable=False),
        sa.Column("parent", sa.String(512), nullable=False),
        sa.Column("made", sa.Boolean, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account", "path", name="pk_folders"),
    )
    op.create_index("ix_folders_account_parent_path", "folders", ["account", "parent", "path"])
    _make_uploads()


def downgrade() -> None:
    """Drop every table."""
    for table in ("upload_parts", "uploads", "folders", "files"):
        op.drop_table(table)


def _make_uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("account", sa.String(7), nullable=False),
        sa.Column("path", sa.String(512), nullable=False),
        sa.Column("blob", sa.String(512), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("part_bytes", sa.BigInteger, nullable=False),
        sa.Column("mime", sa.String(255), nullable=False),
        sa.Column("original_name", sa.String(255)),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("overwrites", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(4), nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
        sa.CheckConstraint("state IN ('open', 'done')", name=op.f("ck_uploads_state")),
    )
    op.create_index("ix_uploads_state_created_ms", "uploads", ["state", "created_ms"])
    op.create_table(
        "upload_parts",
        sa.Column("upload", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("completed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("upload", "number", name="pk_upload_parts"),
        sa.ForeignKeyConstraint(["upload"], ["uploads.id"], name="fk_upload_parts_upload"),
    )
