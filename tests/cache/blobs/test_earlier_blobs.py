"""Blobs that have moved house."""

from pathlib import Path

import pytest

from cache.blobs import BlobMissing, Blobs
from cache.blobs.disk import DiskBlobs
from cache.blobs.earlier import WithEarlier


async def put(blobs: Blobs, tmp_path: Path, key: str, content: bytes) -> None:
    (tmp_path / "incoming").write_bytes(content)
    await blobs.put(key, tmp_path / "incoming")


async def content(blobs: Blobs, key: str) -> bytes:
    reader = await blobs.open(key)
    try:
        return await reader.read_at(0, reader.size_bytes)
    finally:
        await reader.aclose()


async def test_blobs_of_both_places_are_found_and_deleted(tmp_path: Path) -> None:
    now, before = DiskBlobs(tmp_path / "now"), DiskBlobs(tmp_path / "before")
    both = WithEarlier(now, before)
    for key in ("x/b", "x/d", "y"):
        await put(before, tmp_path, key, b"before")
    for key in ("x/a", "x/b", "x/c"):
        await put(both, tmp_path, key, b"now")

    listed = [blob.key async for blob in both.list("x/")]
    found = [await content(both, key) for key in ("x/a", "x/b", "x/d", "y")]
    await both.delete("x/b")
    deleted = await both.delete_prefix("x/")

    assert listed == ["x/a", "x/b", "x/c", "x/d"]
    assert found == [b"now", b"now", b"before", b"before"]
    assert deleted == 3
    assert [blob.key async for blob in both.list("")] == ["y"]
    with pytest.raises(BlobMissing):
        await both.open("x/b")
