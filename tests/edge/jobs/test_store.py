from __future__ import annotations

from dataclasses import replace

import pytest

from edge.billing.store import Ledger, Reconciliation
from edge.jobs.job import Job, JobState, Lease
from edge.jobs.store import Jobs
from edge.records.paging import BadCursor

from .work import ACCOUNT, charge, current, queue, start

IN_HEALTH = Reconciliation(jobs_without_entry=(), entries_without_job=())


async def test_a_new_job_waits_in_the_queue(jobs: Jobs) -> None:
    job, lease = await jobs.submit(
        key="k", account=ACCOUNT, subject="/a.mp3?f=aac", priority=5, owner=None
    )

    assert lease is None
    assert job == Job(
        id=job.id,
        key="k",
        account=ACCOUNT,
        subject="/a.mp3?f=aac",
        state=JobState.QUEUED,
        priority=5,
        progress=0.0,
        attempts=0,
        lost_leases=0,
        epoch=0,
        owner=None,
        lease_until_ms=None,
        error_code=None,
        error_message=None,
        details="{}",
        created_ms=job.created_ms,
        updated_ms=job.created_ms,
        age_ms=0,
    )
    assert job == await jobs.get(ACCOUNT, job.id) == await jobs.by_key("k")


async def test_an_owner_starts_a_new_job_at_once(jobs: Jobs) -> None:
    job, lease = await jobs.submit(
        key="k", account=ACCOUNT, subject="/a.mp3?f=aac", priority=0, owner="node"
    )

    assert lease == Lease(
        job_id=job.id,
        key="k",
        account=ACCOUNT,
        subject="/a.mp3?f=aac",
        owner="node",
        epoch=1,
        created_ms=job.created_ms,
    )
    assert (job.state, job.owner, job.epoch) == (JobState.RUNNING, "node", 1)
    assert job.lease_until_ms == job.created_ms + 3_600_000


async def test_whoever_comes_later_joins(jobs: Jobs) -> None:
    queued = await queue(jobs)

    assert (queued, None) == await jobs.submit(
        key="k", account=ACCOUNT, subject="/other?f=aac", priority=9, owner="node"
    )


async def test_a_done_job_stays_done(jobs: Jobs) -> None:
    lease = await start(jobs)
    assert await jobs.finish(lease, charge=charge(), details='{"files": 1}')
    done = await current(jobs)

    assert (
        done.state,
        done.progress,
        done.owner,
        done.lease_until_ms,
        done.details,
    ) == (JobState.DONE, 1.0, None, None, '{"files": 1}')
    assert done == await queue(jobs)


async def test_a_remade_job_keeps_its_id_and_is_not_billed_again(
    jobs: Jobs, ledger: Ledger
) -> None:
    lease = await start(jobs)
    await jobs.finish(lease, charge=charge(), details="{}")
    billed = await ledger.entries(ACCOUNT)
    again = await start(jobs, owner="other", remake=True)
    await jobs.finish(again, charge=charge(duration_ms=90_000), details="{}")

    assert again == replace(lease, owner="other", epoch=2)
    assert billed == await ledger.entries(ACCOUNT)
    assert await ledger.reconcile() == IN_HEALTH


async def test_a_job_being_remade_is_joined_not_restarted(jobs: Jobs, ledger: Ledger) -> None:
    lease = await start(jobs)
    await jobs.finish(lease, charge=charge(), details="{}")
    remade, _ = await jobs.submit(
        key="k", account=ACCOUNT, subject="/", priority=0, owner=None, remake=True
    )

    assert (JobState.QUEUED, lease.job_id) == (remade.state, remade.id)
    assert (remade, None) == await jobs.submit(
        key="k", account=ACCOUNT, subject="/", priority=0, owner="node", remake=True
    )
    assert await ledger.reconcile() == IN_HEALTH


async def test_a_failed_job_stays_failed_until_a_retry_is_asked_for(jobs: Jobs) -> None:
    lease = await start(jobs)
    await jobs.fail(lease, code="unsupported_media", message="No audio track.")
    failed = await current(jobs)

    assert (
        failed.state,
        failed.error_code,
        failed.error_message,
        failed.owner,
    ) == (JobState.FAILED, "unsupported_media", "No audio track.", None)
    assert (failed, None) == await jobs.submit(
        key="k", account=ACCOUNT, subject="/", priority=0, owner="node", remake=True
    )
    job, again = await jobs.submit(
        key="k", account=ACCOUNT, subject="/", priority=0, owner="node", retry_failed=True
    )
    assert again == replace(lease, epoch=2)
    assert (job.state, job.error_code, job.error_message) == (JobState.RUNNING, None, None)


async def test_a_failed_job_costs_nothing(jobs: Jobs, ledger: Ledger) -> None:
    await jobs.fail(await start(jobs), code="unsupported_media", message="No audio track.")

    assert await ledger.entries(ACCOUNT) == ((), None)


async def test_a_request_after_a_cancellation_starts_afresh_under_a_new_id(jobs: Jobs) -> None:
    cancelled = await jobs.cancel(ACCOUNT, (await queue(jobs)).id)
    assert cancelled is not None
    assert cancelled.state is JobState.CANCELLED
    assert cancelled == await jobs.by_key("k")
    fresh = await queue(jobs)

    assert fresh.id != cancelled.id
    assert fresh == await jobs.by_key("k")
    assert cancelled == await jobs.get(ACCOUNT, cancelled.id)
    assert ((fresh, cancelled), None) == await jobs.list(ACCOUNT)


async def test_cancelling_stops_the_owner(jobs: Jobs, ledger: Ledger) -> None:
    lease = await start(jobs)
    await jobs.cancel(ACCOUNT, lease.job_id)

    assert not await jobs.renew(lease, 0.5)
    assert not await jobs.finish(lease, charge=charge(), details="{}")
    assert not await jobs.fail(lease, code="c", message="m")
    assert not await jobs.retry(lease, max_attempts=2)
    assert await ledger.entries(ACCOUNT) == ((), None)


async def test_a_settled_job_cannot_be_cancelled(jobs: Jobs) -> None:
    lease = await start(jobs)
    await jobs.finish(lease, charge=None, details="{}")
    done = await jobs.get(ACCOUNT, lease.job_id)

    assert done == await jobs.cancel(ACCOUNT, lease.job_id)


async def test_jobs_of_another_account_do_not_exist(jobs: Jobs) -> None:
    job = await queue(jobs)

    assert await jobs.get("another", job.id) is None
    assert await jobs.cancel("another", job.id) is None
    assert await jobs.list("another") == ((), None)
    assert job == await jobs.get(ACCOUNT, job.id)


async def test_what_was_served_before_a_cancellation_is_settled(jobs: Jobs, ledger: Ledger) -> None:
    lease = await start(jobs)
    assert not await jobs.settle(lease, charge=charge(duration_ms=20_000))
    await jobs.cancel(ACCOUNT, lease.job_id)
    assert not await jobs.settle(replace(lease, owner="other"), charge=charge())
    assert await jobs.settle(lease, charge=charge(duration_ms=20_000))
    await jobs.settle(lease, charge=charge(duration_ms=30_000))
    await jobs.finish(await start(jobs), charge=charge(), details="{}")
    entries, _ = await ledger.entries(ACCOUNT)

    assert [entry.duration_ms for entry in entries] == [20_000]
    assert await ledger.reconcile() == IN_HEALTH


async def test_a_free_job_leaves_no_entry(jobs: Jobs, ledger: Ledger) -> None:
    assert await jobs.finish(await start(jobs), charge=None, details="{}")

    assert await ledger.entries(ACCOUNT) == ((), None)
    assert await ledger.reconcile() == IN_HEALTH


async def test_a_charge_for_another_key_is_refused_and_finishes_nothing(
    jobs: Jobs, ledger: Ledger
) -> None:
    lease = await start(jobs)
    running = await current(jobs)

    with pytest.raises(ValueError, match="not for the leased job"):
        await jobs.finish(lease, charge=charge("other"), details="{}")
    assert running == await current(jobs)
    assert await ledger.entries(ACCOUNT) == ((), None)


async def test_every_change_moves_the_job_on_even_within_a_millisecond(jobs: Jobs) -> None:
    lease = await start(jobs)
    stamps = [(await current(jobs)).updated_ms]
    for step in range(20):
        await jobs.renew(lease, step / 20)
        stamps.append((await current(jobs)).updated_ms)

    assert stamps == sorted(set(stamps))


async def test_the_list_comes_newest_first_in_pages(jobs: Jobs) -> None:
    made = [await queue(jobs, key) for key in ("a", "b", "c")]
    expected = sorted(made, key=lambda job: (job.created_ms, job.id), reverse=True)
    first, cursor = await jobs.list(ACCOUNT, limit=2)
    second, end = await jobs.list(ACCOUNT, cursor=cursor, limit=2)

    assert expected == [*first, *second]
    assert end is None
    with pytest.raises(BadCursor):
        await jobs.list(ACCOUNT, cursor="2")


async def test_jobs_are_counted_by_state(jobs: Jobs) -> None:
    await queue(jobs, "queued")
    await start(jobs, "running")
    await jobs.finish(await start(jobs, "done"), charge=None, details="{}")

    assert await jobs.counts() == {
        JobState.QUEUED: 1,
        JobState.RUNNING: 1,
        JobState.DONE: 1,
        JobState.FAILED: 0,
        JobState.CANCELLED: 0,
    }


async def test_what_unsettled_jobs_will_cost_is_reserved(jobs: Jobs) -> None:
    async def ask(key: str, account: str, owner: str | None) -> Lease | None:
        _, lease = await jobs.submit(
            key=key.ljust(64, "0"),
            account=account,
            subject="/x",
            priority=0,
            owner=owner,
            reserved_us=7_500_000,
        )
        return lease

    await ask("a", ACCOUNT, None)
    await ask("b", ACCOUNT, "owner")
    done = await ask("c", ACCOUNT, "owner")
    await ask("d", "another", None)
    assert done is not None
    await jobs.finish(done, charge=None, details="{}")

    assert await jobs.reserved_us(ACCOUNT) == 15_000_000


async def test_the_jobs_of_many_keys_are_read_at_once(jobs: Jobs) -> None:
    await queue(jobs, "a")
    cancelled = await queue(jobs, "b")
    await jobs.cancel(ACCOUNT, cancelled.id)
    only_cancelled = await queue(jobs, "c")
    await jobs.cancel(ACCOUNT, only_cancelled.id)
    await queue(jobs, "b")
    found = await jobs.by_keys(["a", "b", "c", "d"])

    assert found == {key: await current(jobs, key) for key in ("a", "b", "c")}
    assert [found[key].state for key in "abc"] == [
        JobState.QUEUED,
        JobState.QUEUED,
        JobState.CANCELLED,
    ]
