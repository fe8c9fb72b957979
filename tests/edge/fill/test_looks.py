from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cache.hot import HotCache
from cache.source import Reader, SourceObject
from edge.fill.looks import Looks
from edge.sandbox import wire
from edge.sandbox.problems import DeadlineExceeded, MediaProblem, WorkerDied, ZygoteLost
from edge.settings import Settings
from edge.stores import Buckets
from edge.workshop import Workshop, open_workshop
from tests.support.pictures import FRONT, mp3_with, picture, seen
from transforms.audio.file_formats import FileFormat
from transforms.audio.icons import icon

ACCOUNT = "W142hJk"


@pytest.fixture
async def workshop(settings: Settings) -> AsyncIterator[Workshop]:
    hot = HotCache(settings.data / "hot")
    async with open_workshop(settings, hot, Buckets(settings)) as opened:
        yield opened
    await hot.aclose()


@pytest.fixture
def looks(workshop: Workshop) -> Looks:
    return workshop.looks


async def found(workshop: Workshop, path: str) -> SourceObject:
    source = await workshop.sounds.find(ACCOUNT, path)
    assert source is not None
    return source


async def test_a_cover_comes_out_of_the_sandbox_as_a_small_jpeg(
    settings: Settings, workshop: Workshop, looks: Looks
) -> None:
    assert settings.root is not None
    cover = picture("png", 1280, 1280, (200, 30, 40))
    (settings.root / "song.mp3").write_bytes(mp3_with((FRONT, cover), mime="image/png"))
    jpeg = await looks.thumbnail(ACCOUNT, await found(workshop, "/song.mp3"))

    assert seen(jpeg)[:2] == (640, 640)
    assert len(jpeg) <= wire.MAX_PICTURE_BYTES


async def test_a_file_without_a_cover_shows_its_format(workshop: Workshop, looks: Looks) -> None:
    assert await looks.thumbnail(ACCOUNT, await found(workshop, "/note.wav")) == icon(
        FileFormat.WAV
    )


async def test_what_is_no_media_is_refused(workshop: Workshop, looks: Looks) -> None:
    with pytest.raises(MediaProblem) as refusal:
        await looks.thumbnail(ACCOUNT, await found(workshop, "/text.mp3"))

    assert refusal.value.code == "unsupported_media"


@pytest.mark.parametrize("fate", [WorkerDied("killed"), DeadlineExceeded(30.0)])
async def test_a_cover_that_kills_its_worker_leaves_the_icon(
    workshop: Workshop, looks: Looks, monkeypatch: pytest.MonkeyPatch, fate: Exception
) -> None:
    really = workshop.sandbox.picture

    async def deadly(reader: Reader, *, cover: bool, deadline_seconds: float) -> bytes:
        if cover:
            raise fate
        return await really(reader, cover=cover, deadline_seconds=deadline_seconds)

    monkeypatch.setattr(workshop.sandbox, "picture", deadly)
    source = await found(workshop, "/note.wav")
    for _ in range(3):
        assert await looks.thumbnail(ACCOUNT, source) == icon(FileFormat.WAV)


async def test_a_file_that_always_kills_is_not_tried_for_ever(
    workshop: Workshop, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[bool] = []

    async def deadly(reader: Reader, *, cover: bool, deadline_seconds: float) -> bytes:
        tried.append(cover)
        raise WorkerDied("killed")

    monkeypatch.setattr(workshop.sandbox, "picture", deadly)
    source = await found(workshop, "/note.wav")
    for _ in range(2):
        with pytest.raises(WorkerDied):
            await looks.thumbnail(ACCOUNT, source)
    with pytest.raises(MediaProblem):
        await looks.thumbnail(ACCOUNT, source)

    assert tried == [True, False] * 2


async def test_a_lost_sandbox_is_not_the_files_fault(
    workshop: Workshop, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(reader: Reader, *, cover: bool, deadline_seconds: float) -> bytes:
        raise ZygoteLost

    monkeypatch.setattr(workshop.sandbox, "picture", lost)
    source = await found(workshop, "/note.wav")
    for _ in range(3):
        with pytest.raises(ZygoteLost):
            await looks.thumbnail(ACCOUNT, source)
