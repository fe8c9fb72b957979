"""Make the tables of accounts, jobs and the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table and index."""
    _make_accounts()
    _make_jobs()
    _make_ledger()


def downgrade() -> None:
    """Drop every table."""
    for table in ("ledger", "jobs", "api_keys", "accounts"):
        op.drop_table(table)


def _make_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(7), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("quota_seconds", sa.BigInteger),
        sa.Column("storage_quota_bytes", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("account", sa.String(7), nullable=False),
        sa.Column("kind", sa.String(6), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("last_four", sa.String(4), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("revoked_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_api_keys_account"),
        sa.UniqueConstraint("hash", name="uq_api_keys_hash"),
        sa.CheckConstraint("kind IN ('secret', 'public')", name=op.f("ck_api_keys_kind")),
    )
    op.create_index("ix_api_keys_account", "api_keys", ["account"])


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("account", sa.String(7), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("reserved_us", sa.BigInteger, nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("lost_leases", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(255)),
        sa.Column("lease_until_ms", sa.BigInteger),
        sa.Column("error_code", sa.String(64)),
        sa.Column("error_message", sa.Text),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("charged", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_jobs_state"),
        ),
    )
    live = sa.text("state <> 'cancelled'")
    op.create_index(
        "uq_jobs_live_key", "jobs", ["key"], unique=True, sqlite_where=live, postgresql_where=live
    )
    op.create_index("ix_jobs_key", "jobs", ["key"])
    op.create_index(
        "ix_jobs_state_priority_created_ms", "jobs", ["state", "priority", "created_ms"]
    )
    op.create_index("ix_jobs_account_created_ms_id", "jobs", ["account", "created_ms", "id"])


def _make_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("account", sa.String(7), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("multiplier_thousandths", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_ledger"),
    )
    op.create_index("ix_ledger_account_at_ms_key", "ledger", ["account", "at_ms", "key"])
