"""
Bring a database to the newest revision.

Every start looks whether there is anything to apply. It is applied in one writing transaction: of
several nodes that start together the first does the work and the others find it done.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.records.engine import reading, writing

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number will do, as long as every node takes the same.
_POSTGRESQL_LOCK = 0x6175_6469_6F


async def migrate(engine: AsyncEngine) -> None:
    """Apply the migrations *engine*'s database has not seen yet."""
    async with reading(engine) as connection:
        if await connection.run_sync(revision_of) == newest_revision():
            return
    async with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})"))
        await connection.run_sync(upgrade, "head")


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a database, None if it has none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def newest_revision() -> str:
    """Return the revision that this version of the code works with."""
    newest = max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    return newest.partition("_")[0]


def upgrade(connection: Connection, revision: str) -> None:
    """Apply the migrations up to a revision, within a transaction."""
    # Loading it takes as long as loading SQLAlchemy, and nearly every start has nothing to apply.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
