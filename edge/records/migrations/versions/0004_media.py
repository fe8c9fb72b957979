"""Tell what files are apart from where they are; add scopes of keys, imports and webhooks."""

from __future__ import annotations

import json
import unicodedata
import uuid
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the new tables, and move what is known of files into them."""
    _make_media()
    _move_files()
    _move_uploads()
    with op.batch_alter_table("folders") as folders:
        folders.add_column(sa.Column("public_permissions", sa.Text))
    settled = sa.text("public_permissions IS NOT NULL")
    op.create_index(
        "ix_folders_permissions",
        "folders",
        ["account"],
        sqlite_where=settled,
        postgresql_where=settled,
    )
    _widen_accounts()
    _make_outgoing()


def downgrade() -> None:
    """Refuse: what is known of media has no place in the older tables."""
    raise RuntimeError("0004 cannot be taken back: restore the database from before it.")


def _make_media() -> None:
    op.create_table(
        "media",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("account", sa.String(7), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("qualities", sa.Text, nullable=False),
        sa.Column("public", sa.Boolean),
        sa.Column("player_theme", sa.String(64)),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("search_tags", sa.Text, nullable=False),
        sa.Column("search_pairs", sa.Text, nullable=False),
        sa.Column("described_ms", sa.BigInteger),
        sa.Column("duration_us", sa.BigInteger),
        sa.Column("bitrate_bps", sa.BigInteger),
        sa.Column("format", sa.String(16)),
        sa.Column("flaw", sa.Text),
        sa.Column("thumbnail", sa.String(512)),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.Column("deleted_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_media"),
    )
    op.create_index("ix_media_account_created_ms_id", "media", ["account", "created_ms", "id"])


def _move_files() -> None:
    with op.batch_alter_table("files") as files:
        files.add_column(sa.Column("media", sa.String(36)))
    connection = op.get_bind()
    rows = connection.execute(
        sa.text("SELECT account, path, tags, metadata, created_ms FROM files")
    ).all()
    for account, path, tags, metadata, created_ms in rows:
        media = str(uuid.uuid4())
        connection.execute(
            sa.text(
                "INSERT INTO media (id, account, title, description, tags, metadata, qualities,"
                " search_text, search_tags, search_pairs, created_ms, updated_ms)"
                " VALUES (:id, :account, '', '', :tags, :metadata, '[]',"
                " '', :search_tags, :search_pairs, :at, :at)"
            ),
            {
                "id": media,
                "account": account,
                "tags": tags,
                "metadata": metadata,
                "search_tags": _lines(json.loads(tags)),
                "search_pairs": _lines(
                    f"{key}={value if isinstance(value, str) else _compact(value)}"
                    for key, value in json.loads(metadata).items()
                ),
                "at": created_ms,
            },
        )
        connection.execute(
            sa.text("UPDATE files SET media = :media WHERE account = :account AND path = :path"),
            {"media": media, "account": account, "path": path},
        )
    with op.batch_alter_table("files") as files:
        files.alter_column("media", existing_type=sa.String(36), nullable=False)
        files.drop_column("tags")
        files.drop_column("metadata")
        files.create_unique_constraint("uq_files_media", ["media"])
        files.create_foreign_key("fk_files_media", "media", ["media"], ["id"])


def _lines(lines: Iterable[str]) -> str:
    """Spell what is searched as edge.library.media did when this was written."""
    folded = (
        unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", line).casefold())
        for line in lines
    )
    return "".join(f"\n{' '.join(line.split())}\n" for line in folded)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _move_uploads() -> None:
    connection = op.get_bind()
    # SQLite alters a table by making it anew, which it refuses while rows elsewhere refer to it.
    parts = connection.execute(
        sa.text(
            "SELECT p.upload, p.number, p.digest, p.completed, u.part_bytes, u.size_bytes"
            " FROM upload_parts AS p JOIN uploads AS u ON u.id = p.upload"
        )
    ).all()
    connection.execute(sa.text("DELETE FROM upload_parts"))
    with op.batch_alter_table("uploads") as uploads:
        uploads.add_column(sa.Column("media", sa.String(36)))
        uploads.add_column(sa.Column("draft", sa.Text))
    for upload, tags, metadata in connection.execute(
        sa.text("SELECT id, tags, metadata FROM uploads")
    ).all():
        draft = json.dumps({"tags": json.loads(tags), "metadata": json.loads(metadata)})
        connection.execute(
            sa.text("UPDATE uploads SET media = :media, draft = :draft WHERE id = :id"),
            {"media": str(uuid.uuid4()), "draft": draft, "id": upload},
        )
    with op.batch_alter_table("uploads") as uploads:
        uploads.alter_column("media", existing_type=sa.String(36), nullable=False)
        uploads.alter_column("draft", existing_type=sa.Text, nullable=False)
        uploads.alter_column("part_bytes", existing_type=sa.BigInteger, nullable=True)
        uploads.drop_column("tags")
        uploads.drop_column("metadata")
    op.create_index("uq_uploads_media", "uploads", ["media"], unique=True)
    op.add_column("upload_parts", sa.Column("begin_bytes", sa.BigInteger))
    op.add_column("upload_parts", sa.Column("size_bytes", sa.BigInteger))
    for upload, number, digest, completed, part_bytes, size_bytes in parts:
        begin = number * part_bytes
        connection.execute(
            sa.text(
                "INSERT INTO upload_parts"
                " (upload, number, digest, completed, begin_bytes, size_bytes)"
                " VALUES (:upload, :number, :digest, :completed, :begin, :size)"
            ),
            {
                "upload": upload,
                "number": number,
                "digest": digest,
                "completed": completed,
                "begin": begin,
                "size": min(part_bytes, size_bytes - begin),
            },
        )
    with op.batch_alter_table("upload_parts") as upload_parts:
        upload_parts.alter_column("begin_bytes", existing_type=sa.BigInteger, nullable=False)
        upload_parts.alter_column("size_bytes", existing_type=sa.BigInteger, nullable=False)


def _widen_accounts() -> None:
    with op.batch_alter_table("accounts") as accounts:
        accounts.add_column(sa.Column("plan", sa.String(16)))
        accounts.add_column(sa.Column("webhook_secret", sa.Text))
    with op.batch_alter_table("api_keys") as keys:
        keys.add_column(sa.Column("sealed", sa.Text))
        keys.add_column(sa.Column("scopes", sa.String(255)))
        keys.add_column(sa.Column("expires_ms", sa.BigInteger))
    op.get_bind().execute(
        sa.text("UPDATE api_keys SET scopes = CASE kind WHEN 'secret' THEN '*' ELSE 'upload' END")
    )
    with op.batch_alter_table("api_keys") as keys:
        keys.alter_column("scopes", existing_type=sa.String(255), nullable=False)
    op.create_table(
        "jwt_keys",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("account", sa.String(7), nullable=False),
        sa.Column("algorithm", sa.String(5), nullable=False),
        sa.Column("pem", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("revoked_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_jwt_keys"),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_jwt_keys_account"),
    )
    op.create_index("ix_jwt_keys_account", "jwt_keys", ["account"])


def _make_outgoing() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("account", sa.String(7), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("callback_url", sa.Text),
        sa.Column("state", sa.String(7), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(255)),
        sa.Column("lease_until_ms", sa.BigInteger),
        sa.Column("media", sa.String(36)),
        sa.Column("error_code", sa.String(64)),
        sa.Column("error_message", sa.Text),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed')", name=op.f("ck_imports_state")
        ),
    )
    op.create_index("ix_imports_state_created_ms", "imports", ["state", "created_ms"])
    op.create_table(
        "events",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("account", sa.String(7), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'given_up')", name=op.f("ck_events_state")
        ),
    )
    op.create_index("ix_events_state_due_ms", "events", ["state", "due_ms"])
    op.create_table(
        "debris",
        sa.Column("blob", sa.String(512), nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("blob", name="pk_debris"),
    )
