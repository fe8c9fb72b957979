"""Job rows, read and changed within a transaction of somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Executable, and_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from edge.billing.charge import Charge
from edge.billing.store import record
from edge.jobs.job import Job, JobState, Lease
from edge.jobs.queue.store import TOUCHED
from edge.records.bells import ring
from edge.records.tables import jobs

BELL = "jobs "


def held(lease: Lease, state: JobState = JobState.RUNNING) -> ColumnElement[bool]:
    """The fence: true of the leased row, and of none after the lease has passed on."""
    return and_(
        jobs.c.id == lease.job_id,
        jobs.c.owner == lease.owner,
        jobs.c.epoch == lease.epoch,
        jobs.c.state == state,
    )


async def one(
    connection: AsyncConnection, statement: Executable, given: Mapping[str, Any] | None = None
) -> Job | None:
    """Execute what returns a job at most."""
    row = (await connection.execute(statement, given)).one_or_none()
    return None if row is None else Job.of(row._asdict())


async def change(
    connection: AsyncConnection, where: ColumnElement[bool], **values: Any
) -> Sequence[str]:
    """Change every job *where* is true of, and return their ids."""
    statement = update(jobs).where(where).values(**values, updated_ms=TOUCHED)
    return [row.id for row in await connection.execute(statement.returning(jobs.c.id))]


async def bill(connection: AsyncConnection, lease: Lease, charge: Charge) -> None:
    """
    Record what a leased job costs.

    Raises:
        ValueError: The charge is for another key or account.
    """
    if (charge.key, charge.account) != (lease.key, lease.account):
        raise ValueError("The charge is not for the leased job.")
    await record(connection, charge)
    await change(connection, jobs.c.id == lease.job_id, charged=True)


async def ring_for(connection: AsyncConnection, *topics: str) -> None:
    """Ring for jobs by their ids, or for the queue, in every process."""
    await ring(connection, *(BELL + topic for topic in topics))
