"""Files described when they have come, and what is put in order behind everybody's back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from cache.source import read_whole
from edge.library.housekeeping import Housekeeper
from edge.library.library import MediaGone
from edge.library.media.media import Draft, Media, new_media_id
from edge.library.paths import PathWish
from edge.library.uploads.intake import Wish
from edge.node import Node, open_node
from edge.settings import Settings
from tests.support.media import make
from tests.support.synth import tone

ACCOUNT = "W142hJk"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    data: Path = tmp_path_factory.mktemp("keeping") / "data"
    async with open_node(Settings(data=data, workers=1)) as opened:
        yield opened


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def one(piece: bytes) -> AsyncIterator[bytes]:
    yield piece


def tagged() -> bytes:
    sound = tone(24_000, rate=8_000)
    return make("mp3", sound, rate=8_000, tags={"title": "Its own title"})


def wish(path: str, **more: object) -> Wish:
    return Wish(  # type: ignore[arg-type]
        path=PathWish(whole=path), size_bytes=1 << 20, overwrites=True, **more
    )


def blobs(node: Node) -> set[str]:
    """List the blobs that are kept."""
    root = node.settings.data / "files"
    return {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()}


async def keeper_in(node: Node, hours_later: int) -> Housekeeper:
    """Return a housekeeper some hours from now."""
    library = node.archive.library
    return Housekeeper(
        uploads=node.records.uploads,
        debris=library.debris,
        made_of=library.made_of,
        describer=library.describer,
        upload_hours=24 - hours_later,
    )


async def picture_of(node: Node, media: Media) -> bytes:
    source = await node.workshop.files.find(ACCOUNT, f"/thumbnails/{media.id}.jpg")
    assert source is not None
    reader = await node.workshop.files.open(ACCOUNT, source)
    try:
        return await read_whole(reader, 1 << 20)
    finally:
        await reader.aclose()


async def test_what_is_brought_is_described_at_once(node: Node) -> None:
    media = await node.archive.library.bring(ACCOUNT, wish("/a.mp3"), one(tagged()))

    assert (media.title, media.format, media.flaw) == ("Its own title", "mp3", None)
    assert media.duration_seconds == pytest.approx(3.0, abs=0.05)
    assert media.bitrate_bps is not None and media.bitrate_bps > 0
    assert media.thumbnail == f"thumbnails/{media.id}.jpg"
    assert (await picture_of(node, media)).startswith(b"\xff\xd8")


async def test_a_title_that_was_given_stays(node: Node) -> None:
    draft = Draft(title="Mine", public=False)
    media = await node.archive.library.bring(ACCOUNT, wish("/b.mp3", draft=draft), one(tagged()))

    assert (media.title, media.public) == ("Mine", False)
    source = await node.workshop.files.find(ACCOUNT, f"/thumbnails/{media.id}.jpg")
    assert source is not None and source.grants == ()


async def test_what_is_no_sound_says_why(node: Node) -> None:
    media = await node.archive.library.bring(
        ACCOUNT, wish("/c.mp3", original_name="holiday notes.mp3"), one(b"no sound" * 99)
    )

    assert media.flaw and media.described_ms is not None
    assert (media.title, media.thumbnail) == ("holiday notes", None)


async def test_a_file_in_the_place_of_another_gets_a_picture_of_its_own(node: Node) -> None:
    first = await node.archive.library.bring(ACCOUNT, wish("/d"), one(tagged()))
    flac = make("flac", tone(8_000, rate=8_000), rate=8_000)
    second = await node.archive.library.bring(ACCOUNT, wish("/d"), one(flac))

    assert (second.id, second.format) == (first.id, "flac")
    assert second.thumbnail != first.thumbnail
    assert first.thumbnail is not None and first.file is not None
    assert not {first.thumbnail, first.file.blob} & blobs(node)


async def test_what_was_deleted_meanwhile_is_gone(node: Node) -> None:
    library = node.archive.library
    entry = await library.intake.bring(ACCOUNT, wish("/e.mp3"), one(tagged()))
    await library.delete_file(ACCOUNT, "/e.mp3")

    with pytest.raises(MediaGone):
        await library.described(entry)


async def test_files_that_nobody_has_looked_at_are_described_in_a_round(node: Node) -> None:
    library = node.archive.library
    # As if the process had died before it could look.
    silent = replace(library.intake, brought=lambda _: None)
    entry = await silent.bring(ACCOUNT, wish("/f.mp3"), one(tagged()))
    known = await library.rows.get(ACCOUNT, entry.media)
    assert known is not None and known.described_ms is None

    await (await keeper_in(node, 0)).round()
    known = await library.rows.get(ACCOUNT, entry.media)
    assert known is not None and known.title == "Its own title"


async def test_an_import_that_was_no_sound_is_remembered_as_such(node: Node) -> None:
    library, tasks = node.archive.library, node.records.import_tasks
    url, media_id = "http://a.invalid/page.mp3", new_media_id()
    flawed = await library.bring(
        ACCOUNT, wish(f"/clips/{media_id}.mp3", media=media_id), one(b"no sound" * 99)
    )
    # As if the process had died before it could say so.
    await library.delete(ACCOUNT, media_id)
    kept = blobs(node)
    task = await tasks.submit(
        account=ACCOUNT, url=url, callback_url="http://a.invalid/", media=media_id, most=1
    )
    async with asyncio.timeout(60):
        while not task.state.settled:
            await asyncio.sleep(0.01)
            task = await tasks.get(ACCOUNT, task.id) or task

    assert task.error_message == f"The URL leads to no sound: {flawed.flaw}"
    assert blobs(node) == kept


async def test_uploads_that_nobody_finishes_are_given_up_with_their_bytes(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = node.archive.intake
    upload = await intake.begin(ACCOUNT, wish("/h.bin"), in_pieces=True)
    async with intake.receiving(one(b"half of it"), most_bytes=100) as received:
        await intake.keep(upload, 0, 0, received)
    part = next(name for name in blobs(node) if name.startswith(f"parts/{upload.id}/"))

    # What was left is cleared at once, and not after the minute that its owner has for it.
    monkeypatch.setattr("edge.library.debris.store._CLEARED_BY_ITSELF_MS", -1000)
    await (await keeper_in(node, 23)).round()
    assert part in blobs(node)
    await (await keeper_in(node, 25)).round()
    assert await node.records.uploads.get(upload.id) is None
    assert part not in blobs(node)
