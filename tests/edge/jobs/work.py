"""What the tests of jobs ask for, again and again."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.billing.charge import Charge
from edge.jobs.job import Job, Lease
from edge.jobs.store import Jobs
from edge.records import tables
from edge.records.engine import writing

ACCOUNT = "W142hJk"


async def queue(jobs: Jobs, key: str = "k", *, priority: int = 0) -> Job:
    """Submit *key* to the queue."""
    job, _ = await jobs.submit(
        key=key, account=ACCOUNT, subject=f"/{key}.mp3?f=aac", priority=priority, owner=None
    )
    return job


async def start(jobs: Jobs, key: str = "k", *, owner: str = "node", remake: bool = False) -> Lease:
    """Submit *key* and hold it."""
    _, lease = await jobs.submit(
        key=key,
        account=ACCOUNT,
        subject=f"/{key}.mp3?f=aac",
        priority=0,
        owner=owner,
        remake=remake,
    )
    assert lease is not None
    return lease


def charge(key: str = "k", duration_ms: int = 60_000) -> Charge:
    """Price *key*."""
    return Charge(
        key=key,
        account=ACCOUNT,
        url=f"/{key}.mp3?f=aac",
        duration_ms=duration_ms,
        multiplier_thousandths=750,
    )


async def lapse(records: AsyncEngine, key: str = "k") -> None:
    """Let the lease of *key* end, as if its owner had gone silent."""
    async with writing(records) as connection:
        await connection.execute(
            update(tables.jobs).where(tables.jobs.c.key == key).values(lease_until_ms=0)
        )


async def current(jobs: Jobs, key: str = "k") -> Job:
    """Return the live job of a key."""
    job = await jobs.by_key(key)
    assert job is not None
    return job
