"""A local folder as an origin."""

import os
from pathlib import Path

import pytest

from cache.origins.folder import Folder
from cache.source import SourceChanged, SourceMissing, SourceObject, SourceUnreachable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "media"
    (root / "music").mkdir(parents=True)
    (tmp_path / "secret.mp3").write_bytes(b"secret")
    return root


async def read(folder: Folder, path: str) -> bytes:
    source = await folder.find(path)
    assert source is not None
    reader = await folder.open(source)
    try:
        return await reader.read_at(0, reader.size_bytes)
    finally:
        await reader.aclose()


async def test_a_file_is_described_by_what_is_on_disk(root: Path) -> None:
    file = root / "music" / "a b.mp3"
    file.write_bytes(b"12345")
    os.utime(file, ns=(0, 1_700_000_000_123_456_789))

    found = await Folder(root, "/ext").find("/music/a b.mp3")

    assert found == SourceObject(
        path="/ext/music/a b.mp3",
        mount="/ext",
        version=f"{1_700_000_000_123_456_789:x}-5-{file.stat().st_ino:x}",
        size_bytes=5,
        modified_ms=1_700_000_000_123,
    )


@pytest.mark.parametrize("name", ["a b.mp3", "Größe.mp3", "①②⑦.mp3", "a%2Fb.mp3", "音楽 😀.flac"])
async def test_any_name_is_served_as_it_is_spelled(root: Path, name: str) -> None:
    (root / "music" / name).write_bytes(name.encode())

    assert await read(Folder(root, "/"), f"/music/{name}") == name.encode()


@pytest.mark.parametrize(
    "path",
    [
        "/music",
        "/music/",
        "/",
        "",
        "music/a.mp3",
        "/nothing.mp3",
        "/music/a.mp3/b",
        "/../secret.mp3",
        "/music/../../secret.mp3",
        "//secret.mp3",
        "/music/./a.mp3",
        "/music/a.mp3\0.txt",
        "/music\\a.mp3",
        "/music/\udcff.mp3",
        "/" + "x" * 300,
        "/" + "x/" * 3000 + "x",
        "/.hidden.mp3",
        "/.git/config",
    ],
)
async def test_everything_else_is_missing(root: Path, path: str) -> None:
    (root / "music" / "a.mp3").write_bytes(b"a")
    (root / ".hidden.mp3").write_bytes(b"hidden")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_bytes(b"hidden")

    assert await Folder(root, "/").find(path) is None


async def test_fifos_and_devices_are_missing_and_do_not_hang(root: Path) -> None:
    os.mkfifo(root / "fifo.mp3")
    (root / "null.mp3").symlink_to("/dev/null")

    folder = Folder(root, "/")

    assert [await folder.find("/fifo.mp3"), await folder.find("/null.mp3")] == [None, None]


async def test_links_are_followed_only_inside(root: Path, tmp_path: Path) -> None:
    (root / "music" / "a.mp3").write_bytes(b"inside")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "h.mp3").write_bytes(b"hidden")
    (root / "relative.mp3").symlink_to("music/a.mp3")
    (root / "absolute.mp3").symlink_to(root / "music" / "a.mp3")
    (root / "out.mp3").symlink_to("../secret.mp3")
    (root / "away").symlink_to(tmp_path)
    (root / "loop.mp3").symlink_to("loop.mp3")
    (root / "dangling.mp3").symlink_to("nothing.mp3")
    (root / "shown.mp3").symlink_to(".hidden/h.mp3")
    folder = Folder(root, "/")

    inside = [await read(folder, "/relative.mp3"), await read(folder, "/absolute.mp3")]
    outside = [
        await folder.find(path)
        for path in ("/out.mp3", "/away/secret.mp3", "/loop.mp3", "/dangling.mp3", "/shown.mp3")
    ]

    assert inside == [b"inside", b"inside"]
    assert outside == [None] * 5


async def test_a_sibling_whose_name_begins_like_the_root_is_outside(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "media-private").mkdir()
    (tmp_path / "media-private" / "p.mp3").write_bytes(b"private")
    (root / "p.mp3").symlink_to(tmp_path / "media-private" / "p.mp3")

    assert await Folder(root, "/").find("/p.mp3") is None


async def test_a_root_that_is_a_link_may_be_switched(root: Path, tmp_path: Path) -> None:
    (root / "a.mp3").write_bytes(b"old")
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "a.mp3").write_bytes(b"new")
    current = tmp_path / "current"
    current.symlink_to(root)
    folder = Folder(current, "/")

    before = await read(folder, "/a.mp3")
    current.unlink()
    current.symlink_to(newer)

    assert [before, await read(folder, "/a.mp3")] == [b"old", b"new"]


async def test_a_lost_root_is_not_a_folder_of_missing_files(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable):
        await Folder(tmp_path / "unmounted", "/").find("/a.mp3")


async def test_a_replaced_file_is_another_version_at_once(root: Path) -> None:
    file = root / "a.mp3"
    file.write_bytes(b"old")
    folder = Folder(root, "/")
    old = await folder.find("/a.mp3")
    assert old is not None

    (root / "b").write_bytes(b"new")
    (root / "b").replace(file)
    new = await folder.find("/a.mp3")

    assert new is not None
    assert old.etag != new.etag
    with pytest.raises(SourceChanged):
        await folder.open(old)


async def test_a_reader_keeps_the_version_it_was_opened_for(root: Path) -> None:
    file = root / "a.mp3"
    file.write_bytes(b"old")
    folder = Folder(root, "/")
    old = await folder.find("/a.mp3")
    assert old is not None
    reader = await folder.open(old)

    (root / "b").write_bytes(b"new")
    (root / "b").replace(file)
    content = await reader.read_at(0, 3)
    await reader.aclose()

    assert content == b"old"


async def test_a_file_swapped_for_a_way_out_is_missing(root: Path) -> None:
    file = root / "a.mp3"
    file.write_bytes(b"old")
    folder = Folder(root, "/")
    old = await folder.find("/a.mp3")
    assert old is not None

    file.unlink()
    file.symlink_to("../secret.mp3")

    with pytest.raises(SourceMissing):
        await folder.open(old)
