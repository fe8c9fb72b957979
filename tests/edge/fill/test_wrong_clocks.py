"""Nodes whose clocks are wrong: whatever counts between them is of the database's time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update

from edge.fill.wanted import Wanted
from edge.jobs.job import Job, JobState
from edge.node import Node, open_node
from edge.records.engine import writing
from edge.records.tables import jobs
from edge.settings import Settings
from tests.edge.fill.test_filler import wanted

HOUR_MS = 3_600_000


@pytest.fixture(params=[HOUR_MS, -HOUR_MS], ids=["an-hour-fast", "an-hour-slow"])
async def node(
    settings: Settings, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Node]:
    """A node that believes it is another time than it is."""

    class Wrong:
        def now_ms(self) -> int:
            return time.time_ns() // 1_000_000 + int(request.param)

    monkeypatch.setattr("edge.node.SystemClock", Wrong)
    async with open_node(settings) as opened:
        yield opened


async def failed(node: Node, wish: Wanted, *, seconds_ago: int) -> Job:
    """Let a job have failed a while ago of what may pass."""
    job, lease = await node.records.jobs.submit(
        key=wish.key,
        account=wish.account,
        subject=wish.subject,
        priority=0,
        owner="another",
    )
    assert lease is not None
    await node.records.jobs.fail(lease, code="source_unreachable", message="Not now.")
    async with writing(node.records.engine) as connection:
        await connection.execute(
            update(jobs)
            .where(jobs.c.id == job.id)
            .values(updated_ms=jobs.c.updated_ms - seconds_ago * 1000)
        )
    return job


async def test_what_has_just_failed_is_not_tried_by_every_poll(node: Node) -> None:
    wish = await wanted(node, "note.wav?f=mp3")
    await failed(node, wish, seconds_ago=5)

    assert (await node.filler.obtain(wish)).job.state is JobState.FAILED


async def test_what_failed_a_while_ago_is_tried_again(node: Node) -> None:
    wish = await wanted(node, "note.wav?f=mp3")
    await failed(node, wish, seconds_ago=40)
    standing = await node.filler.wait(await node.filler.obtain(wish), 60)

    assert standing.job.state is JobState.DONE


async def test_a_lease_lapses_by_the_databases_clock_alone(node: Node) -> None:
    wish = await wanted(node, "note.wav?f=mp3")
    job, lease = await node.records.jobs.submit(
        key=wish.key, account=wish.account, subject=wish.subject, priority=0, owner="another"
    )
    assert lease is not None
    standing = await node.filler.wait(await node.filler.obtain(wish), 2)
    assert standing.job.state is JobState.RUNNING
    assert standing.job.owner == "another"
    async with writing(node.records.engine) as connection:
        await connection.execute(update(jobs).where(jobs.c.id == job.id).values(lease_until_ms=0))

    assert (await node.filler.wait(standing, 60)).job.state is JobState.DONE
