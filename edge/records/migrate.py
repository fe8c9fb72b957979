"""
Bring a database to the newest revision, or make sure that it has it.

The file that is embedded in an installation is migrated by whatever opens it. A server's database
is shared by nodes that may be of different versions, so only ``audio-edge migrate`` changes it, and
everything else refuses to work with tables that it does not know.

What is to be applied is applied in one writing transaction: of several that migrate at the same
time the first does the work and the others find it done.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.records.engine import is_embedded, reading, writing
from edge.records.problems import WrongRevision

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number will do, as long as every node takes the same.
_POSTGRESQL_LOCK = 0x6175_6469_6F

# How long somebody else's migration is waited for before a node gives up its start.
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """What became of a database: its revision before, None if it had no tables, and after."""

    before: str | None
    after: str


async def migrate(engine: AsyncEngine) -> Migration:
    """
    Apply the migrations that *engine*'s database has not seen yet.

    Raises:
        WrongRevision: The database is newer than this version of the code.
    """
    newest = newest_revision()
    async with reading(engine) as connection:
        before = await connection.run_sync(revision_of)
    if before == newest:
        return Migration(before=before, after=newest)
    async with writing(engine) as connection:
        if not is_embedded(engine):
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})"))
        before = await connection.run_sync(revision_of)
        if before is not None and before not in _revisions():
            raise _newer(before)
        await connection.run_sync(upgrade, "head")
    return Migration(before=before, after=newest)


async def require_newest(
    engine: AsyncEngine, *, patience_seconds: float = _PATIENCE_SECONDS
) -> None:
    """
    Make sure that a server's database has the tables this version of the code works with.

    A migration that is under way is waited for.

    Raises:
        WrongRevision: It has others, or the migration takes too long.
    """
    newest = newest_revision()
    deadline = asyncio.get_running_loop().time() + patience_seconds
    while await _is_being_migrated(engine):
        if asyncio.get_running_loop().time() >= deadline:
            raise WrongRevision(
                "the database is still being migrated: start again when that is done",
                found=None,
                expected=newest,
            )
        await asyncio.sleep(_PAUSE_SECONDS)
    async with reading(engine) as connection:
        found = await connection.run_sync(revision_of)
    if found == newest:
        return
    if found is not None and found not in _revisions():
        raise _newer(found)
    state = "has no tables yet" if found is None else f"is at revision {found}"
    raise WrongRevision(
        f"the database {state}, and this version needs revision {newest}: run 'audio-edge migrate'",
        found=found,
        expected=newest,
    )


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a database, None if it has none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def newest_revision() -> str:
    """Return the revision that this version of the code works with."""
    return max(_revisions())


def upgrade(connection: Connection, revision: str) -> None:
    """Apply the migrations up to a revision, within a transaction."""
    # Loading it takes as long as loading SQLAlchemy, and nearly every start has nothing to apply.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@cache
def _revisions() -> frozenset[str]:
    return frozenset(
        path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")
    )


def _newer(found: str) -> WrongRevision:
    newest = newest_revision()
    return WrongRevision(
        f"this version is older than the database, which is at revision {found}; "
        f"the newest it knows is {newest}: install the newer version here, too",
        found=found,
        expected=newest,
    )


async def _is_being_migrated(engine: AsyncEngine) -> bool:
    """Tell whether somebody holds the lock; it is asked for and given back at once."""
    query = text(f"SELECT pg_try_advisory_xact_lock_shared({_POSTGRESQL_LOCK})")
    async with reading(engine) as connection:
        return not (await connection.execute(query)).scalar_one()
