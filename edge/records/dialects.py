"""
The few expressions SQLite and PostgreSQL spell differently.

Everything outside this package is written once, against these names.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, String, Table, and_, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class now_ms(FunctionElement[int]):
    """The database's clock in milliseconds since the Unix epoch, the same all through a statement.

    PostgreSQL's ``now()`` would be the start of the transaction, which may have waited for a lock.
    """

    type = BigInteger()
    inherit_cache = True


class utc_month(FunctionElement[str]):
    """The UTC calendar month, like ``2026-11``, of a column of epoch milliseconds."""

    type = String()
    inherit_cache = True

    def __init__(self, epoch_ms: ColumnElement[int]) -> None:
        super().__init__(epoch_ms)


def insert_into(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return the INSERT of the connection's own dialect, which knows ``ON CONFLICT``."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def lies_below(path: ColumnElement[str], folder: str) -> ColumnElement[bool]:
    """
    Tell whether a path lies in a folder or in one below it.

    LIKE would take folders whose names differ in case for one on SQLite.
    """
    stem = folder.rstrip("/") + "/"
    return and_(func.substr(path, 1, len(stem)) == stem, path != stem)


async def lock(connection: AsyncConnection, *names: str) -> None:
    """
    Let one transaction at a time go on with what *names* name, until its end.

    SQLite has one that writes at a time anyway (``BEGIN IMMEDIATE``).
    """
    if connection.dialect.name == "postgresql":
        spelt = "\0".join(names).encode()
        number = int.from_bytes(hashlib.blake2b(spelt, digest_size=8).digest(), signed=True)
        await connection.execute(select(func.pg_advisory_xact_lock(number)))


# SQLite counts in whole milliseconds inside, and julianday() is precise to 0.04 of one, so
# rounding gives them back; unixepoch('subsec') would need SQLite 3.42.
_SQLITE_NOW_MS = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)"
_POSTGRESQL_NOW_MS = "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)"


@compiles(now_ms, "sqlite")
def _sqlite_now_ms(element: now_ms, compiler: SQLCompiler, **options: Any) -> str:
    return _SQLITE_NOW_MS


@compiles(now_ms, "postgresql")
def _postgresql_now_ms(element: now_ms, compiler: SQLCompiler, **options: Any) -> str:
    return _POSTGRESQL_NOW_MS


@compiles(utc_month, "sqlite")
def _sqlite_utc_month(element: utc_month, compiler: SQLCompiler, **options: Any) -> str:
    epoch_ms = compiler.process(element.clauses, **options)
    return f"strftime('%Y-%m', {epoch_ms} / 1000, 'unixepoch')"


@compiles(utc_month, "postgresql")
def _postgresql_utc_month(element: utc_month, compiler: SQLCompiler, **options: Any) -> str:
    epoch_ms = compiler.process(element.clauses, **options)
    return f"to_char(to_timestamp({epoch_ms} / 1000) AT TIME ZONE 'UTC', 'YYYY-MM')"
