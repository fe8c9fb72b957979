from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.records.engine import reading, writing
from edge.records.tables import accounts, api_keys
from tests.support.databases import patient, url_of


async def _pragma(records: AsyncEngine, name: str) -> object:
    async with reading(records) as connection:
        return (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()


async def test_a_commit_survives_a_power_failure_and_readers_do_not_wait(
    sqlite_records: AsyncEngine,
) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    full = 2

    assert ["wal", full, 1, 30_000] == [await _pragma(sqlite_records, name) for name in names]


async def test_concurrent_read_modify_writes_lose_nothing(
    records: AsyncEngine,
) -> None:
    # Two engines stand for two processes: neither sees the other's queue of writers.
    other = patient(url_of(records))

    async def add_one(engine: AsyncEngine) -> None:
        async with writing(engine) as connection:
            query = select(accounts.c.quota_seconds).with_for_update()
            quota = (await connection.execute(query)).scalar_one()
            await connection.execute(update(accounts).values(quota_seconds=quota + 1))

    async with writing(records) as connection:
        await connection.execute(insert(accounts).values(id="W", created_ms=0, quota_seconds=0))
    await asyncio.gather(*(add_one(engine) for engine in (records, other) for _ in range(50)))
    async with reading(other) as connection:
        quota = (await connection.execute(select(accounts.c.quota_seconds))).scalar_one()
    await other.dispose()

    assert quota == 100


async def test_an_error_rolls_everything_back(records: AsyncEngine) -> None:
    with pytest.raises(LookupError):
        async with writing(records) as connection:
            await connection.execute(insert(accounts).values(id="W", created_ms=0))
            raise LookupError

    async with reading(records) as connection:
        assert (await connection.execute(select(func.count(accounts.c.id)))).scalar_one() == 0


async def test_a_cancelled_writer_leaves_no_lock_behind(records: AsyncEngine) -> None:
    async def write(number: int) -> None:
        async with writing(records) as connection:
            await connection.execute(insert(accounts).values(id=str(number), created_ms=0))

    for steps in range(20):
        task = asyncio.create_task(write(steps))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await write(100)

    async with reading(records) as connection:
        query = select(accounts.c.id).where(accounts.c.id == "100")
        assert (await connection.execute(query)).scalar_one() == "100"


async def test_a_reader_of_the_embedded_file_sees_one_moment(sqlite_records: AsyncEngine) -> None:
    count = select(func.count(accounts.c.id))
    async with reading(sqlite_records) as reader:
        before = (await reader.execute(count)).scalar_one()
        async with writing(sqlite_records) as writer:
            await writer.execute(insert(accounts).values(id="W", created_ms=0))
        during = (await reader.execute(count)).scalar_one()

    assert (before, during) == (0, 0)


async def test_a_key_needs_its_account(records: AsyncEngine) -> None:
    orphan = {
        "id": "1",
        "account": "W",
        "kind": "secret",
        "hash": "",
        "last_four": "",
        "scopes": "*",
    }

    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        async with writing(records) as connection:
            await connection.execute(insert(api_keys).values(**orphan, created_ms=0))
