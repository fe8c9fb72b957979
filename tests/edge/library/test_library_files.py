from __future__ import annotations

from pathlib import Path

import pytest

from cache.origins.folder import Folder
from cache.origins.mounts import Mounts
from cache.source import SourceMissing
from edge.library.files import Files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "a.mp3").write_bytes(b"sound")
    return Files({"W142hJk": Mounts({"/": Folder(tmp_path, "/")})})


async def test_an_account_s_file_is_found_and_opened(files: Files) -> None:
    source = await files.find("W142hJk", "/a.mp3")

    assert source is not None
    assert (source.path, source.size_bytes) == ("/a.mp3", 5)
    reader = await files.open("W142hJk", source)
    assert await reader.read_at(0, 5) == b"sound"
    await reader.aclose()


async def test_another_account_has_no_files(files: Files) -> None:
    source = await files.find("W142hJk", "/a.mp3")
    assert source is not None

    assert await files.find("2222222", "/a.mp3") is None
    with pytest.raises(SourceMissing):
        await files.open("2222222", source)


@pytest.mark.parametrize("path", ["/b.mp3", "/../a.mp3", "/a.mp3/", "/", "a.mp3", "/.a.mp3"])
async def test_what_is_not_there_is_missing(files: Files, path: str) -> None:
    assert await files.find("W142hJk", path) is None
