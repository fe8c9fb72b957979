"""
Copy the records of one installation to another database, and again what has changed since.

Rows are compared page by page, so a copy that was cut off goes on with what is missing, and one
that is repeated writes only what differs. What the source no longer has is removed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import Column, Table, delete, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.records.copy_mark import CopyMark, read_mark, same_sum, sum_of
from edge.records.engine import open_records, reading, writing
from edge.records.problems import ForeignRecords
from edge.records.tables import accounts, metadata, tidings

_PAGE: Final = 500

_Key: TypeAlias = tuple[Any, ...]
_Row: TypeAlias = dict[str, Any]

# Parents before what refers to them. What processes tell each other is of the moment.
COPIED: Final = tuple(table for table in metadata.sorted_tables if table is not tidings)
_REFERRED_TO: Final = frozenset(key.column.table for table in COPIED for key in table.foreign_keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCopy:
    """What was done to one table of the target."""

    table: str
    rows: int
    written: int
    removed: int


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncEngine]:
    """Open a database for work of any length."""
    engine = open_records(url, statement_seconds=None)
    try:
        yield engine
    finally:
        await engine.dispose()


async def checked_mark(source: AsyncEngine, target: AsyncEngine) -> CopyMark | None:
    """
    Make sure that a target is empty, or what earlier copies have left there, and return their mark.

    Raises:
        ForeignRecords: It has accounts of another installation, or rows that were not copied
            there, or nodes have worked with it since.
    """
    async with reading(source) as here, reading(target) as there:
        mine = {row.id: row.created_ms for row in await here.execute(_ACCOUNTS)}
        theirs = {row.id: row.created_ms for row in await there.execute(_ACCOUNTS)}
        strangers = sorted(name for name in theirs if mine.get(name) != theirs[name])
        if strangers:
            raise ForeignRecords(
                f"the target has accounts of another installation ({', '.join(strangers)}): "
                "copy to a database that was only migrated, and start no node on it before"
            )
        mark = await read_mark(target)
        found = 0
        for table in COPIED:
            async for page in _pages(there, table):
                found += sum_of(table, page)
        if same_sum(found, 0 if mark is None else mark.sum):
            return mark
        if mark is None:
            raise ForeignRecords(
                "the target has records that were not copied there: "
                "copy to a database that was only migrated, and start no node on it before"
            )
        raise ForeignRecords(
            "nodes have worked with the target since it was copied: its records are not what was"
            " copied there, and copying again would take away what was done since"
        )


async def copy_records(
    source: AsyncEngine, target: AsyncEngine, mark: CopyMark
) -> tuple[TableCopy, ...]:
    """
    Make the tables of *target* equal to those of *source*, which may be worked with meanwhile.

    From SQLite all is copied as it was at one moment. *mark*, which is the target's, is kept up.
    """
    async with reading(source) as here:
        removed = {table: 0 for table in COPIED}
        # A row that was replaced under another key may still have what its heir must be alone with.
        for table in reversed(COPIED):
            if table not in _REFERRED_TO:
                removed[table] += await _remove(here, target, table, mark)
        written = {table: await _write(here, target, table, mark) for table in COPIED}
        for table in reversed(COPIED):
            if table in _REFERRED_TO:
                removed[table] += await _remove(here, target, table, mark)
    return tuple(
        TableCopy(
            table=table.name,
            rows=written[table][0],
            written=written[table][1],
            removed=removed[table],
        )
        for table in COPIED
    )


async def _write(
    here: AsyncConnection, target: AsyncEngine, table: Table, mark: CopyMark
) -> tuple[int, int]:
    """Write what is missing in the target or differs there; count all rows, and those written."""
    rows = written = 0
    async for page in _pages(here, table):
        keys = [_key_of(table, row) for row in page]
        async with writing(target) as there:
            known = await _rows_of(there, table, keys)
            missing = [row for key, row in zip(keys, page, strict=True) if key not in known]
            changed = [
                row for key, row in zip(keys, page, strict=True) if known.get(key, row) != row
            ]
            for row in changed:
                await there.execute(
                    table.update().where(_is_one_of(table, [_key_of(table, row)])).values(row)
                )
            if missing:
                await there.execute(insert(table), missing)
            before = [known[_key_of(table, row)] for row in changed]
            await mark.count(there, table, added=[*missing, *changed], removed=before)
        rows += len(page)
        written += len(missing) + len(changed)
    return rows, written


async def _remove(here: AsyncConnection, target: AsyncEngine, table: Table, mark: CopyMark) -> int:
    """Remove what the target has and the source has not; count it."""
    removed = 0
    async with reading(target) as there:
        async for page in _pages(there, table):
            keys = [_key_of(table, row) for row in page]
            known = await _rows_of(here, table, keys)
            gone = {key: row for key, row in zip(keys, page, strict=True) if key not in known}
            if gone:
                async with writing(target) as changing:
                    await changing.execute(delete(table).where(_is_one_of(table, [*gone])))
                    await mark.count(changing, table, removed=gone.values())
            removed += len(gone)
    return removed


async def _pages(connection: AsyncConnection, table: Table) -> AsyncIterator[list[_Row]]:
    """Read a whole table in the order of its keys, which each database has its own of."""
    key = _key_columns(table)
    query = select(table).order_by(*key).limit(_PAGE)
    after: _Key | None = None
    while True:
        further = query if after is None else query.where(tuple_(*key) > tuple_(*after))
        page = [dict(row) for row in (await connection.execute(further)).mappings()]
        if not page:
            return
        yield page
        after = _key_of(table, page[-1])


async def _rows_of(
    connection: AsyncConnection, table: Table, keys: Sequence[_Key]
) -> dict[_Key, _Row]:
    found = await connection.execute(select(table).where(_is_one_of(table, keys)))
    return {_key_of(table, row): dict(row) for row in found.mappings()}


def _is_one_of(table: Table, keys: Sequence[_Key]) -> Any:
    columns = _key_columns(table)
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    return tuple_(*columns).in_(keys)


def _key_columns(table: Table) -> tuple[Column[Any], ...]:
    return tuple(table.primary_key.columns)


def _key_of(table: Table, row: Any) -> _Key:
    return tuple(row[column.name] for column in _key_columns(table))


def total(copies: Iterable[TableCopy]) -> TableCopy:
    """Sum up what was done."""
    done = tuple(copies)
    return TableCopy(
        table="all",
        rows=sum(each.rows for each in done),
        written=sum(each.written for each in done),
        removed=sum(each.removed for each in done),
    )


_ACCOUNTS: Final = select(accounts.c.id, accounts.c.created_ms)
