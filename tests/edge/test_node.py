from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from edge.fill.wanted import understand
from edge.jobs.job import JobState
from edge.node import open_node
from edge.sandbox.pool import Sandbox
from edge.sandbox.problems import SandboxTooWeak
from edge.sandbox.wire import Walls
from edge.settings import Settings
from edge.web.health import Health
from tests.support.media import make
from tests.support.synth import tone


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    media = tmp_path / "media"
    media.mkdir()
    (media / "note.wav").write_bytes(make("wav-16", tone(16_000, rate=8_000), rate=8_000))
    return Settings(root=media, data=tmp_path / "data", workers=1)


def tasks() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}


async def test_a_closed_node_leaves_neither_tasks_nor_files_open(settings: Settings) -> None:
    async with open_node(settings):
        pass
    await asyncio.sleep(0)
    before, open_files = tasks(), set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        async with open_node(settings) as node:
            wish = await node.filler.find(understand("/W142hJk/audio/note.wav?f=mp3"))
            await node.filler.wait(await node.filler.obtain(wish), 60)
    await asyncio.sleep(0)

    assert tasks() == before
    assert len(os.listdir("/proc/self/fd")) <= len(open_files)
    assert list((settings.data / "owners").iterdir()) == []
    assert list((settings.data / "staging").iterdir()) == []


async def test_what_a_dead_owner_worked_on_is_taken_up_at_once(settings: Settings) -> None:
    async with open_node(settings) as node:
        wish = await node.filler.find(understand("/W142hJk/audio/note.wav?f=mp3"))
        job, _ = await node.records.jobs.submit(
            key=wish.key,
            account=wish.account,
            subject=wish.subject,
            priority=0,
            owner="dead",
        )
    (settings.data / "owners" / "dead").touch()

    async with open_node(settings) as node:
        standing = await node.filler.look(wish)
        assert standing is not None
        settled = await node.filler.wait(standing, 60)

    assert (settled.job.id, settled.job.state) == (job.id, JobState.DONE)
    assert settled.job.lost_leases == 0


async def test_what_a_living_owner_works_on_is_left_alone(settings: Settings) -> None:
    async with open_node(settings) as first:
        wish = await first.filler.find(understand("/W142hJk/audio/note.wav?f=mp3"))
        await first.records.jobs.submit(
            key=wish.key,
            account=wish.account,
            subject=wish.subject,
            priority=0,
            owner=first.runner.owner,
        )
        async with open_node(settings) as second:
            standing = await second.filler.look(wish)
            assert standing is not None
            assert (standing.job.state, standing.job.owner) == (
                JobState.RUNNING,
                first.runner.owner,
            )


async def test_a_data_folder_that_cannot_be_made_is_an_os_error(settings: Settings) -> None:
    settings.data.write_text("in the way")

    with pytest.raises(OSError, match="exists"):
        async with open_node(settings):
            pass


async def test_a_weak_sandbox_is_refused_only_by_those_who_insist(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = Walls(landlock=0, seccomp=True)
    monkeypatch.setattr(Sandbox, "walls", weak)

    async with open_node(settings) as node:
        health = await Health(node).told()
    assert health["sandbox"] == {"level": "partial", "landlock": 0, "seccomp": True}
    with pytest.raises(SandboxTooWeak, match="no Landlock in this kernel"):
        async with open_node(replace(settings, sandbox="full")):
            pass
    monkeypatch.setattr(Sandbox, "walls", Walls(landlock=7, seccomp=True))
    async with open_node(replace(settings, sandbox="full")):
        pass
