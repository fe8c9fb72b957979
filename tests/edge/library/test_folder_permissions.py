"""What everybody may have of the files in a folder."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from cache.source import EVERYTHING
from edge.accounts.permissions import Reach
from edge.library.catalogue.store import Catalogue
from edge.library.folders.folder import Grant, Permissions
from edge.library.folders.store import Folders
from edge.library.media.media import Change, Draft
from edge.library.media.store import MediaRows
from tests.edge.library.test_media_rows import bring

ACCOUNT = "W142hJk"


def grant(reach: str, *downloads: str) -> Grant:
    return Grant(reach=Reach(reach), downloads=downloads)


@pytest.mark.parametrize(
    ("folders", "path", "granted"),
    [
        ({}, "/a/b.mp3", EVERYTHING),
        ({"/a": ()}, "/a/b.mp3", ()),
        ({"/a": ()}, "/ab/c.mp3", EVERYTHING),
        ({"/": ()}, "/b.mp3", ()),
        ({"/": (grant("Children", "*"),)}, "/b.mp3", ("*",)),
        ({"/": (grant("Children", "*"),)}, "/a/b.mp3", ()),
        ({"/": (grant("Grandchildren+", "*"),)}, "/a/b.mp3", ("*",)),
        ({"/": (grant("Grandchildren+", "*"),)}, "/b.mp3", ()),
        # The nearest folder decides, by itself.
        ({"/": (grant("Grandchildren+", "*"),), "/a": ()}, "/a/b.mp3", ()),
        ({"/": (), "/a/b": (grant("Children", "audio"),)}, "/a/b/c.mp3", ("audio",)),
        (
            {"/a": (grant("Children", "audio"), grant("Children", "raw", "audio"))},
            "/a/b.mp3",
            ("audio", "raw"),
        ),
        # A folder's grant for itself says nothing of what is in it.
        ({"/a": (grant("This", "*"),)}, "/a/b.mp3", ()),
    ],
)
def test_the_nearest_folder_decides(
    folders: dict[str, tuple[Grant, ...]], path: str, granted: tuple[str, ...]
) -> None:
    assert Permissions(folders).grants(path) == granted


async def test_a_file_is_as_public_as_its_folder_unless_it_says_otherwise(
    records: AsyncEngine,
) -> None:
    folders, catalogue, rows = Folders(records), Catalogue(records), MediaRows(records)
    entry = await bring(records, "/shut/a.mp3", Draft(title="a"))
    await folders.make(ACCOUNT, "/shut", description=None, permissions=())

    async def granted() -> tuple[str, ...]:
        found = await catalogue.find(ACCOUNT, "/shut/a.mp3")
        assert found is not None and found.source.grants == found.grants
        return found.grants

    assert await granted() == ()
    await rows.change(ACCOUNT, entry.media, Change(public=True))
    assert await granted() == EVERYTHING
    await rows.change(ACCOUNT, entry.media, Change(public=False))
    await folders.make(ACCOUNT, "/shut", description=None, permissions=None)
    assert await granted() == ()
    media = await rows.get(ACCOUNT, entry.media)
    assert media is not None and media.file is not None and media.file.grants == ()


async def test_the_outermost_folder_has_settings_too(records: AsyncEngine) -> None:
    folders, catalogue = Folders(records), Catalogue(records)
    await folders.make(ACCOUNT, "/", description="all", permissions=())
    await bring(records, "/a.mp3")

    found = await catalogue.find(ACCOUNT, "/a.mp3")
    assert found is not None and found.grants == ()
    page = await catalogue.list(ACCOUNT, "/")
    assert ([each.path for each in page.folders], len(page.files)) == ([], 1)
    # It is there without its settings as well.
    assert await folders.unmake(ACCOUNT, "/")
    assert (await folders.get(ACCOUNT, "/")) is not None
    found = await catalogue.find(ACCOUNT, "/a.mp3")
    assert found is not None and found.grants == EVERYTHING


@pytest.mark.parametrize("mounted", [True, False])
async def test_what_deletion_leaves_in_a_folder_stays_as_private_as_it_was(
    records: AsyncEngine, mounted: bool
) -> None:
    folders = Folders(records, mounted=[ACCOUNT] if mounted else [])
    await folders.make(ACCOUNT, "/shut/deep", description="mine", permissions=())
    assert await folders.unmake(ACCOUNT, "/shut/deep")

    granted = (await folders.permissions(ACCOUNT)).grants("/shut/deep/a.mp3")
    assert granted == (() if mounted else EVERYTHING)
    left = await folders.get(ACCOUNT, "/shut/deep")
    assert (left is not None) is mounted
