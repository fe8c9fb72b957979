"""What is known of files, and how it is found."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import Catalogue, add
from edge.library.media.media import Change, Description, Draft, Quality, new_media_id
from edge.library.media.store import MediaRows, Search, Sort
from edge.records.engine import writing
from edge.records.paging import BadCursor

ACCOUNT = "W142hJk"
OTHER = "X242hJk"

# "fine ABC" with a ligature and in the width of ideographs.
WIDE = "\ufb01ne \uff21\uff22\uff23"


@pytest.fixture
def rows(records: AsyncEngine) -> MediaRows:
    return MediaRows(records)


async def bring(
    records: AsyncEngine,
    path: str,
    draft: Draft | None = None,
    *,
    account: str = ACCOUNT,
    size_bytes: int = 3,
    mime: str = "audio/mpeg",
    blob: str | None = None,
) -> FileEntry:
    entry = FileEntry(
        account=account,
        path=path,
        blob=blob or f"audio/{new_media_id()}",
        size_bytes=size_bytes,
        digest="0" * 64,
        mime=mime,
        media=new_media_id(),
        created_ms=1,
        modified_ms=1,
    )
    async with writing(records) as connection:
        there, _ = await add(connection, entry, draft=draft or Draft(), overwrites=True)
    return there


async def titles(rows: MediaRows, search: Search, **how: object) -> list[str]:
    found, total = await rows.find(ACCOUNT, search, **how)  # type: ignore[arg-type]
    assert total >= len(found)
    return [media.title for media in found]


async def test_media_may_be_announced_before_their_file(
    records: AsyncEngine, rows: MediaRows
) -> None:
    quality = Quality(name="highest", protocol="hls", container="ts", bitrate_bps=320_000)
    draft = Draft(title="Talk", tags=("a",), metadata={"k": "v"}, qualities=(quality,))
    announced = await rows.announce(new_media_id(), ACCOUNT, draft)

    assert announced.file is None
    assert (announced.title, announced.tags, announced.qualities) == ("Talk", ("a",), (quality,))
    entry = FileEntry(
        account=ACCOUNT,
        path="/a.mp3",
        blob="audio/a",
        size_bytes=1,
        digest="0" * 64,
        mime="audio/mpeg",
        media=announced.id,
        created_ms=1,
        modified_ms=1,
    )
    async with writing(records) as connection:
        await add(connection, entry, draft=Draft(title="another"), overwrites=False)
    there = await rows.get(ACCOUNT, announced.id)
    assert there is not None and there.file is not None
    assert (there.title, there.file.path) == ("Talk", "/a.mp3")
    assert await rows.get(OTHER, announced.id) is None


async def test_words_are_found_whatever_their_case_or_width(
    records: AsyncEngine, rows: MediaRows
) -> None:
    await bring(records, "/1", Draft(title="STRASSE Élan"))
    await bring(records, "/2", Draft(title=WIDE, description="100% of_it"))
    await bring(records, "/3", Draft(title="Straße Elan"), account=OTHER)

    async def found(words: str) -> list[str]:
        return await titles(rows, Search(words=words))

    assert await found("straße é") == ["STRASSE Élan"]
    assert await found("FINE abc") == [WIDE]
    assert await found("100%") == [WIDE]
    # What has a meaning in a pattern is a character like any other.
    assert await found("%") == [WIDE]
    assert await found("o__it") == []
    assert await found("f_it") == [WIDE]


async def test_tags_and_pairs_are_found_whole(records: AsyncEngine, rows: MediaRows) -> None:
    await bring(records, "/1", Draft(title="one", tags=("Pod cast", "news"), metadata={"n": "1"}))
    await bring(records, "/2", Draft(title="two", tags=("podcasts",), metadata={"n": "12"}))
    await bring(records, "/3", Draft(title="three", metadata={"n": 12, "deep": {"a": [1]}}))

    assert await titles(rows, Search(tags=("pod  CAST",))) == ["one"]
    assert await titles(rows, Search(tags=("pod cast", "news"))) == ["one"]
    assert await titles(rows, Search(tags=("pod cast", "podcasts"))) == []
    assert await titles(rows, Search(pairs={"n": "1"})) == ["one"]
    assert sorted(await titles(rows, Search(pairs={"N": 12}))) == ["three", "two"]
    assert await titles(rows, Search(pairs={"deep": {"a": [1]}})) == ["three"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.TITLE, ["a", "B", "c"]),
        (Sort.SIZE, ["c", "a", "B"]),
        (Sort.CREATED, ["c", "B", "a"]),
    ],
)
async def test_lists_are_ordered_and_paged(
    records: AsyncEngine, rows: MediaRows, sort: Sort, expected: list[str]
) -> None:
    for title, size_bytes in (("c", 1), ("B", 9), ("a", 5)):
        await bring(records, f"/{title}", Draft(title=title), size_bytes=size_bytes)
    async with writing(records) as connection:
        # So fast that some have the same time.
        await connection.exec_driver_sql("UPDATE media SET created_ms = 1 WHERE title = 'c'")
        await connection.exec_driver_sql("UPDATE media SET created_ms = 2 WHERE title = 'B'")
        await connection.exec_driver_sql("UPDATE media SET created_ms = 3 WHERE title = 'a'")

    everything = Search()
    assert await titles(rows, everything, sort=sort, descending=False) == expected
    assert await titles(rows, everything, sort=sort) == expected[::-1]
    paged = [
        (await titles(rows, everything, sort=sort, descending=False, offset=at, limit=1))[0]
        for at in range(3)
    ]
    assert paged == expected
    _, total = await rows.find(ACCOUNT, everything, limit=1)
    assert total == 3


async def test_the_newest_come_page_by_page(records: AsyncEngine, rows: MediaRows) -> None:
    for number in range(5):
        await bring(records, f"/{number}", Draft(title=str(number)))
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = await rows.newest(ACCOUNT, Search(), cursor=cursor, limit=2)
        seen += [media.title for media in page]
        if cursor is None:
            break
    assert sorted(seen) == list("01234")
    with pytest.raises(BadCursor):
        await rows.newest(ACCOUNT, Search(), cursor="nonsense", limit=2)


async def test_what_is_no_sound_is_left_out_of_sounds(
    records: AsyncEngine, rows: MediaRows
) -> None:
    await bring(records, "/1", Draft(title="sound"))
    await bring(records, "/2", Draft(title="film"), mime="video/mp4")
    await bring(records, "/3", Draft(title="picture"), mime="image/jpeg")
    liar = await bring(records, "/4", Draft(title="liar"))
    named_wrongly = await bring(records, "/5", Draft(title="named wrongly"), mime="text/plain")
    await rows.describe(liar.media, liar.blob, Description(flaw="no audio"), title="liar")
    told = Description(duration_seconds=1.5, format="mp3")
    await rows.describe(named_wrongly.media, named_wrongly.blob, told, title="x")
    await rows.announce(new_media_id(), ACCOUNT, Draft(title="to come"))

    assert sorted(await titles(rows, Search())) == ["film", "named wrongly", "sound", "to come"]
    assert sorted(await titles(rows, Search(there=True))) == ["film", "named wrongly", "sound"]
    assert "picture" in await titles(rows, Search(sounds=False))


async def test_changes_leave_alone_what_they_do_not_name(
    records: AsyncEngine, rows: MediaRows
) -> None:
    entry = await bring(records, "/1", Draft(title="old", tags=("a",), metadata={"k": "v"}))

    assert await rows.change(ACCOUNT, entry.media, Change(title="new", public=False))
    media = await rows.get(ACCOUNT, entry.media)
    assert media is not None and media.file is not None
    assert (media.title, media.tags, media.metadata) == ("new", ("a",), {"k": "v"})
    assert (media.public, media.file.grants) == (False, ())
    assert media.updated_ms >= media.created_ms
    assert await titles(rows, Search(words="new", tags=("a",))) == ["new"]
    assert await rows.change(ACCOUNT, entry.media, Change(tags=()))
    assert await titles(rows, Search(tags=("a",))) == []
    assert not await rows.change(OTHER, entry.media, Change(title="stolen"))


async def test_a_description_is_of_the_file_that_was_looked_at(
    records: AsyncEngine, rows: MediaRows
) -> None:
    entry = await bring(records, "/1")
    told = Description(duration_seconds=12.345678, bitrate_bps=128_000, thumbnail="thumbnails/a")
    assert await rows.describe(entry.media, entry.blob, told, title="from its tags")
    media = await rows.get(ACCOUNT, entry.media)
    assert media is not None
    assert (media.title, media.duration_seconds) == ("from its tags", 12.345678)

    again = await bring(records, "/1", Draft(title="replaced"), blob="audio/second")
    assert again.media == entry.media
    media = await rows.get(ACCOUNT, entry.media)
    assert media is not None
    assert (media.title, media.duration_seconds, media.thumbnail) == ("replaced", None, None)
    assert not await rows.describe(entry.media, entry.blob, told, title="late")
    assert [media.id for media in await rows.undescribed(limit=9)] == [entry.media]


async def test_deleted_media_are_found_as_such_only(records: AsyncEngine, rows: MediaRows) -> None:
    entry = await bring(records, "/1", Draft(title="gone"))
    coming = await rows.announce(new_media_id(), ACCOUNT, Draft(title="never came"))
    removed = await Catalogue(records).remove(ACCOUNT, "/1")

    assert removed is not None and removed.debris == (entry.blob,)
    assert await rows.bury(ACCOUNT, coming.id)
    assert not await rows.bury(ACCOUNT, coming.id)
    assert await rows.get(ACCOUNT, entry.media) is None
    assert await titles(rows, Search()) == []
    assert sorted(await titles(rows, Search(deleted=True))) == ["gone", "never came"]
