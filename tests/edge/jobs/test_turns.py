from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import ScalarSelect, insert, select, text, update
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from edge import ids
from edge.jobs.job import ORDINARY_PRIORITY, REAL_TIME_PRIORITY, JobState, Lease
from edge.jobs.queue.store import PATIENCE_MS, any_in_line, next_in_turn
from edge.jobs.store import Jobs
from edge.records import tables
from edge.records.engine import reading, writing

from .work import lapse

MANY, ONE, OTHER = "many111", "one1111", "other11"


async def put(jobs: Jobs, account: str, *keys: str, urgent: bool = False) -> None:
    """Queue jobs of an account, one after another."""
    for key in keys:
        await jobs.submit(
            key=key,
            account=account,
            subject=f"/{key}.mp3?f=aac",
            priority=REAL_TIME_PRIORITY if urgent else ORDINARY_PRIORITY,
            owner=None,
        )


async def take(jobs: Jobs, times: int, *, owner: str = "node") -> list[Lease]:
    """Claim as often as that, which has to succeed."""
    leases = [await jobs.claim(owner) for _ in range(times)]
    assert None not in leases
    return [lease for lease in leases if lease is not None]


def keys(leases: Sequence[Lease]) -> list[str]:
    return [lease.key for lease in leases]


async def finish(jobs: Jobs, lease: Lease) -> None:
    assert await jobs.finish(lease, charge=None, details="{}")


async def wait_longer_than_patience(records: AsyncEngine, *waiting: str) -> None:
    """Let jobs have been queued before everybody's patience ended."""
    since = tables.jobs.c.updated_ms - PATIENCE_MS
    async with writing(records) as connection:
        await connection.execute(
            update(tables.jobs).where(tables.jobs.c.key.in_(waiting)).values(updated_ms=since)
        )


async def test_a_flood_of_one_account_does_not_hold_up_single_jobs_of_others(jobs: Jobs) -> None:
    await put(jobs, MANY, *(f"flood{number}" for number in range(50)))
    await put(jobs, ONE, "single")
    await put(jobs, OTHER, "lonely")

    assert keys(await take(jobs, 5)) == ["flood0", "single", "lonely", "flood1", "flood2"]


async def test_accounts_take_turns_by_what_they_have_running(jobs: Jobs) -> None:
    await put(jobs, MANY, "a0", "a1", "a2", "a3")
    await put(jobs, ONE, "b0", "b1", "b2", "b3")
    first, *_ = await take(jobs, 4)
    await finish(jobs, first)

    assert first.key == "a0"
    assert keys(await take(jobs, 4)) == ["a2", "a3", "b2", "b3"]


async def test_what_runs_on_any_node_counts(jobs: Jobs) -> None:
    await put(jobs, MANY, "a0", "a1", "a2")
    await take(jobs, 1, owner="node")
    await take(jobs, 1, owner="other node")
    await put(jobs, ONE, "b0", "b1")

    assert keys(await take(jobs, 3, owner="third node")) == ["b0", "b1", "a2"]


async def test_jobs_that_began_without_a_queue_count_too(jobs: Jobs) -> None:
    await jobs.submit(key="a0", account=MANY, subject="/", priority=0, owner="node")
    await put(jobs, MANY, "a1")
    await put(jobs, ONE, "b0")

    assert keys(await take(jobs, 2)) == ["b0", "a1"]


async def test_real_time_goes_before_all_whoever_asks(jobs: Jobs) -> None:
    await put(jobs, ONE, "ordinary")
    await put(jobs, MANY, "stream0", "stream1", urgent=True)
    await put(jobs, OTHER, "stream2", urgent=True)
    await put(jobs, MANY, "late")

    assert keys(await take(jobs, 5)) == ["stream0", "stream2", "stream1", "ordinary", "late"]


async def test_an_account_with_nothing_running_outlives_a_flood_of_real_time(
    jobs: Jobs, records: AsyncEngine
) -> None:
    await put(jobs, ONE, "patient0", "patient1")
    await put(jobs, MANY, *(f"stream{number}" for number in range(5)), urgent=True)
    before = await take(jobs, 2)
    await wait_longer_than_patience(records, "patient0", "patient1")

    assert keys(before) == ["stream0", "stream1"]
    assert keys(await take(jobs, 3)) == ["patient0", "stream2", "stream3"]


async def test_a_listener_with_nothing_running_goes_before_the_patient(
    jobs: Jobs, records: AsyncEngine
) -> None:
    await put(jobs, ONE, "patient")
    await wait_longer_than_patience(records, "patient")
    await put(jobs, OTHER, "stream", urgent=True)

    assert keys(await take(jobs, 2)) == ["stream", "patient"]


async def test_a_silent_owner_counts_for_nothing(jobs: Jobs, records: AsyncEngine) -> None:
    await put(jobs, MANY, "a0", "a1")
    await put(jobs, ONE, "lost", "b1")
    await take(jobs, 2, owner="dead")
    await lapse(records, "lost")

    # Had the silent owner's job counted, it would be one against one, and the turn of a1.
    assert keys(await take(jobs, 3)) == ["lost", "a1", "b1"]


async def test_a_lost_job_of_a_busy_account_waits_for_its_turn(
    jobs: Jobs, records: AsyncEngine
) -> None:
    await put(jobs, MANY, "lost", "a1", "a2")
    await take(jobs, 3)
    await lapse(records, "lost")
    await put(jobs, ONE, "b0")

    assert keys(await take(jobs, 2)) == ["b0", "lost"]


async def test_an_account_s_own_listener_goes_first_in_its_line(jobs: Jobs) -> None:
    await put(jobs, ONE, "ordinary")
    await put(jobs, ONE, "stream", urgent=True)
    await put(jobs, MANY, "other")

    assert keys(await take(jobs, 3)) == ["stream", "other", "ordinary"]


async def test_only_what_is_urgent_enough_is_taken(jobs: Jobs) -> None:
    await put(jobs, ONE, "ordinary")
    none = await jobs.claim("node", least_priority=REAL_TIME_PRIORITY)
    await put(jobs, ONE, "stream", urgent=True)
    lease = await jobs.claim("node", least_priority=REAL_TIME_PRIORITY)

    assert none is None
    assert lease is not None and lease.key == "stream"
    assert await jobs.claim("node", least_priority=REAL_TIME_PRIORITY) is None


async def test_those_who_wait_are_counted_by_account(jobs: Jobs) -> None:
    await put(jobs, MANY, "a0", "a1", "a2")
    await put(jobs, ONE, "b0")
    await take(jobs, 2)

    assert await jobs.waiting() == {MANY: 2}


async def test_the_order_is_found_by_index_in_a_queue_of_any_length(
    sqlite_records: AsyncEngine,
) -> None:
    row = {
        **dict.fromkeys(("priority", "reserved_us", "progress", "attempts", "lost_leases"), 0),
        **{"epoch": 0, "charged": False, "subject": "/", "details": "{}", "updated_ms": 1},
    }
    queued = [
        row
        | {"id": ids.new_job_id(), "key": str(number), "account": str(number % 7)}
        | {"state": JobState.QUEUED, "created_ms": number}
        for number in range(2000)
    ]
    async with writing(sqlite_records) as connection:
        await connection.execute(insert(tables.jobs), queued)
    query = str(
        select(next_in_turn(least_priority=None)).compile(
            sqlite_records.sync_engine, compile_kwargs={"literal_binds": True}
        )
    )
    async with reading(sqlite_records) as connection:
        steps = [step[3] for step in await connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))]

    assert [step for step in steps if "jobs" in step and "SEARCH" not in step] == []
    # Whatever is scanned or sorted is as long as there are accounts.
    assert {step for step in steps if step.startswith("SCAN")} == {
        *("SCAN CONSTANT ROW", "SCAN accounts_in_line", "SCAN heads")
    }
    assert "SEARCH further USING COVERING INDEX ix_jobs_line (state=? AND account>?)" in steps
    assert "SEARCH line USING COVERING INDEX ix_jobs_line (state=? AND account=?)" in steps


@pytest.mark.parametrize(
    ("query", "locked"),
    [(next_in_turn(least_priority=None), "OF waiting SKIP LOCKED"), (any_in_line(), "SKIP LOCKED")],
)
def test_postgresql_skips_what_another_node_is_taking(
    query: ScalarSelect[str], locked: str
) -> None:
    dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]
    compiled = str(query.compile(dialect=dialect))

    assert f"FOR UPDATE {locked}" in compiled
