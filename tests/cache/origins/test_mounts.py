"""Origins joined into one tree."""

from pathlib import Path

import pytest

from cache.origins.folder import Folder
from cache.origins.mounts import Mounts
from cache.source import SourceMissing, SourceObject


@pytest.fixture
def mounts(tmp_path: Path) -> Mounts:
    for name in ("root", "ext", "deep"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.mp3").write_bytes(name.encode())
    (tmp_path / "root" / "extra").mkdir()
    (tmp_path / "root" / "extra" / "x.mp3").write_bytes(b"extra")
    (tmp_path / "root" / "ext").mkdir()
    (tmp_path / "root" / "ext" / "shadowed.mp3").write_bytes(b"shadowed")
    return Mounts(
        {
            "/": Folder(tmp_path / "root", "/"),
            "/ext": Folder(tmp_path / "ext", "/ext"),
            "/ext/deep": Folder(tmp_path / "deep", "/ext/deep"),
        }
    )


@pytest.mark.parametrize(
    ("path", "mount", "content"),
    [
        ("/x.mp3", "/", b"root"),
        ("/ext/x.mp3", "/ext", b"ext"),
        ("/extra/x.mp3", "/", b"extra"),
        ("/ext/deep/x.mp3", "/ext/deep", b"deep"),
    ],
)
async def test_the_longest_prefix_answers(
    mounts: Mounts, path: str, mount: str, content: bytes
) -> None:
    source = await mounts.find(path)
    assert source is not None
    reader = await mounts.open(source)
    read = await reader.read_at(0, 100)
    await reader.aclose()

    assert (source.path, source.mount, read) == (path, mount, content)


@pytest.mark.parametrize("path", ["/ext/shadowed.mp3", "/ext", "/ext/", "/nothing", "relative"])
async def test_a_mount_hides_what_lies_below_it(mounts: Mounts, path: str) -> None:
    assert await mounts.find(path) is None


async def test_without_a_root_the_rest_is_missing(tmp_path: Path) -> None:
    assert await Mounts({"/ext": Folder(tmp_path, "/ext")}).find("/a.mp3") is None


async def test_a_source_of_a_former_mount_is_missing(mounts: Mounts) -> None:
    source = SourceObject(path="/was/a", mount="/was", version="1", size_bytes=1, modified_ms=None)

    with pytest.raises(SourceMissing):
        await mounts.open(source)


@pytest.mark.parametrize("mount", ["", "ext", "/ext/", "//", "/a/../b"])
def test_odd_mounts_are_refused(tmp_path: Path, mount: str) -> None:
    with pytest.raises(ValueError, match="is no mount"):
        Mounts({mount: Folder(tmp_path, mount)})
