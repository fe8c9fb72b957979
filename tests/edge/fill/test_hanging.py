"""Files on which a render hangs until its time is up."""

from __future__ import annotations

import pytest

from edge.fill.wanted import understand
from edge.jobs.job import Job, JobState
from edge.node import Node
from edge.sandbox.problems import DeadlineExceeded
from transforms.plan import RenderReport


@pytest.fixture
def renders(node: Node, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let each render miss its deadline, and list how far it had come; it is told of half."""
    told: list[float] = []

    async def render(*arguments: object, on_progress, **more: object) -> RenderReport:
        on_progress(0.5)
        told.append(0.5)
        raise DeadlineExceeded(5)

    monkeypatch.setattr(node.runner._sandbox, "render", render)
    return told


async def tried(node: Node, query: str) -> Job:
    standing = await node.filler.obtain(
        await node.filler.find(understand(f"/W142hJk/audio/note.wav?{query}"))
    )
    job = (await node.filler.wait(standing, 60)).job
    assert job.state is JobState.FAILED
    return job


async def test_a_file_that_hangs_is_not_tried_by_every_url(
    node: Node, renders: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    # No headway for half of the time, which no test waits for.
    monkeypatch.setattr(node.runner, "_stuck_seconds", 0.0)
    jobs = [await tried(node, f"f=mp3&gain={gain}") for gain in range(4)]

    assert len(renders) == 2
    assert [job.error_code for job in jobs] == ["deadline_exceeded"] * 2 + ["worker_died"] * 2


async def test_long_work_is_no_fault_of_the_file(node: Node, renders: list[float]) -> None:
    jobs = [await tried(node, f"f=mp3&gain={gain}") for gain in range(4)]

    assert len(renders) == 4
    assert {job.error_code for job in jobs} == {"deadline_exceeded"}
