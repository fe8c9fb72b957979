"""
The mark that copies leave in a database: what is in it that was copied there, and nothing else.

It is a sum over all rows, changed in the transactions that write them. So it fits however a copy
has ended, and fits no more once anybody else has added, changed or removed a row. The table of it
is made by the first copy, and is in no other database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    MetaData,
    String,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.records.engine import reading, writing
from edge.records.problems import ForeignRecords

_MODULUS: Final = 1 << 256

_metadata: Final = MetaData()
_copies: Final = Table(
    "copies",
    _metadata,
    # Where the bytes are copied to.
    Column("place", Text, nullable=False),
    # Hexadecimal.
    Column("sum", String(64), nullable=False),
)


@dataclass(slots=True, kw_only=True)
class CopyMark:
    """What the copies to one database have come to so far."""

    place: str
    sum: int

    async def count(
        self,
        connection: AsyncConnection,
        table: Table,
        *,
        added: Iterable[Mapping[str, Any]] = (),
        removed: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """
        Count rows in the transaction that writes them; it is to be committed then.

        Raises:
            ForeignRecords: Another copy to this database is under way.
        """
        after = (self.sum + sum_of(table, added) - sum_of(table, removed)) % _MODULUS
        if after == self.sum:
            return
        counted = await connection.execute(
            update(_copies).where(_copies.c.sum == f"{self.sum:064x}").values(sum=f"{after:064x}")
        )
        if counted.rowcount != 1:
            raise ForeignRecords("another copy-to works on this target: let one of them end")
        self.sum = after


async def read_mark(engine: AsyncEngine) -> CopyMark | None:
    """Return the mark of a database, None if nothing was ever copied to it."""
    async with reading(engine) as connection:
        if not await connection.run_sync(lambda sync: inspect(sync).has_table(_copies.name)):
            return None
        row = (await connection.execute(select(_copies))).one_or_none()
        return None if row is None else CopyMark(place=row.place, sum=int(row.sum, 16))


async def put_mark(engine: AsyncEngine, mark: CopyMark) -> None:
    """Write a mark in place of the last one."""
    async with writing(engine) as connection:
        await connection.run_sync(_metadata.create_all)
        await connection.execute(delete(_copies))
        await connection.execute(insert(_copies).values(place=mark.place, sum=f"{mark.sum:064x}"))


def sum_of(table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Sum up rows, in whatever order they come; no rows are 0."""
    return sum(_digest(table, row) for row in rows) % _MODULUS


def same_sum(one: int, other: int) -> bool:
    """Tell whether two sums are of the same rows."""
    return (one - other) % _MODULUS == 0


def _digest(table: Table, row: Mapping[str, Any]) -> int:
    # Databases may bring 1.0 as 1.
    values = [
        None if (value := row[column.name]) is None else column.type.python_type(value)
        for column in table.columns
    ]
    return int.from_bytes(hashlib.sha256(repr((table.name, values)).encode()).digest())
