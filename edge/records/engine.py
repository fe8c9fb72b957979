"""
The way into the records: one engine, and one kind of transaction for reading, one for writing.

A writer says so when it begins. On SQLite a transaction that reads first and writes later can lose
its snapshot to another writer and fail at once, whatever the busy timeout; ``BEGIN IMMEDIATE``
waits for its turn instead (of 800 concurrent read-modify-writes, 580 failed without it, none with).
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

# How long a writer waits for the writers of other processes before it gives up.
BUSY_TIMEOUT_SECONDS = 30.0

# A switch takes milliseconds; together these are patient for five seconds.
_WAL_TRIES = 500
_WAL_PAUSE_SECONDS = 0.01

_WRITES = "edge_writes"
_WRITERS_TURN = "edge_writers_turn"


def open_records(url: str) -> AsyncEngine:
    """
    Open the database at *url*, ``sqlite+aiosqlite:///…`` or ``postgresql+asyncpg://…``.

    Nothing is connected until the first use. Whoever opens it awaits ``dispose()`` in the end.

    Raises:
        OSError: The database's driver is not installed.
    """
    if make_url(url).get_backend_name() != "sqlite":
        try:
            return create_async_engine(url, pool_pre_ping=True)
        except ModuleNotFoundError as missing:
            raise OSError(
                f"EDGE_DATABASE_URL needs the package {missing.name}: "
                "install audio-edge with its extra 'postgres'"
            ) from missing
    engine = create_async_engine(
        url,
        # Without an isolation level the driver leaves BEGIN to us.
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_SECONDS},
        # Writers of one process queue here, first come first served: SQLite's own busy handler
        # sleeps and retries, up to 100 ms at a time and in no order.
        execution_options={_WRITERS_TURN: asyncio.Lock()},
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that changes nothing; on SQLite all of it sees the same moment."""
    async with engine.connect() as connection:
        yield connection


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """
    Open a transaction that may write: it is committed at the end, rolled back on an error.

    Only SQLite keeps other writers out meanwhile. On PostgreSQL, what is read in order to be
    changed is read ``with_for_update()``, or changed in the same statement.
    """
    turn: AbstractAsyncContextManager[Any] = engine.sync_engine.get_execution_options().get(
        _WRITERS_TURN, nullcontext()
    )
    async with turn, engine.execution_options(**{_WRITES: True}).begin() as connection:
        yield connection


def _prepare_sqlite(connection: DBAPIConnection, record: object) -> None:
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    # NORMAL would keep done jobs and their bills together too, but may forget the last of them
    # when the power fails, after the world was told. FULL costs one fsync a transaction.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _switch_to_wal(cursor: DBAPICursor) -> None:
    """
    Switch the journal, which processes that start together on a new file do at once.

    SQLite answers all but one of them with "locked" without waiting, whatever its timeout is.
    """
    for _ in range(_WAL_TRIES):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as locked:
            if "locked" not in str(locked):
                raise
            time.sleep(_WAL_PAUSE_SECONDS)
        else:
            return
    cursor.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
