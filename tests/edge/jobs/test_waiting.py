from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from edge.jobs.job import JobState
from edge.jobs.store import Jobs
from edge.jobs.wakeups import Wakeups
from tests.support.databases import patient, url_of

from .work import charge, queue, start

# Longer than any test may take: whoever waits this long was never woken.
FOR_EVER = 3600.0


async def test_a_poller_is_woken_by_progress(jobs: Jobs) -> None:
    lease = await start(jobs)
    before = await jobs.by_key("k")
    assert before is not None
    waiting = asyncio.create_task(jobs.changed(before.id, before.updated_ms, FOR_EVER))
    await asyncio.sleep(0)
    await jobs.renew(lease, 0.5)
    job = await waiting

    assert job is not None
    assert (job.state, job.progress) == (JobState.RUNNING, 0.5)


async def test_many_pollers_see_the_job_done(jobs: Jobs) -> None:
    lease = await start(jobs)
    before = await jobs.by_key("k")
    assert before is not None
    pollers = [
        asyncio.create_task(jobs.changed(before.id, before.updated_ms, FOR_EVER)) for _ in range(50)
    ]
    await asyncio.sleep(0)
    await jobs.finish(lease, charge=charge(), details="{}")

    assert [await jobs.by_key("k")] * 50 == await asyncio.gather(*pollers)


async def test_a_change_made_by_another_process_is_seen(jobs: Jobs, records: AsyncEngine) -> None:
    lease = await start(jobs)
    before = await jobs.by_key("k")
    assert before is not None
    waiting = asyncio.create_task(jobs.changed(before.id, before.updated_ms, FOR_EVER))
    await asyncio.sleep(0)
    engine = patient(url_of(records))
    await Jobs(engine).finish(lease, charge=charge(), details="{}")
    await engine.dispose()
    job = await waiting

    assert job is not None
    assert job.state is JobState.DONE


async def test_an_earlier_change_is_answered_at_once(jobs: Jobs) -> None:
    job = await queue(jobs)

    assert job == await jobs.changed(job.id, job.updated_ms - 1, FOR_EVER)


async def test_a_settled_job_is_not_waited_for(jobs: Jobs) -> None:
    await jobs.finish(await start(jobs), charge=None, details="{}")
    done = await jobs.by_key("k")
    assert done is not None

    assert done == await jobs.changed(done.id, done.updated_ms, FOR_EVER)


async def test_when_time_is_up_the_job_is_answered_as_it_stands(jobs: Jobs) -> None:
    job = await queue(jobs)

    assert job == await jobs.changed(job.id, job.updated_ms, 0.01)


async def test_a_job_that_does_not_exist_is_not_waited_for(jobs: Jobs) -> None:
    assert await jobs.changed("nothing", 0, FOR_EVER) is None


async def test_whoever_listens_before_looking_misses_nothing_that_is_queued(jobs: Jobs) -> None:
    with jobs.arrivals() as arrived:
        looked = await jobs.claim("node")
        await queue(jobs)

        assert (looked, arrived.is_set()) == (None, True)


def test_waking_reaches_every_listener_of_the_topic_and_no_other() -> None:
    wakeups = Wakeups()
    with (
        wakeups.listening("a") as first,
        wakeups.listening("a") as second,
        wakeups.listening("b") as other,
    ):
        wakeups.wake("a", "nobody's")

        assert (first.is_set(), second.is_set(), other.is_set()) == (True, True, False)
