from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from cache.hot import HotCache
from cache.source import Reader, SourceObject
from edge.fill.tempos import Tempos
from edge.sandbox.problems import MediaProblem, WorkerDied
from edge.settings import Settings
from edge.stores import Buckets
from edge.workshop import Workshop, open_workshop
from tests.support.drums import loop
from tests.support.media import make
from transforms.audio.tempo import Tempo

ACCOUNT = "W142hJk"


@pytest.fixture
async def workshop(settings: Settings) -> AsyncIterator[Workshop]:
    assert settings.root is not None
    beat = make("mp3", loop("rock", 112.5, rate=44_100, seconds=10), rate=44_100)
    (settings.root / "beat.mp3").write_bytes(beat)
    hot = HotCache(settings.data / "hot")
    async with open_workshop(settings, hot, Buckets(settings)) as opened:
        yield opened
    await hot.aclose()


@pytest.fixture
def tempos(workshop: Workshop) -> Tempos:
    return workshop.tempos


async def found(workshop: Workshop, path: str) -> SourceObject:
    source = await workshop.sounds.find(ACCOUNT, path)
    assert source is not None
    return source


async def test_a_beat_is_found_once_and_remembered(
    workshop: Workshop, tempos: Tempos, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    really = workshop.sandbox.tempo

    async def counted(reader: Reader, *, track: int, deadline_seconds: float) -> Tempo | None:
        calls.append(track)
        return await really(reader, track=track, deadline_seconds=deadline_seconds)

    monkeypatch.setattr(workshop.sandbox, "tempo", counted)
    source = await found(workshop, "/beat.mp3")
    both = await asyncio.gather(tempos.bpm(ACCOUNT, source), tempos.bpm(ACCOUNT, source))
    later = await tempos.bpm(ACCOUNT, source)

    assert later is not None
    assert later.bpm == pytest.approx(112.5, abs=0.5)
    assert list(both) == [later, later]
    assert calls == [1]


async def test_a_tone_has_none_and_that_is_remembered_too(
    workshop: Workshop, tempos: Tempos, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await found(workshop, "/note.wav")

    assert await tempos.bpm(ACCOUNT, source) is None
    monkeypatch.setattr(workshop.sandbox, "tempo", None)
    assert await tempos.bpm(ACCOUNT, source) is None


async def test_what_is_no_sound_is_refused(workshop: Workshop, tempos: Tempos) -> None:
    with pytest.raises(MediaProblem) as refusal:
        await tempos.bpm(ACCOUNT, await found(workshop, "/text.mp3"))

    assert refusal.value.code == "unsupported_media"


async def test_a_file_that_kills_workers_is_not_tried_for_ever(
    workshop: Workshop, tempos: Tempos, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deadly(reader: Reader, *, track: int, deadline_seconds: float) -> Tempo | None:
        raise WorkerDied("killed")

    monkeypatch.setattr(workshop.sandbox, "tempo", deadly)
    source = await found(workshop, "/note.wav")
    for _ in range(2):
        with pytest.raises(WorkerDied):
            await tempos.bpm(ACCOUNT, source)

    with pytest.raises(MediaProblem):
        await tempos.bpm(ACCOUNT, source)
