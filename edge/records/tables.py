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
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
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
    # What hosting it has paid for; NULL is what the settings say.
    Column("plan", String(16)),
    # What its webhooks are signed with, sealed; made when the first one is sent.
    Column("webhook_secret", Text),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account", String(7), ForeignKey("accounts.id"), nullable=False, index=True),
    Column("kind", String(6), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("last_four", String(4), nullable=False),
    # Sealed, because signatures are checked with the key itself; NULL until it is seen.
    Column("sealed", Text),
    # What it may be used for, with commas between.
    Column("scopes", String(255), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    # From when on it works no more; NULL is never.
    Column("expires_ms", BigInteger),
    CheckConstraint("kind IN ('secret', 'public')", name="kind"),
)

# Public keys that an account's own tokens are signed with.
jwt_keys = Table(
    "jwt_keys",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account", String(7), ForeignKey("accounts.id"), nullable=False, index=True),
    Column("algorithm", String(5), nullable=False),
    Column("pem", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
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

# Which files the artifact of each key is made of, since its job was begun.
job_sources = Table(
    "job_sources",
    metadata,
    Column("account", String(7), nullable=False),
    # SHA-256 of the path, which may be longer than what PostgreSQL puts into an index.
    Column("path_digest", String(64), nullable=False),
    Column("path", Text, nullable=False),
    Column("key", String(64), nullable=False),
    # Whether it comes after the primary file only.
    Column("appended", Boolean, nullable=False),
    # When the file was deleted, until what was made of it is; NULL: it is there.
    Column("gone_ms", BigInteger),
    PrimaryKeyConstraint("account", "path_digest", "key"),
)
Index("ix_job_sources_key", job_sources.c.key)
_GONE = text("gone_ms IS NOT NULL")
Index(
    "ix_job_sources_gone_ms",
    job_sources.c.gone_ms,
    sqlite_where=_GONE,
    postgresql_where=_GONE,
)

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

# Files that were uploaded, by their place; mounted folders are not listed here.
files = Table(
    "files",
    metadata,
    Column("account", String(7), nullable=False),
    Column("path", String(512), nullable=False),
    # The folder's path, so that a folder is listed through an index.
    Column("folder", String(512), nullable=False),
    Column("blob", String(512), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    # Of the bytes, hexadecimal.
    Column("digest", String(64), nullable=False),
    Column("mime", String(255), nullable=False),
    Column("original_name", String(255)),
    Column("media", String(36), ForeignKey("media.id"), nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("modified_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("account", "path"),
)
Index("ix_files_account_folder_path", files.c.account, files.c.folder, files.c.path)

# What is known of a file: there before it, when it was announced, and after it, as deleted.
media = Table(
    "media",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("account", String(7), nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    # JSON: a list of strings, an object, a list of objects.
    Column("tags", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("qualities", Text, nullable=False),
    # NULL: as the folder of the file says.
    Column("public", Boolean),
    Column("player_theme", String(64)),
    # What is searched, folded: words, tags and pairs each in lines of their own.
    Column("search_text", Text, nullable=False),
    Column("search_tags", Text, nullable=False),
    Column("search_pairs", Text, nullable=False),
    # What the file itself says, once it was looked at; NULL where it says nothing.
    Column("described_ms", BigInteger),
    Column("artist", Text),
    Column("album", Text),
    Column("duration_us", BigInteger),
    Column("bitrate_bps", BigInteger),
    Column("format", String(16)),
    # Why it is no sound, if it is none.
    Column("flaw", Text),
    # The blob of its thumbnail.
    Column("thumbnail", String(512)),
    # How often the file was looked at, and when it is next; whoever looks puts it off first.
    Column("describe_attempts", Integer, nullable=False, server_default="0"),
    Column("describe_due_ms", BigInteger, nullable=False, server_default="0"),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger),
)
Index("ix_media_account_created_ms_id", media.c.account, media.c.created_ms, media.c.id)
_UNDESCRIBED = text("described_ms IS NULL AND deleted_ms IS NULL")
Index(
    "ix_media_undescribed",
    media.c.describe_due_ms,
    media.c.created_ms,
    media.c.id,
    sqlite_where=_UNDESCRIBED,
    postgresql_where=_UNDESCRIBED,
)

# Folders that have something in them, and those that were made.
folders = Table(
    "folders",
    metadata,
    Column("account", String(7), nullable=False),
    Column("path", String(512), nullable=False),
    Column("parent", String(512), nullable=False),
    # Whether it stays when it is empty.
    Column("made", Boolean, nullable=False),
    Column("description", Text),
    # JSON: what of it is public; NULL is as the folder above says.
    Column("public_permissions", Text),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("account", "path"),
)
Index("ix_folders_account_parent_path", folders.c.account, folders.c.parent, folders.c.path)
_SETTLED = text("public_permissions IS NOT NULL")
Index(
    "ix_folders_permissions",
    folders.c.account,
    sqlite_where=_SETTLED,
    postgresql_where=_SETTLED,
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("account", String(7), nullable=False),
    Column("path", String(512), nullable=False),
    Column("blob", String(512), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    # NULL: its parts are as long as whoever sends them likes.
    Column("part_bytes", BigInteger),
    Column("mime", String(255), nullable=False),
    Column("original_name", String(255)),
    Column("media", String(36), nullable=False),
    # JSON: what will be known of the file.
    Column("draft", Text, nullable=False),
    Column("overwrites", Boolean, nullable=False),
    Column("state", String(4), nullable=False),
    Column("digest", String(64)),
    Column("created_ms", BigInteger, nullable=False),
    CheckConstraint("state IN ('open', 'done')", name="state"),
)
Index("ix_uploads_state_created_ms", uploads.c.state, uploads.c.created_ms)
Index("uq_uploads_media", uploads.c.media, unique=True)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("upload", String(16), ForeignKey("uploads.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("blob", String(512), nullable=False),
    Column("begin_bytes", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    # Of the part that was received last, and whether the client has said that it was that one.
    Column("digest", String(64), nullable=False),
    Column("completed", Boolean, nullable=False),
    PrimaryKeyConstraint("upload", "number"),
)

# Files that are to be fetched for somebody who does not wait for them.
imports = Table(
    "imports",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("account", String(7), nullable=False),
    Column("url", Text, nullable=False),
    Column("callback_url", Text),
    Column("state", String(7), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("owner", String(255)),
    Column("lease_until_ms", BigInteger),
    Column("media", String(36)),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="state"),
)
Index("ix_imports_state_created_ms", imports.c.state, imports.c.created_ms)

# What is to be told to somebody's server, until it has been.
events = Table(
    "events",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("account", String(7), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("url", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(9), nullable=False),
    Column("attempts", Integer, nullable=False),
    # When it is tried next; whoever tries puts it off first, so that nobody else does.
    Column("due_ms", BigInteger, nullable=False),
    Column("last_error", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    CheckConstraint("state IN ('waiting', 'delivered', 'given_up')", name="state"),
)
Index("ix_events_state_due_ms", events.c.state, events.c.due_ms)

# Blobs that nothing names any more, written down with what unnamed them, until they are gone.
debris = Table(
    "debris",
    metadata,
    Column("blob", String(512), primary_key=True),
    Column("since_ms", BigInteger, nullable=False),
)

# What processes tell each other is no longer to be believed; kept until all have heard it.
tidings = Table(
    "tidings",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("topic", String(16), nullable=False),
    Column("account", String(7), nullable=False),
    Column("subject", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
    sqlite_autoincrement=True,
)
