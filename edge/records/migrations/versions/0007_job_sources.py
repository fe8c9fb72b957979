"""Which files the artifact of each key is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from urllib.parse import unquote

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_AT_ONCE = 1000

job_sources = sa.table(
    "job_sources",
    *(sa.column(name, sa.String) for name in ("account", "path_digest", "path", "key")),
    sa.column("appended", sa.Boolean),
)


def upgrade() -> None:
    """Make the table, and read the files of what was made before from the URLs of its jobs."""
    op.create_table(
        "job_sources",
        sa.Column("account", sa.String(7), nullable=False),
        sa.Column("path_digest", sa.String(64), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("appended", sa.Boolean, nullable=False),
        sa.Column("gone_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("account", "path_digest", "key", name="pk_job_sources"),
    )
    op.create_index("ix_job_sources_key", "job_sources", ["key"])
    gone = sa.text("gone_ms IS NOT NULL")
    op.create_index(
        "ix_job_sources_gone_ms",
        "job_sources",
        ["gone_ms"],
        sqlite_where=gone,
        postgresql_where=gone,
    )
    _fill(op.get_bind())


def downgrade() -> None:
    """Forget the files."""
    op.drop_table("job_sources")


def _fill(connection: sa.Connection) -> None:
    """Read the jobs in the order of their keys; of those of one key, all say the same."""
    page = sa.text(
        "SELECT key, MIN(account) AS account, MIN(subject) AS subject FROM jobs"
        " WHERE key > :after AND subject LIKE '/%' GROUP BY key ORDER BY key LIMIT :most"
    )
    after = ""
    while jobs := connection.execute(page, {"after": after, "most": _AT_ONCE}).all():
        rows = [
            {
                "account": job.account,
                "path_digest": hashlib.sha256(path.encode()).hexdigest(),
                "path": path,
                "key": job.key,
                "appended": appended,
            }
            for job in jobs
            for path, appended in _sources(job.subject)
        ]
        connection.execute(sa.insert(job_sources), rows)
        after = jobs[-1].key


def _sources(subject: str) -> Iterator[tuple[str, bool]]:
    """Yield the paths of a job's files, each with whether it is an appended one."""
    target, _, query = subject.partition("?")
    primary = "/" + unquote(target.split("/", 3)[3])
    yield primary, False
    parameters = (pair.partition("=") for pair in query.split("&"))
    appended = {unquote(value) for name, _, value in parameters if unquote(name) == "append"}
    for path in sorted(appended - {primary}):
        yield path, True
