"""
The rows that say which files each job's artifact is made of.

They are written in the transaction that begins the job, so that whoever deletes a file finds all
that was ever made of it through one index, and reads nothing of anybody else's. That the file is
gone is written in the transaction that deletes it, and stays until what was made of it is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.jobs.job import UNSETTLED
from edge.records.dialects import insert_into, now_ms
from edge.records.engine import reading, writing
from edge.records.tables import job_sources, jobs
from edge.records.telling import tell
from edge.records.tidings import Tiding, Topic

# Whoever deletes a file removes what was made of it, too, unless it dies.
_CLEARED_BY_ITSELF_MS = 60_000


async def note(
    connection: AsyncConnection, *, key: str, account: str, paths: Sequence[str]
) -> None:
    """Note, within a transaction, what a job that begins is made of: the primary file first."""
    if not paths:
        return
    statement = insert_into(connection, job_sources)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(job_sources.primary_key),
            set_={"appended": statement.excluded.appended, "gone_ms": None},
        ),
        [
            {
                "account": account,
                "path_digest": _digest(path),
                "path": path,
                "key": key,
                "appended": path != paths[0],
            }
            for path in sorted(set(paths))
        ],
    )


async def mark_gone(connection: AsyncConnection, account: str, path: str) -> None:
    """Note, within the transaction that deletes a file, that what was made of it is to go."""
    mine = (job_sources.c.account == account, job_sources.c.path_digest == _digest(path))
    await connection.execute(update(job_sources).where(*mine).values(gone_ms=now_ms()))


class JobSources:
    """Which files every job's artifact is made of."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def gone(self, account: str, paths: Collection[str]) -> tuple[str, ...]:
        """List the keys of all that any of these files was in, unless it is still being made."""
        any_of = job_sources.c.path_digest.in_(map(_digest, paths))
        return await self._settled(job_sources.c.account == account, any_of)

    async def left(self, *, most: int) -> tuple[str, ...]:
        """List keys like that of files of any account that were deleted a while ago."""
        return await self._settled(
            job_sources.c.gone_ms < now_ms() - _CLEARED_BY_ITSELF_MS, most=most
        )

    async def forget(self, keys: Collection[str]) -> None:
        """Drop what was noted of keys whose files are gone, unless it has been noted anew."""
        gone = select(job_sources.c.key).where(
            job_sources.c.key.in_(keys), job_sources.c.gone_ms.is_not(None)
        )
        async with writing(self._engine) as connection:
            await connection.execute(delete(job_sources).where(job_sources.c.key.in_(gone)))
            await _tell(connection, keys)

    async def tell_removed(self, keys: Collection[str]) -> None:
        """Tell every process that what was made under these keys has been removed."""
        async with writing(self._engine) as connection:
            await _tell(connection, keys)

    async def keys_led_by(self, account: str, stem: str, *, whole: bool) -> tuple[str, ...]:
        """
        List the keys of all that has a file as its primary one.

        Args:
            stem: How the file's path begins.

            whole: It is all of the path.
        """
        # LIKE would take paths that differ in case for one on SQLite.
        begins = func.substr(job_sources.c.path, 1, len(stem)) == stem
        query = select(job_sources.c.key).where(
            job_sources.c.account == account,
            job_sources.c.path == stem if whole else begins,
            job_sources.c.appended.is_(False),
        )
        async with reading(self._engine) as connection:
            return tuple((await connection.execute(query)).scalars())

    async def _settled(
        self, *where: ColumnElement[bool], most: int | None = None
    ) -> tuple[str, ...]:
        under_way = select(jobs.c.id).where(
            jobs.c.key == job_sources.c.key, jobs.c.state.in_(UNSETTLED)
        )
        query = (
            select(job_sources.c.key)
            .distinct()
            .where(job_sources.c.gone_ms.is_not(None), *where, ~under_way.exists())
            .limit(most)
        )
        async with reading(self._engine) as connection:
            return tuple((await connection.execute(query)).scalars())


async def _tell(connection: AsyncConnection, keys: Collection[str]) -> None:
    await tell(connection, *(Tiding(topic=Topic.ARTIFACT, subject=key) for key in keys))


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()
