"""Playlists as sources, as those see them who may not see everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cache.origins.folder import Folder
from cache.origins.mounts import Mounts
from cache.source import SourceObject
from edge.library.access import ANYONE, Owner, SignedUrl, Viewer
from edge.library.files import Files
from edge.library.sounds import Sounds
from transforms.problems import UnsupportedMedia

ACCOUNT = "W142hJk"
OWNER = Owner(account=ACCOUNT)
SIGNED = SignedUrl(account=ACCOUNT, paths=frozenset({"/show/all.m3u8"}))


class HalfPrivate(Files):
    """A folder in which some files are private."""

    def __init__(self, folder: Path, *private: str) -> None:
        super().__init__({ACCOUNT: Mounts({"/": Folder(folder, "/")})})
        self.private = private

    async def find(self, account: str, path: str, query: str = "") -> SourceObject | None:
        file = await super().find(account, path, query)
        return replace(file, grants=()) if file is not None and path in self.private else file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    show = tmp_path / "show"
    show.mkdir()
    (show / "a.m3u8").write_text("#EXTM3U\n#EXTINF:1,\n0.ts\n#EXTINF:1,\n1.ts\n#EXT-X-ENDLIST\n")
    (show / "all.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n")
    for name in ("0.ts", "1.ts"):
        (show / name).write_bytes(b"sound")
    return tmp_path


async def find(sounds: Sounds, viewer: Viewer) -> SourceObject | None:
    return await sounds.seen_by(viewer).find(ACCOUNT, "/show/all.m3u8")


@pytest.mark.parametrize("private", ["/show/a.m3u8", "/show/1.ts"])
@pytest.mark.parametrize("known", [True, False])
async def test_a_public_playlist_shows_nothing_private(
    folder: Path, private: str, known: bool
) -> None:
    sounds = Sounds(HalfPrivate(folder, private))
    if known:
        assert await find(sounds, OWNER) is not None
    with pytest.raises(UnsupportedMedia, match=f"names {private}, which does not exist"):
        await find(sounds, ANYONE)
    for viewer in (OWNER, SIGNED):
        source = await find(sounds, viewer)
        assert source is not None
        # What is made of it is not everybody's either.
        assert not source.is_public_by("audio")
        assert source == await sounds.find(ACCOUNT, "/show/all.m3u8")


async def test_a_private_playlist_is_missing(folder: Path) -> None:
    sounds = Sounds(HalfPrivate(folder, "/show/all.m3u8"))

    assert await find(sounds, ANYONE) is None
    assert await find(sounds, OWNER) is not None
    assert await find(sounds, ANYONE) is None


async def test_what_is_all_public_is_the_same_for_all(folder: Path) -> None:
    sounds = Sounds(HalfPrivate(folder))
    source = await find(sounds, ANYONE)

    assert source is not None
    assert source.is_public_by("audio")
    assert source == await find(sounds, OWNER) == await sounds.find(ACCOUNT, "/show/all.m3u8")
