"""
Bring a database to the newest revision.

Runs at every start, in one writing transaction: of several nodes that start together the first
does the work and the others find it done.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.records.engine import writing

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number will do, as long as every node takes the same.
_POSTGRESQL_LOCK = 0x6175_6469_6F


async def migrate(engine: AsyncEngine) -> None:
    """Apply the migrations *engine*'s database has not seen yet."""
    async with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})"))
        await connection.run_sync(upgrade, "head")


def upgrade(connection: Connection, revision: str) -> None:
    """Apply the migrations up to a revision, within a transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
