"""
The rows of blobs that nothing names any more.

They are written down in the transaction that unnames them, so that bytes are never forgotten
about by a process that dies before it has deleted them.
"""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.library.storage import Storage
from edge.records.dialects import insert_into, now_ms
from edge.records.engine import reading, writing
from edge.records.tables import debris

# Whoever leaves debris clears it too, unless it dies.
_CLEARED_BY_ITSELF_MS = 60_000

# A large blob on its way to a slow store takes a while.
_WRITTEN_WITHIN_MS = 3_600_000


async def leave(connection: AsyncConnection, *blobs: str) -> None:
    """Write down, within a transaction, that nothing names these blobs from then on."""
    for blob in blobs:
        statement = insert_into(connection, debris).values(blob=blob, since_ms=now_ms())
        await connection.execute(statement.on_conflict_do_nothing())


async def expect(connection: AsyncConnection, blob: str) -> None:
    """
    Write down, within a transaction, that a blob will be put which nothing names yet.

    It is debris unless somebody names it (``keep``) within the time that writing it may take.
    """
    since = now_ms() + _WRITTEN_WITHIN_MS
    statement = insert_into(connection, debris).values(blob=blob, since_ms=since)
    await connection.execute(statement.on_conflict_do_nothing())


async def keep(connection: AsyncConnection, blob: str) -> None:
    """Write down, within a transaction, that a blob is named again."""
    await connection.execute(delete(debris).where(debris.c.blob == blob))


class Debris:
    """Clears away what nothing names."""

    def __init__(self, engine: AsyncEngine, storage: Storage) -> None:
        self._engine = engine
        self._storage = storage

    async def expect(self, blob: str) -> None:
        """Write down that a blob will be put which nothing names yet."""
        async with writing(self._engine) as connection:
            await expect(connection, blob)

    async def clear(self, *blobs: str) -> None:
        """Delete blobs that were left, and the note of them."""
        await self._storage.forget(*blobs)
        async with writing(self._engine) as connection:
            await connection.execute(delete(debris).where(debris.c.blob.in_(blobs)))

    async def sweep(self, *, most: int = 1000) -> int:
        """Delete what others have left a while ago; return how many blobs that were."""
        old = debris.c.since_ms < now_ms() - _CLEARED_BY_ITSELF_MS
        query = select(debris.c.blob).where(old).order_by(debris.c.since_ms).limit(most)
        async with reading(self._engine) as connection:
            blobs = list((await connection.execute(query)).scalars())
        if blobs:
            await self.clear(*blobs)
        return len(blobs)
