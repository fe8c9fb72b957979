"""
Databases on the tests' PostgreSQL server: made for a test, up to date, and gone after it.

The migrations are applied once in a run, to a template that the others are copied from.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import asyncpg
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from edge.records.engine import open_records, reading
from edge.records.migrate import MIGRATIONS, upgrade
from edge.records.tables import metadata

_Result = TypeVar("_Result")

# Any number will do.
_TEMPLATE_LOCK = 0x6564_6765
_PATIENCE_SECONDS = 600.0


class Databases:
    """
    What makes and drops databases.

    Args:
        url: A superuser's database on the server.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._has_template = False

    @contextlib.contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        """Make a database, up to date or empty, and drop it in the end; return its URL."""
        name = f"edge_{uuid.uuid4().hex}"
        if migrated and not self._has_template:
            in_a_loop_of_its_own(self._make_template)
            self._has_template = True
        template = _template() if migrated else "template0"
        # Two thirds faster than the default, which writes every page to the log.
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        try:
            yield self._url_of(name)
        finally:
            self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def execute(self, *statements: str) -> None:
        """Execute statements in the superuser's database, from whatever kind of test."""
        in_a_loop_of_its_own(lambda: self._execute(*statements))

    async def _execute(self, *statements: str) -> None:
        connection = await asyncpg.connect(_plain(self.url))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def _make_template(self) -> None:
        connection = await asyncpg.connect(_plain(self.url))
        try:
            # Whoever asks first makes it; the end of the connection lets the others go on.
            await connection.execute(f"SELECT pg_advisory_lock({_TEMPLATE_LOCK})")
            query = "SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate"
            if await connection.fetchval(query, _template()):
                return
            await connection.execute(f'DROP DATABASE IF EXISTS "{_template()}"')
            await connection.execute(f'CREATE DATABASE "{_template()}"')
            engine = create_async_engine(self._url_of(_template()))
            async with engine.begin() as migrating:
                await migrating.run_sync(upgrade, "head")
            await engine.dispose()
            await connection.execute(f'ALTER DATABASE "{_template()}" IS_TEMPLATE true')
        finally:
            await connection.close()

    def _url_of(self, name: str) -> str:
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)


def url_of(records: AsyncEngine) -> str:
    """Return the URL of a test's records, for whoever stands for another process."""
    return records.url.render_as_string(hide_password=False)


def patient(url: str) -> AsyncEngine:
    """Open records for as many requests at once as a test likes, on however slow a machine."""
    records = open_records(url, statement_seconds=None)
    pool = records.sync_engine.pool
    if isinstance(pool, QueuePool):
        # A node refuses who waits for a connection for seconds, which is no fault in a test.
        pool._timeout = _PATIENCE_SECONDS
    return records


async def empty(records: AsyncEngine) -> None:
    """Take every row out of a PostgreSQL database, and whoever a test before left there."""
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    deletions = (f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables))
    async with records.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        # Far quicker than TRUNCATE, which makes new files for each of the tables.
        await driver.execute("; ".join([others, *deletions]))


async def until_idle(records: AsyncEngine) -> None:
    """Wait until the server has done what clients that are gone have asked of it last."""
    busy = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND state <> 'idle'"
    )
    async with reading(records) as connection:
        while (await connection.execute(busy)).scalar_one():
            await asyncio.sleep(0.01)


@cache
def _template() -> str:
    """Name the template after what it was made by: the server may outlive a change of that."""
    written = hashlib.blake2b(digest_size=8)
    for revision in sorted((MIGRATIONS / "versions").glob("*.py")):
        written.update(revision.read_bytes())
    return f"edge_template_{written.hexdigest()}"


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def in_a_loop_of_its_own(make: Callable[[], Awaitable[_Result]]) -> _Result:
    """Run what is asynchronous to its end, whether or not a loop runs in this thread."""

    async def awaited() -> _Result:
        return await make()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, awaited()).result()
