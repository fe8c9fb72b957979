from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from edge.fill.grants import MOST_THREADS
from edge.jobs.job import ORDINARY_PRIORITY, REAL_TIME_PRIORITY, JobState
from edge.node import Node, open_node
from edge.records.problems import RecordsAway
from edge.settings import Settings
from edge.settings.machine import usable_cores
from tests.edge.fill.test_filler import made, occupy, wanted


async def test_a_stream_begins_though_every_slot_is_taken(node: Node) -> None:
    await occupy(node)
    waiting = await node.filler.obtain(await wanted(node, "note.wav?f=mp3"))
    stream = await node.filler.obtain(await wanted(node, "note.wav?f=hls-aac-rt"))
    done = await node.filler.wait(stream, 60)

    assert waiting.job.state is JobState.QUEUED
    assert done.job.state is JobState.DONE
    assert (await node.filler.look(waiting.wanted) or waiting).job.state is JobState.QUEUED


async def test_extra_slots_have_an_end_and_come_back(node: Node) -> None:
    await occupy(node)
    assert not node.runner.take_slot()
    assert node.runner.take_slot(urgent=True)
    assert not node.runner.take_slot(urgent=True)
    node.runner.give_slot_back()
    assert not node.runner.take_slot()
    node.runner.give_slot_back()
    assert node.runner.take_slot()


async def test_a_queued_stream_is_taken_though_every_ordinary_slot_is(node: Node) -> None:
    await occupy(node)
    standings = []
    for rest, priority in (
        ("note.wav?f=mp3", ORDINARY_PRIORITY),
        ("note.wav?f=hls-aac-rt", REAL_TIME_PRIORITY),
    ):
        wish = await wanted(node, rest)
        await node.records.jobs.submit(
            key=wish.key, account=wish.account, subject=wish.subject, priority=priority, owner=None
        )
        standing = await node.filler.look(wish)
        assert standing is not None
        standings.append(standing)
    waiting, stream = standings
    done = await node.filler.wait(stream, 60)

    assert done.job.state is JobState.DONE
    assert (await node.filler.look(waiting.wanted) or waiting).job.state is JobState.QUEUED


async def test_a_job_alone_is_encoded_by_every_core_if_its_codec_can_be(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    granted: list[int] = []
    render = node.workshop.sandbox.render

    async def noted(*arguments: Any, threads: int, **options: Any) -> object:
        granted.append(threads)
        return await render(*arguments, threads=threads, **options)

    monkeypatch.setattr(node.workshop.sandbox, "render", noted)
    for rest in ("note.wav?f=mp3", "note.wav?f=wav-riff", "note.wav?f=hls-aac-rt"):
        await made(node, rest)

    every = min(usable_cores(), MOST_THREADS)
    assert granted == [every, 1, every]


async def test_a_slot_is_not_lost_with_the_database(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = await wanted(node, "note.wav?f=mp3")

    async def away(**_: object) -> None:
        raise RecordsAway

    with monkeypatch.context() as patch:
        patch.setattr(node.records.jobs, "submit", away)
        with pytest.raises(RecordsAway):
            await node.filler.obtain(wish)
    assert node.runner.slots.taken == 0
    done = await node.filler.wait(await node.filler.obtain(wish), 60)

    assert done.job.state is JobState.DONE


async def test_what_takes_long_to_be_stored_is_stored_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is renewed until the artifact is there, however slow the store is."""
    async with open_node(replace(settings, lease_seconds=2)) as node:
        publish = node.artifacts.publish
        published: list[str] = []

        async def slow(*arguments: Any, **named: Any) -> Any:
            published.append(named["key"])
            await asyncio.sleep(4)
            return await publish(*arguments, **named)

        monkeypatch.setattr(node.artifacts, "publish", slow)
        wish = await wanted(node, "note.wav?f=mp3")
        done = await node.filler.wait(await node.filler.obtain(wish), 60)

    assert done.job.state is JobState.DONE
    assert (done.job.epoch, done.job.lost_leases) == (1, 0)
    assert published == [wish.key]
