from __future__ import annotations

from edge.jobs.job import JobState
from edge.node import Node
from tests.edge.fill.test_filler import occupy, wanted


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
