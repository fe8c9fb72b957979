"""
The way into the records: one engine, and one kind of transaction for reading, one for writing.

A writer says so when it begins. On SQLite a transaction that reads first and writes later can lose
its snapshot to another writer and fail at once, whatever the busy timeout; ``BEGIN IMMEDIATE``
waits for its turn instead (of 800 concurrent read-modify-writes, 580 failed without it, none with).

On PostgreSQL reading is done without a transaction, which saves two round trips. A server that is
away is one exception for everybody, ``RecordsAway``, however the driver puts it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from edge.records.presence import Presence
from edge.records.problems import RecordsAway
from edge.records.tidings import Tidings

# How long a writer waits for the writers of other processes before it gives up.
BUSY_TIMEOUT_SECONDS = 30.0

# A switch takes milliseconds; together these are patient for five seconds.
_WAL_TRIES = 500
_WAL_PAUSE_SECONDS = 0.01

# A server that answers nothing is given up after this long, a statement that hangs after that.
_CONNECT_SECONDS = 5
_STATEMENT_SECONDS = 10.0
_CONNECTIONS = 8
_FURTHER_CONNECTIONS = 8

# What a server says that is there and cannot serve now: too many clients, shutting down, starting
# up, and all troubles of connections (PostgreSQL, appendix A).
_PASSING_STATES = ("08", "53300", "57P01", "57P02", "57P03")

_WRITES = "edge_writes"
_WRITERS_TURN = "edge_writers_turn"
_PRESENCE = "edge_presence"
_TIDINGS = "edge_tidings"
_AFTER_COMMIT = "edge_after_commit"


def open_records(url: str, *, statement_seconds: float | None = _STATEMENT_SECONDS) -> AsyncEngine:
    """
    Open the database at *url*, ``sqlite+aiosqlite:///…`` or ``postgresql+asyncpg://…``.

    Nothing is connected until the first use. Whoever opens it awaits ``dispose()`` in the end.

    Args:
        statement_seconds: After which a server that is silent counts as away; None for work that
            may take long, such as migrations.

    Raises:
        OSError: The database's driver is not installed.
    """
    if make_url(url).get_backend_name() != "sqlite":
        try:
            return create_async_engine(
                url,
                pool_pre_ping=True,
                pool_size=_CONNECTIONS,
                max_overflow=_FURTHER_CONNECTIONS,
                pool_timeout=_CONNECT_SECONDS,
                connect_args={"timeout": _CONNECT_SECONDS, "command_timeout": statement_seconds},
                execution_options={_PRESENCE: Presence(), _TIDINGS: Tidings()},
            )
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
        execution_options={
            _WRITERS_TURN: asyncio.Lock(),
            _PRESENCE: Presence(),
            _TIDINGS: Tidings(),
        },
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def presence_of(engine: AsyncEngine) -> Presence:
    """Return what this process knows of whether the database is there."""
    presence: Presence = engine.sync_engine.get_execution_options()[_PRESENCE]
    return presence


def tidings_of(engine: AsyncEngine | AsyncConnection) -> Tidings:
    """Return those who listen in this process to what is changed in the records."""
    sync = engine.sync_engine if isinstance(engine, AsyncEngine) else engine.sync_connection
    assert sync is not None
    tidings: Tidings = sync.get_execution_options()[_TIDINGS]
    return tidings


def after_commit(connection: AsyncConnection, call: Callable[[], None]) -> None:
    """Have something called once the transaction of ``writing`` is committed, if it is."""
    connection.info.setdefault(_AFTER_COMMIT, []).append(call)


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """
    Open a connection to read by; on SQLite all that is read is of the same moment.

    Raises:
        RecordsAway: The database cannot be reached.
    """
    options = {} if is_embedded(engine) else {"isolation_level": "AUTOCOMMIT"}
    async with _connected(engine.execution_options(**options)) as connection:
        yield connection


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """
    Open a transaction that may write: it is committed at the end, rolled back on an error.

    Only SQLite keeps other writers out meanwhile. On PostgreSQL, what is read in order to be
    changed is read ``with_for_update()``, or changed in the same statement.

    Raises:
        RecordsAway: The database cannot be reached, or could not any more at the end.
    """
    turn: AbstractAsyncContextManager[Any] = engine.sync_engine.get_execution_options().get(
        _WRITERS_TURN, nullcontext()
    )
    async with turn, _connected(engine.execution_options(**{_WRITES: True})) as connection:
        # The room for it is the driver's connection, which others have had before.
        calls: list[Callable[[], None]] = []
        connection.info[_AFTER_COMMIT] = calls
        async with connection.begin():
            yield connection
    for call in calls:
        call()


def is_embedded(engine: AsyncEngine) -> bool:
    """Tell whether the database is a file of this machine, and no server."""
    return engine.dialect.name == "sqlite"


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    presence = presence_of(engine)
    presence.check()
    connection = engine.connect()
    try:
        await connection.start()
    except (OSError, TimeoutError, PoolTimeout, DBAPIError) as problem:
        if isinstance(problem, DBAPIError) and not _passes(problem):
            raise
        # One that has too much to do is there, and is asked again by whoever comes next.
        if not isinstance(problem, PoolTimeout):
            presence.note_away()
        raise RecordsAway from problem
    presence.note_there()
    try:
        yield connection
    except (DBAPIError, TimeoutError, ConnectionError) as problem:
        # The driver's own time limit, and what becomes of a connection, are not translated.
        if isinstance(problem, DBAPIError) and not _passes(problem):
            raise
        presence.note_away()
        await connection.invalidate()
        raise RecordsAway from problem
    finally:
        await connection.close()


def _passes(problem: DBAPIError) -> bool:
    """Tell whether it is the connection that is to blame, and not what was said through it."""
    state = getattr(problem.orig, "sqlstate", None) or ""
    return problem.connection_invalidated or state.startswith(_PASSING_STATES)


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
