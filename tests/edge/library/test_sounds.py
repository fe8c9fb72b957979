from __future__ import annotations

from pathlib import Path

import pytest

from cache.origins.folder import Folder
from cache.origins.joined import JoinedReader
from cache.origins.mounts import Mounts
from cache.source import Reader, SourceChanged, SourceObject
from edge.library.files import Files
from edge.library.sounds import Sounds
from transforms.problems import UnsupportedMedia

ACCOUNT = "W142hJk"
MEDIA = "#EXTM3U\n#EXTINF:1,\n0.ts\n#EXTINF:1,\n1.ts\n#EXT-X-ENDLIST\n"


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sounds(tmp_path: Path, clock: Clock) -> Sounds:
    folder = tmp_path / "show"
    folder.mkdir()
    (folder / "a.m3u8").write_text(MEDIA)
    (folder / "0.ts").write_bytes(b"first ")
    (folder / "1.ts").write_bytes(b"second")
    (folder / "all.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n")
    (folder / "nested.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nall.m3u8\n")
    return Sounds(Files({ACCOUNT: Mounts({"/": Folder(tmp_path, "/")})}), clock=clock)


async def found(sounds: Sounds, name: str = "a.m3u8") -> SourceObject:
    source = await sounds.find(ACCOUNT, f"/show/{name}")
    assert source is not None
    return source


async def content(sounds: Sounds, source: SourceObject) -> bytes:
    reader = await sounds.open(ACCOUNT, source)
    try:
        return await reader.read_at(0, reader.size_bytes)
    finally:
        await reader.aclose()


@pytest.mark.parametrize("name", ["a.m3u8", "all.m3u8"])
async def test_a_stream_is_one_source(sounds: Sounds, name: str) -> None:
    source = await found(sounds, name)

    assert (source.path, source.size_bytes) == (f"/show/{name}", 12)
    assert await content(sounds, source) == b"first second"


async def test_other_files_are_what_they_are(sounds: Sounds) -> None:
    assert await content(sounds, await found(sounds, "0.ts")) == b"first "
    assert await sounds.find(ACCOUNT, "/show/none.m3u8") is None


async def test_a_replaced_segment_is_another_version(
    sounds: Sounds, tmp_path: Path, clock: Clock
) -> None:
    before = await found(sounds)
    (tmp_path / "show" / "1.ts").write_bytes(b"third!")

    # What was found is believed for a while, but never read in another version.
    assert await found(sounds) == before
    with pytest.raises(SourceChanged):
        await content(sounds, before)
    clock.seconds += 61
    after = await found(sounds)

    assert after.version != before.version
    assert await content(sounds, after) == b"first third!"
    with pytest.raises(SourceChanged):
        await sounds.open(ACCOUNT, before)


async def test_a_replaced_playlist_is_noticed_at_once(sounds: Sounds, tmp_path: Path) -> None:
    before = await found(sounds)
    (tmp_path / "show" / "a.m3u8").write_text(MEDIA.replace("0.ts", "1.ts"))
    after = await found(sounds)

    assert after.version != before.version
    assert await content(sounds, after) == b"secondsecond"
    (tmp_path / "show" / "a.m3u8").unlink()
    with pytest.raises(SourceChanged):
        await sounds.open(ACCOUNT, after)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("nested.m3u8", None, "leads to another multivariant playlist"),
        ("x.m3u8", MEDIA.replace("1.ts", "2.ts"), "names /show/2.ts, which does not exist"),
        ("x.m3u8", MEDIA.replace("1.ts", ".ts"), "names /show/.ts, which does not exist"),
        (
            "x.m3u8",
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nb.m3u8\n",
            "names /show/b.m3u8, which does not exist",
        ),
        (
            "x.m3u8",
            MEDIA.replace("#EXTINF:1,\n0", "#EXT-X-BYTERANGE:9@1\n#EXTINF:1,\n0"),
            "bytes of /show/0.ts that lie past its end",
        ),
        ("x.m3u8", "#EXTM3U\n" + " " * (8 << 20), "larger than 8388608 bytes"),
    ],
)
async def test_streams_that_are_not_there_are_refused(
    sounds: Sounds, tmp_path: Path, name: str, text: str | None, told: str
) -> None:
    if text is not None:
        (tmp_path / "show" / name).write_text(text)

    with pytest.raises(UnsupportedMedia, match=told) as caught:
        await found(sounds, name)
    assert caught.value.code == "bad_playlist"


async def test_where_a_stream_begins_anew_is_told_to_whoever_reads_it(
    sounds: Sounds, tmp_path: Path
) -> None:
    plain = await found(sounds)
    (tmp_path / "show" / "a.m3u8").write_text(
        MEDIA.replace("#EXTINF:1,\n1", "#EXT-X-DISCONTINUITY\n#EXTINF:1,\n1")
    )
    broken = await found(sounds)
    reader = await sounds.open(ACCOUNT, broken)
    await reader.aclose()

    assert isinstance(reader, JoinedReader)
    assert reader.starts == (6,)
    assert broken.version != plain.version


class Counted(Files):
    """A folder of which it is counted what is looked for, and what is opened."""

    found = 0
    opened = 0

    async def find(self, account: str, path: str, query: str = "") -> SourceObject | None:
        self.found += 1
        return await super().find(account, path, query)

    async def open(self, account: str, source: SourceObject) -> Reader:
        self.opened += 1
        return await super().open(account, source)


async def test_a_file_without_queries_is_found_once_whatever_they_are(tmp_path: Path) -> None:
    files = Counted({ACCOUNT: Mounts({"/": Folder(tmp_path, "/")})})
    sounds = Sounds(files)
    (tmp_path / "0.ts").write_bytes(b"sound ")
    names = "".join(f"#EXTINF:1,\n0.ts?{number or ''}\n" for number in range(100))
    (tmp_path / "a.m3u8").write_text(f"#EXTM3U\n{names}#EXT-X-ENDLIST\n")

    source = await sounds.find(ACCOUNT, "/a.m3u8")

    assert source is not None
    assert await content(sounds, source) == b"sound " * 100
    # The playlist when it is found and when it is opened, and the file.
    assert files.found == 3


async def test_what_a_stream_lacks_is_looked_for_again_after_a_while(
    tmp_path: Path, clock: Clock
) -> None:
    files = Counted({ACCOUNT: Mounts({"/": Folder(tmp_path, "/")})})
    sounds = Sounds(files, clock=clock)
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXTINF:1,\n0.ts\n#EXT-X-ENDLIST\n")
    for _ in range(3):
        with pytest.raises(UnsupportedMedia, match=r"/0\.ts, which does not exist"):
            await sounds.find(ACCOUNT, "/a.m3u8")

    assert files.opened == 1
    (tmp_path / "0.ts").write_bytes(b"sound")
    clock.seconds += 5
    assert await sounds.find(ACCOUNT, "/a.m3u8") is not None


async def test_a_refused_playlist_is_not_read_again_before_it_is_replaced(tmp_path: Path) -> None:
    files = Counted({ACCOUNT: Mounts({"/": Folder(tmp_path, "/")})})
    sounds = Sounds(files)
    (tmp_path / "0.ts").write_bytes(b"sound")
    path = tmp_path / "a.m3u8"
    path.write_text("#EXTM3U\n#EXTINF:1,\n0.ts\n")
    for _ in range(3):
        with pytest.raises(UnsupportedMedia, match="no EXT-X-ENDLIST"):
            await sounds.find(ACCOUNT, "/a.m3u8")

    assert files.opened == 1
    path.write_text("#EXTM3U\n#EXTINF:1,\n0.ts\n#EXT-X-ENDLIST\n")
    assert await sounds.find(ACCOUNT, "/a.m3u8") is not None
    assert files.opened == 2
