"""
The few expressions SQLite and PostgreSQL spell differently.

Everything outside this package is written once, against these names.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, String, Table
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
