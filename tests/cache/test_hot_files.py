"""Whole files in the hot tier: moved in, opened by descriptor, and nobody else's."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cache.hot import HotFiles


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[HotFiles]:
    files = HotFiles(tmp_path / "hot", max_bytes=64 << 20)
    yield files
    await files.aclose()


async def take(files: HotFiles, tmp_path: Path, key: str, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    await files.take(key, tmp_path / "file", group=key.partition("/")[0])


async def content(files: HotFiles, key: str) -> bytes | None:
    reader = await files.open(key)
    if reader is None:
        return None
    try:
        return await reader.read_at(0, reader.size_bytes)
    finally:
        await reader.aclose()


async def test_a_file_is_moved_in_and_opened(files: HotFiles, tmp_path: Path) -> None:
    await take(files, tmp_path, "a/1", b"x")

    assert [await content(files, key) for key in ("a/1", "a/2")] == [b"x", None]
    assert not (tmp_path / "file").exists()


async def test_a_file_that_is_too_long_is_not_kept(files: HotFiles, tmp_path: Path) -> None:
    await take(files, tmp_path, "a/1", bytes((2 << 20) + 1))

    assert await content(files, "a/1") is None
    assert not (tmp_path / "file").exists()


async def test_a_group_is_dropped_together(files: HotFiles, tmp_path: Path) -> None:
    for key in ("a/1", "a/2", "b/1"):
        await take(files, tmp_path, key, key.encode())
    await files.drop_group("a")

    assert [await content(files, key) for key in ("a/1", "a/2", "b/1")] == [None, None, b"b/1"]
    assert len(list((tmp_path / "hot").rglob("*.val"))) == 1


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "00/../../secret"])
async def test_a_planted_file_name_is_not_opened(
    files: HotFiles, tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    await take(files, tmp_path, "a/1", b"x")
    database = sqlite3.connect(tmp_path / "hot" / "cache.db")
    with database:
        database.execute("UPDATE Cache SET filename = ?", (name,))
    database.close()

    assert await content(files, "a/1") is None
    assert (tmp_path / "secret").read_bytes() == b"secret"


async def test_a_planted_link_is_not_followed(files: HotFiles, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    await take(files, tmp_path, "a/1", b"x")
    (kept,) = (tmp_path / "hot").rglob("*.val")
    kept.unlink()
    kept.symlink_to(tmp_path / "secret")

    assert await content(files, "a/1") is None


async def test_bytes_are_not_opened_as_files(files: HotFiles) -> None:
    await files.put("a/1", b"x")

    assert await content(files, "a/1") is None
