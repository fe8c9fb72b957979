from __future__ import annotations

import asyncio

import pytest

from edge.fill.filler import Standing
from edge.fill.wanted import Wanted, understand
from edge.jobs.job import JobState
from edge.node import Node
from edge.sandbox.problems import MediaProblem
from transforms.problems import BadParameter


async def wanted(node: Node, rest: str) -> Wanted:
    return await node.filler.find(understand(f"/W142hJk/audio/{rest}"))


async def made(node: Node, rest: str) -> Standing:
    standing = await node.filler.obtain(await wanted(node, rest))
    return await node.filler.wait(standing, 60)


async def occupy(node: Node) -> None:
    """Take the one slot there is, which whoever looks for work holds now and then."""
    while not node.runner.take_slot():
        await asyncio.sleep(0.01)


async def test_what_is_wanted_is_made_once_and_then_found(node: Node) -> None:
    wish = await wanted(node, "note.wav?f=wav-riff")
    assert await node.filler.look(wish) is None

    standings = await asyncio.gather(*(node.filler.obtain(wish) for _ in range(50)))
    assert {standing.job.id for standing in standings} == {standings[0].job.id}
    done = await node.filler.wait(standings[0], 60)
    assert done.job.state is JobState.DONE
    assert done.receipt is not None
    assert [file.path for file in done.receipt.files] == ["/audio.wav"]
    assert (await node.filler.obtain(wish)) == done
    assert len((await node.records.ledger.entries("W142hJk"))[0]) == 1
    reader = await node.filler.open(wish, done.receipt.files[0])
    try:
        assert (await reader.read_at(0, 4)) == b"RIFF"
    finally:
        await reader.aclose()


async def test_an_artifact_that_is_gone_is_made_again_by_the_same_job(node: Node) -> None:
    first = await made(node, "note.wav?f=wav-riff")
    assert await node.filler.is_there(first.job)
    await node.artifacts.remove(first.wanted.key)
    assert not await node.filler.is_there(first.job)
    second = await made(node, "note.wav?f=wav-riff")

    assert (second.job.id, second.job.state) == (first.job.id, JobState.DONE)
    assert second.receipt is not None
    assert len((await node.records.ledger.entries("W142hJk"))[0]) == 1


async def test_a_cancelled_job_starts_afresh(node: Node) -> None:
    await occupy(node)
    first = await node.filler.obtain(await wanted(node, "note.wav?f=mp3"))
    assert first.job.state is JobState.QUEUED
    await node.records.jobs.cancel("W142hJk", first.job.id)
    node.runner.give_slot_back()
    second = await made(node, "note.wav?f=mp3")

    assert second.job.id != first.job.id
    assert second.job.state is JobState.DONE


async def test_broken_media_fails_once_and_stays_failed(node: Node) -> None:
    first = await made(node, "text.mp3?f=mp3")
    second = await made(node, "text.mp3?f=mp3")

    assert first.job.state is JobState.FAILED
    assert first.job.error_code == "unsupported_media"
    assert second.job == first.job


async def test_metadata_that_cannot_be_had_is_remembered(node: Node) -> None:
    wish = await wanted(node, "text.mp3?f=meta")
    for _ in range(2):
        with pytest.raises(MediaProblem) as refused:
            await node.filler.metadata(wish)
        assert refused.value.code == "unsupported_media"

    (job,) = (await node.records.jobs.list("W142hJk"))[0]
    assert (job.state, job.subject) == (JobState.FAILED, "/W142hJk/audio/text.mp3?f=meta")


async def test_a_plan_that_does_not_fit_its_source_leaves_no_trace(node: Node) -> None:
    with pytest.raises(BadParameter):
        await made(node, "note.wav?f=mp3&ts=5")

    assert (await node.records.jobs.list("W142hJk"))[0] == ()


async def test_nobody_waits_for_a_process_that_ends(node: Node) -> None:
    await occupy(node)
    standing = await node.filler.obtain(await wanted(node, "note.wav?f=mp3"))
    waiting = asyncio.create_task(node.filler.wait(standing, 600))
    await asyncio.sleep(0)
    node.filler.end_waits()

    assert (await waiting).job.state is JobState.QUEUED


async def test_a_source_that_changed_since_the_job_was_begun_fails_it(node: Node) -> None:
    await occupy(node)
    standing = await node.filler.obtain(await wanted(node, "note.wav?f=mp3"))
    assert node.settings.root is not None
    (node.settings.root / "note.wav").write_bytes((node.settings.root / "other.wav").read_bytes())
    node.runner.give_slot_back()
    settled = await node.filler.wait(standing, 60)

    assert (settled.job.state, settled.job.error_code) == (JobState.FAILED, "source_changed")
    assert (await made(node, "note.wav?f=mp3")).job.state is JobState.DONE
