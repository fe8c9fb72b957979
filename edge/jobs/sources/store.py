"""
The rows that say which files each job's artifact is made of.

They are written in the transaction that begins the job, so that whoever deletes a file finds all
that was ever made of it through one index, and reads nothing of anybody else's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.records.dialects import insert_into
from edge.records.engine import reading
from edge.records.tables import job_sources


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
            set_={"appended": statement.excluded.appended},
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


class JobSources:
    """Which files every job's artifact is made of."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def keys_of(self, account: str, paths: Collection[str]) -> tuple[str, ...]:
        """List the keys of all that any of these files is in."""
        any_of = job_sources.c.path_digest.in_(map(_digest, paths))
        query = select(job_sources.c.key).where(job_sources.c.account == account, any_of)
        async with reading(self._engine) as connection:
            return tuple((await connection.execute(query.distinct())).scalars())

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


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()
