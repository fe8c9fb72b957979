"""Who works on a job, and until when."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncEngine

from edge.billing.store import Ledger
from edge.jobs.job import JobState
from edge.jobs.queue.store import MOST_LOST_LEASES
from edge.jobs.store import Jobs

from .work import ACCOUNT, charge, current, lapse, queue, start


async def test_the_most_urgent_is_claimed_first_then_the_oldest(jobs: Jobs) -> None:
    for key, priority in (("old", 0), ("young", 0), ("urgent", 10)):
        await queue(jobs, key, priority=priority)
    claimed = [await jobs.claim("node") for _ in range(4)]

    assert [lease.key if lease else None for lease in claimed] == ["urgent", "old", "young", None]


async def test_a_held_job_is_nobody_elses(jobs: Jobs) -> None:
    await start(jobs)

    assert await jobs.claim("other") is None


async def test_a_lapsed_lease_passes_on_and_fences_its_late_owner(
    jobs: Jobs, records: AsyncEngine, ledger: Ledger
) -> None:
    late = await start(jobs, owner="late")
    await lapse(records)
    lease = await jobs.claim("next")
    assert lease == replace(late, owner="next", epoch=2)
    before = await current(jobs)

    assert before.lost_leases == 1
    assert not await jobs.renew(late, 0.9)
    assert not await jobs.finish(late, charge=charge(), details="{}")
    assert not await jobs.fail(late, code="c", message="m")
    assert not await jobs.retry(late, max_attempts=2)
    assert before == await current(jobs)
    assert await ledger.entries(ACCOUNT) == ((), None)


async def test_the_same_owner_is_fenced_from_its_own_former_lease(
    jobs: Jobs, records: AsyncEngine
) -> None:
    late = await start(jobs, owner="node")
    await lapse(records)
    lease = await jobs.claim("node")
    assert lease is not None

    assert not await jobs.renew(late, 0.9)
    assert await jobs.renew(lease, 0.1)


async def test_a_lapsed_lease_nobody_took_can_be_renewed(jobs: Jobs, records: AsyncEngine) -> None:
    lease = await start(jobs)
    await lapse(records)

    assert await jobs.renew(lease, 0.25)
    assert await jobs.claim("other") is None
    assert (await current(jobs)).progress == 0.25


async def test_the_tenth_lost_lease_fails_the_job(jobs: Jobs, records: AsyncEngine) -> None:
    await start(jobs)
    for losses in range(1, MOST_LOST_LEASES):
        await lapse(records)
        assert await jobs.claim(f"node{losses}") is not None
        assert (await current(jobs)).lost_leases == losses
    await lapse(records)
    await queue(jobs, "next")
    lease = await jobs.claim("node")
    assert lease is not None
    failed = await current(jobs)

    assert lease.key == "next"
    assert (
        failed.state,
        failed.error_code,
        failed.lost_leases,
        failed.owner,
    ) == (JobState.FAILED, "lost_too_often", MOST_LOST_LEASES, None)


async def test_a_source_that_kills_workers_is_tried_twice(jobs: Jobs) -> None:
    assert await jobs.retry(await start(jobs), max_attempts=2)
    requeued = await current(jobs)
    second = await jobs.claim("node")
    assert second is not None
    assert await jobs.retry(second, max_attempts=2)
    failed = await current(jobs)

    assert (
        requeued.state,
        requeued.attempts,
        requeued.owner,
        requeued.error_code,
    ) == (JobState.QUEUED, 1, None, None)
    assert failed == replace(
        requeued,
        state=JobState.FAILED,
        attempts=2,
        epoch=2,
        error_code="worker_died",
        error_message="The worker died 2 times while it made this.",
        updated_ms=failed.updated_ms,
    )
    assert await jobs.claim("node") is None


async def test_a_leaving_owner_gives_everything_back_uncounted(jobs: Jobs) -> None:
    leases = [await start(jobs, key, owner="leaving") for key in ("a", "b")]
    await start(jobs, "c", owner="staying")

    assert await jobs.release_owner("leaving") == 2
    assert await jobs.release_owner("leaving") == 0
    assert not await jobs.renew(leases[0], 0.5)
    assert [
        (job.state, job.attempts, job.lost_leases)
        for job in [await current(jobs, key) for key in ("a", "b", "c")]
    ] == [(JobState.QUEUED, 0, 0), (JobState.QUEUED, 0, 0), (JobState.RUNNING, 0, 0)]
