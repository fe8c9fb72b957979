from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.billing.store import Ledger, Reconciliation
from edge.jobs.job import JobState
from edge.jobs.store import Jobs
from edge.records import tables
from edge.records.engine import is_embedded, reading
from tests.support.databases import until_idle, url_of

from .work import charge, lapse

ROUNDS = 30


async def _keys(records: AsyncEngine, state: JobState) -> list[str]:
    query = select(tables.jobs.c.key).where(tables.jobs.c.state == state)
    async with reading(records) as connection:
        return sorted((await connection.execute(query)).scalars())


async def _billed(records: AsyncEngine) -> list[str]:
    async with reading(records) as connection:
        return sorted((await connection.execute(select(tables.ledger.c.key))).scalars())


async def test_killing_workers_at_random_neither_loses_nor_doubles_a_bill(
    records: AsyncEngine,
) -> None:
    script = Path(__file__).with_name("killed.py")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", str(script)),
        *(url_of(records), str(ROUNDS), "seed"),
    )
    assert await process.wait() == 0
    if not is_embedded(records):
        await until_idle(records)
    done = await _keys(records, JobState.DONE)
    running = await _keys(records, JobState.RUNNING)

    assert done == await _billed(records)
    assert done != []
    # Now somebody else finishes what the dead had begun.
    jobs = Jobs(records)
    for key in running:
        await lapse(records, key)
    while (lease := await jobs.claim("heir")) is not None:
        assert await jobs.finish(lease, charge=charge(lease.key), details="{}")

    counts = await jobs.counts()
    assert counts[JobState.QUEUED] + counts[JobState.RUNNING] == 0
    assert await _keys(records, JobState.DONE) == await _billed(records)
    assert Reconciliation(jobs_without_entry=(), entries_without_job=()) == (
        await Ledger(records).reconcile()
    )
    if is_embedded(records):
        await _check_integrity(records)


async def _check_integrity(records: AsyncEngine) -> None:
    async with reading(records) as connection:
        assert (await connection.execute(text("PRAGMA integrity_check"))).scalar_one() == "ok"
