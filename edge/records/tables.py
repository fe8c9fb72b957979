"""
The tables, as the newest migration leaves them.

Every time is an integer of milliseconds since the Unix epoch, taken from the database's clock.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

# Named constraints can be altered by later migrations on both databases.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(7), primary_key=True),
    Column("created_ms", BigInteger, nullable=False),
    # Seconds of billed audio a calendar month, and bytes kept; NULL is unlimited.
    Column("quota_seconds", BigInteger),
    Column("storage_quota_bytes", BigInteger),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account", String(7), ForeignKey("accounts.id"), nullable=False, index=True),
    Column("kind", String(6), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("last_four", String(4), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    CheckConstraint("kind IN ('secret', 'public')", name="kind"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("key", String(64), nullable=False),
    Column("account", String(7), nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", String(9), nullable=False),
    Column("priority", Integer, nullable=False),
    # What it will be billed as far as is known, so that a quota cannot be promised twice.
    Column("reserved_us", BigInteger, nullable=False),
    Column("progress", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lost_leases", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("owner", String(255)),
    Column("lease_until_ms", BigInteger),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("details", Text, nullable=False),
    # Whether a ledger entry was written with this job: reconciliation compares the two.
    Column("charged", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="state"),
)

# A key has one live job; cancelled ones stay behind it, so that their ids keep answering.
LIVE = text("state <> 'cancelled'")
Index("uq_jobs_live_key", jobs.c.key, unique=True, sqlite_where=LIVE, postgresql_where=LIVE)
Index("ix_jobs_key", jobs.c.key)
# Each account's line, in its order: ``edge.jobs.queue`` steps through it.
Index(
    "ix_jobs_line",
    jobs.c.state,
    jobs.c.account,
    jobs.c.priority.desc(),
    jobs.c.created_ms,
    jobs.c.id,
)
Index("ix_jobs_account_created_ms_id", jobs.c.account, jobs.c.created_ms, jobs.c.id)

ledger = Table(
    "ledger",
    metadata,
    # The primary key is the rule itself: a canonical key is billed once, for ever.
    Column("key", String(64), primary_key=True),
    Column("account", String(7), nullable=False),
    Column("url", Text, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("multiplier_thousandths", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
Index("ix_ledger_account_at_ms_key", ledger.c.account, ledger.c.at_ms, ledger.c.key)
