"""
The job rows, and the leases on them.

A canonical key has one live row, whoever asks for it and however often. To work on it is to hold
its lease: owner, epoch and an end that has to be pushed on. The epoch grows at every acquisition,
so that whatever a late owner tries touches no row. ``finish`` marks a job done and writes its bill
in one transaction, after the artifact is durable: a crash loses both or neither. Neither billing
first nor billing after survived being killed at random instants; this did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import (
    Select,
    and_,
    case,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from edge import ids
from edge.billing.charge import Charge
from edge.jobs.job import UNSETTLED, Job, JobState, Lease
from edge.jobs.queue.store import (
    COLUMNS,
    LET_GO,
    TOUCHED,
    anything_waits,
    give_up,
    take_any_in_line,
    take_next,
)
from edge.jobs.rows.store import BELL, bill, change, held, one, ring_for
from edge.jobs.sources.store import note
from edge.jobs.wakeups import Wakeups, wait
from edge.records.bells import ANY
from edge.records.dialects import insert_into, now_ms
from edge.records.engine import reading, writing
from edge.records.paging import newest_first
from edge.records.tables import LIVE, jobs

DEFAULT_LEASE_MS = 30_000
# Other processes' changes are noticed after this long at the latest.
POLL_SECONDS = 1.0

_JOB = select(*COLUMNS)
# What is woken here, and rung for in other processes: the queue, or a job by its id.
_QUEUE = "queue"
_FRESH: Mapping[str, Any] = {
    "progress": 0.0,
    "attempts": 0,
    "lost_leases": 0,
    "error_code": None,
    "error_message": None,
    "details": "{}",
}


class Jobs:
    """
    Every job of every account.

    Args:
        engine: The records.
        lease_ms: How long an owner may stay silent before another takes over.
    """

    def __init__(self, engine: AsyncEngine, *, lease_ms: int = DEFAULT_LEASE_MS) -> None:
        self._engine = engine
        self._lease_ms = lease_ms
        self._wakeups = Wakeups()

    async def submit(
        self,
        *,
        key: str,
        account: str,
        subject: str,
        priority: int,
        owner: str | None,
        sources: Sequence[str] = (),
        reserved_us: int = 0,
        remake: bool = False,
        retry_failed: bool = False,
    ) -> tuple[Job, Lease | None]:
        """
        Start the job of *key*, or join the one that is there.

        A key without a live job (none ever, or only cancelled ones) gets a new one.

        Args:
            priority: The higher, the sooner it is claimed.
            owner: Who works on it at once; None puts it into the queue.
            sources: The paths of what it is made of, the primary file's first.
            reserved_us: What it is expected to be billed.
            remake: Start a done job again because its artifact is gone. It keeps its id and is
                not billed again.
            retry_failed: Start a failed job again, because what failed may have passed.

        Returns:
            The job as it stands, and the lease if the call started it for *owner*.
        """
        wishes = {"priority": priority, "reserved_us": reserved_us}
        start = {**_FRESH, **self._given_to(owner), **wishes}
        acquisitions = 0 if owner is None else 1
        again = [JobState.DONE] * remake + [JobState.FAILED] * retry_failed
        async with writing(self._engine) as connection:
            statement = (
                insert_into(connection, jobs)
                .values(
                    **start,
                    id=ids.new_job_id(),
                    key=key,
                    account=account,
                    subject=subject,
                    epoch=acquisitions,
                    charged=False,
                    created_ms=now_ms(),
                    updated_ms=now_ms(),
                )
                # PostgreSQL locks the row it runs into even where nothing is to be updated, so
                # it cannot be cancelled before it is read below.
                .on_conflict_do_update(
                    index_elements=[jobs.c.key],
                    index_where=LIVE,
                    set_={**start, "epoch": jobs.c.epoch + acquisitions, "updated_ms": TOUCHED},
                    where=jobs.c.state.in_(again),
                )
                .returning(*COLUMNS)
            )
            job = await one(connection, statement)
            if job is None:
                there = await connection.execute(_JOB.where(jobs.c.key == key, LIVE))
                return Job.of(there.one()._asdict()), None
            await note(connection, key=key, account=account, paths=sources)
            await ring_for(connection, *([_QUEUE] if owner is None else []))
        self._wakeups.wake(job.id, _QUEUE)
        return job, None if owner is None else job.leased_to(owner)

    async def claim(self, owner: str, *, least_priority: int | None = None) -> Lease | None:
        """
        Take the job whose turn it is (see ``edge.jobs.queue``), or return None.

        A job whose owner let its lease lapse is taken over; after ten such losses it fails with
        ``lost_too_often`` instead.

        Args:
            least_priority: Take none that is less urgent.
        """
        async with reading(self._engine) as connection:
            if not (await connection.execute(anything_waits())).scalar_one():
                return None
        given = {"the_owner": owner, "lease_ms": self._lease_ms}
        async with writing(self._engine) as connection:
            given_up = [row.id for row in await connection.execute(give_up())]
            taken = await one(connection, take_next(least_priority=least_priority), given)
            if taken is None and least_priority is None:
                taken = await one(connection, take_any_in_line(), given)
        self._wakeups.wake(*given_up)
        if taken is None:
            return None
        self._wakeups.wake(taken.id)
        return taken.leased_to(owner)

    async def renew(self, lease: Lease, progress: float) -> bool:
        """
        Push the lease's end on and note the *progress*, 0 to 1.

        Returns:
            False if the lease is lost or the job cancelled: the owner must stop.
        """
        return await self._change_held(
            lease, progress=progress, lease_until_ms=now_ms() + self._lease_ms
        )

    async def finish(self, lease: Lease, *, charge: Charge | None, details: str) -> bool:
        """
        Mark the job done and record its *charge*, both or neither; None is a free job.

        Returns:
            False if the lease is lost: nothing was recorded.

        Raises:
            ValueError: The charge is for another key or account.
        """
        values = {"state": JobState.DONE, "progress": 1.0, "details": details}
        async with writing(self._engine) as connection:
            done = await change(connection, held(lease), **LET_GO, **values)
            if done and charge is not None:
                await bill(connection, lease, charge)
            await ring_for(connection, *done)
        self._wakeups.wake(*done)
        return bool(done)

    async def settle(self, lease: Lease, *, charge: Charge) -> bool:
        """
        Record the *charge* for what a job had produced when it was cancelled.

        Returns:
            False if the job was not cancelled during this lease: nothing was recorded.
        """
        async with writing(self._engine) as connection:
            cancelled = await change(connection, held(lease, JobState.CANCELLED))
            if cancelled:
                await bill(connection, lease, charge)
        return bool(cancelled)

    async def fail(self, lease: Lease, *, code: str, message: str) -> bool:
        """Mark the job failed; False if the lease is lost."""
        values = {"state": JobState.FAILED, "error_code": code, "error_message": message}
        return await self._change_held(lease, told=lease.job_id, **values, **LET_GO)

    async def retry(self, lease: Lease, *, max_attempts: int) -> bool:
        """
        Count a try that killed its worker, and queue the job again while tries are left.

        After *max_attempts* of them the job fails with ``worker_died``.

        Returns:
            False if the lease is lost.
        """
        used_up = jobs.c.attempts + 1 >= max_attempts
        message = f"The worker died {max_attempts} times while it made this."
        counted = await self._change_held(
            lease,
            told=_QUEUE,
            state=case((used_up, JobState.FAILED), else_=JobState.QUEUED),
            attempts=jobs.c.attempts + 1,
            progress=0.0,
            error_code=case((used_up, "worker_died")),
            error_message=case((used_up, message)),
            **LET_GO,
        )
        self._wakeups.wake(_QUEUE)
        return counted

    async def give_back(self, lease: Lease) -> bool:
        """Queue a job again that its owner cannot work on, uncounted; False if it is lost."""
        changed = await self._change_held(
            lease, told=_QUEUE, state=JobState.QUEUED, progress=0.0, **LET_GO
        )
        self._wakeups.wake(_QUEUE)
        return changed

    async def release_owner(self, owner: str) -> int:
        """Queue what a dead or leaving *owner* works on, uncounted; return how many jobs."""
        owned = and_(jobs.c.owner == owner, jobs.c.state == JobState.RUNNING)
        async with writing(self._engine) as connection:
            released = await change(
                connection, owned, state=JobState.QUEUED, progress=0.0, **LET_GO
            )
            await ring_for(connection, *([_QUEUE] if released else []))
        self._wakeups.wake(_QUEUE, *released)
        return len(released)

    async def cancel(self, account: str, job_id: str) -> Job | None:
        """Cancel the account's job unless it is settled; return it as it stands, or None."""
        mine = and_(jobs.c.id == job_id, jobs.c.account == account)
        async with writing(self._engine) as connection:
            # The owner stays on record, because it alone may settle.
            cancelled = await change(
                connection,
                and_(mine, jobs.c.state.in_(UNSETTLED)),
                state=JobState.CANCELLED,
                lease_until_ms=None,
            )
            await ring_for(connection, *cancelled)
            job = await one(connection, _JOB.where(mine))
        self._wakeups.wake(*cancelled)
        return job

    async def get(self, account: str, job_id: str) -> Job | None:
        """Return the account's job, or None."""
        return await self._read(_JOB.where(jobs.c.id == job_id, jobs.c.account == account))

    async def by_key(self, key: str) -> Job | None:
        """Return the live job of *key*, else the one cancelled last, else None."""
        cancelled = jobs.c.state == JobState.CANCELLED
        return await self._read(
            _JOB.where(jobs.c.key == key)
            .order_by(case((cancelled, 1), else_=0), jobs.c.created_ms.desc(), jobs.c.id.desc())
            .limit(1)
        )

    async def by_keys(self, keys: Collection[str]) -> dict[str, Job]:
        """Return the job of each of some keys that has one, as ``by_key`` chooses it."""
        cancelled = jobs.c.state == JobState.CANCELLED
        query = _JOB.where(jobs.c.key.in_(keys)).order_by(
            case((cancelled, 0), else_=1), jobs.c.created_ms, jobs.c.id
        )
        async with reading(self._engine) as connection:
            found = await connection.execute(query)
            return {row.key: Job.of(row._asdict()) for row in found}

    async def list(
        self, account: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[tuple[Job, ...], str | None]:
        """
        Return a page of the account's jobs, newest first, and the cursor of the next.

        Raises:
            BadCursor: The cursor is not one of ours.
        """
        query = _JOB.where(jobs.c.account == account)
        async with reading(self._engine) as connection:
            rows, further = await newest_first(
                connection, query, jobs.c.created_ms, jobs.c.id, cursor=cursor, limit=limit
            )
        return tuple(map(Job.of, rows)), further

    async def counts(self) -> dict[JobState, int]:
        """Count the jobs in every state."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        async with reading(self._engine) as connection:
            found = (await connection.execute(query)).all()
        return dict.fromkeys(JobState, 0) | {JobState(state): count for state, count in found}

    async def waiting(self) -> dict[str, int]:
        """Count the queued jobs of every account that has any."""
        queued = jobs.c.state == JobState.QUEUED
        query = select(jobs.c.account, func.count()).where(queued).group_by(jobs.c.account)
        async with reading(self._engine) as connection:
            return {account: count for account, count in await connection.execute(query)}

    async def age_of_newest_ms(self, account: str, number: int, *, within_ms: int) -> int | None:
        """Tell how old the account's *number*th newest transform is, None if it is older."""
        # The subject of a transform is the path of a URL; chores are not counted.
        mine = and_(jobs.c.account == account, jobs.c.subject.startswith("/"))
        recent = jobs.c.created_ms > now_ms() - within_ms
        query = select(now_ms() - jobs.c.created_ms).where(mine, recent)
        query = query.order_by(jobs.c.created_ms.desc()).offset(number - 1).limit(1)
        async with reading(self._engine) as connection:
            found = (await connection.execute(query)).scalar_one_or_none()
        return None if found is None else int(found)

    async def reserved_us(self, account: str) -> int:
        """Sum up what the account's unsettled jobs are expected to be billed."""
        unsettled = and_(jobs.c.account == account, jobs.c.state.in_(UNSETTLED))
        query = select(func.coalesce(func.sum(jobs.c.reserved_us), 0)).where(unsettled)
        async with reading(self._engine) as connection:
            return int((await connection.execute(query)).scalar_one())

    async def changed(
        self, job_id: str, since_updated_ms: int, timeout_seconds: float
    ) -> Job | None:
        """
        Wait until the job has changed after *since_updated_ms*, is settled, or the time is up.

        Returns:
            The job as it stands then, or None if there is no such job.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        with self._wakeups.listening(job_id) as woken:
            while True:
                job = await self._read(_JOB.where(jobs.c.id == job_id))
                remaining_seconds = deadline - loop.time()
                if job is None or job.state.settled or job.updated_ms > since_updated_ms:
                    return job
                if remaining_seconds <= 0:
                    return job
                await wait(woken, min(remaining_seconds, POLL_SECONDS))

    def arrivals(self) -> AbstractContextManager[asyncio.Event]:
        """Listen to what is queued; not all that other processes queue is heard."""
        return self._wakeups.listening(_QUEUE)

    def rung(self, name: str) -> None:
        """Wake whoever waits for what a bell, rung by any process, tells of."""
        if name == ANY:
            self._wakeups.wake_all()
        elif name.startswith(BELL):
            self._wakeups.wake(name.removeprefix(BELL))

    def _given_to(self, owner: str | None) -> dict[str, Any]:
        if owner is None:
            return {"state": JobState.QUEUED, "owner": None, "lease_until_ms": None}
        until_ms = now_ms() + self._lease_ms
        return {"state": JobState.RUNNING, "owner": owner, "lease_until_ms": until_ms}

    async def _change_held(self, lease: Lease, *, told: str | None = None, **values: Any) -> bool:
        async with writing(self._engine) as connection:
            changed = await change(connection, held(lease), **values)
            if changed and told is not None:
                await ring_for(connection, told)
        self._wakeups.wake(*changed)
        return bool(changed)

    async def _read(self, query: Select[Any]) -> Job | None:
        async with reading(self._engine) as connection:
            return await one(connection, query)
