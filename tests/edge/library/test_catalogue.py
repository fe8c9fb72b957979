"""What is in which folder."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import Catalogue, add
from edge.library.folders.store import Folders
from edge.library.media.media import Draft, new_media_id
from edge.library.media.store import MediaRows
from edge.records.engine import writing

ACCOUNT = "W142hJk"
DRAFT = Draft(tags=("a", "ü"), metadata={"n": 1, "deep": {"er": [True, None]}})


async def put(records: AsyncEngine, *paths: str) -> None:
    for path in paths:
        entry = FileEntry(
            account=ACCOUNT,
            path=path,
            blob=f"audio{path}",
            size_bytes=3,
            digest="0" * 64,
            mime="audio/mpeg",
            media=new_media_id(),
            created_ms=1,
            modified_ms=2,
        )
        async with writing(records) as connection:
            await add(connection, entry, draft=DRAFT, overwrites=True)


async def listed(catalogue: Catalogue, folder: str, limit: int = 50) -> list[str]:
    """List a folder page by page."""
    found: list[str] = []
    cursor = None
    while True:
        page = await catalogue.list(ACCOUNT, folder, cursor=cursor, limit=limit)
        paths = [each.path for each in (*page.files, *page.folders)]
        assert len(paths) <= limit
        found += sorted(paths)
        if page.cursor is None:
            return found
        cursor = page.cursor


async def test_what_is_put_is_found_as_it_was(records: AsyncEngine, catalogue: Catalogue) -> None:
    await put(records, "/a/b.mp3")

    entry = await catalogue.find(ACCOUNT, "/a/b.mp3")
    assert entry is not None
    media = await MediaRows(records).get(ACCOUNT, entry.media)
    assert media is not None
    assert (media.tags, media.metadata, media.file) == (DRAFT.tags, DRAFT.metadata, entry)
    assert entry.folder == "/a"
    assert await catalogue.find(ACCOUNT, "/a/B.mp3") is None
    assert await catalogue.stored_bytes(ACCOUNT) == 3


@pytest.mark.parametrize("limit", [1, 2, 50])
async def test_a_folder_lists_what_is_directly_in_it(
    records: AsyncEngine, catalogue: Catalogue, limit: int
) -> None:
    await put(records, "/z.mp3", "/a/b/c.mp3", "/a/b/d.mp3", "/a/e.mp3", "/a%/f.mp3", "/ab/g.mp3")

    assert await listed(catalogue, "/", limit) == ["/a", "/a%", "/ab", "/z.mp3"]
    assert await listed(catalogue, "/a", limit) == ["/a/b", "/a/e.mp3"]
    assert await listed(catalogue, "/a/b", limit) == ["/a/b/c.mp3", "/a/b/d.mp3"]
    assert await listed(catalogue, "/no", limit) == []


async def test_a_folder_lists_what_is_below_it_if_asked(
    records: AsyncEngine, catalogue: Catalogue
) -> None:
    await put(records, "/a/b/c.mp3", "/a/e.mp3", "/ab.mp3", "/%/d.mp3")

    async def below(folder: str) -> list[str]:
        page = await catalogue.list(ACCOUNT, folder, recursive=True)
        return sorted(each.path for each in (*page.files, *page.folders))

    assert await below("/a") == ["/a/b", "/a/b/c.mp3", "/a/e.mp3"]
    assert await below("/%") == ["/%/d.mp3"]
    assert len(await below("/")) == 7


async def test_folders_come_and_go_with_what_is_in_them(
    records: AsyncEngine, catalogue: Catalogue
) -> None:
    folders = Folders(records)
    await put(records, "/a/b/c.mp3", "/a/b/d.mp3", "/a/e.mp3")

    assert await catalogue.remove(ACCOUNT, "/a/b/c.mp3") is not None
    assert await folders.get(ACCOUNT, "/a/b") is not None
    await catalogue.remove(ACCOUNT, "/a/b/d.mp3")
    assert await folders.get(ACCOUNT, "/a/b") is None
    assert await folders.get(ACCOUNT, "/a") is not None
    await catalogue.remove(ACCOUNT, "/a/e.mp3")
    assert await listed(catalogue, "/") == []
    assert await folders.get(ACCOUNT, "/") is not None
    assert await catalogue.remove(ACCOUNT, "/a/e.mp3") is None


async def test_a_folder_that_was_made_stays(records: AsyncEngine, catalogue: Catalogue) -> None:
    folders = Folders(records)
    made = await folders.make(ACCOUNT, "/a/b", description="mine", permissions=None)
    await put(records, "/a/b/c.mp3", "/a/d/e.mp3")
    await catalogue.remove(ACCOUNT, "/a/b/c.mp3")
    await catalogue.remove(ACCOUNT, "/a/d/e.mp3")

    assert await folders.get(ACCOUNT, "/a/b") == made
    assert await listed(catalogue, "/") == ["/a"]
    assert await listed(catalogue, "/a") == ["/a/b"]
