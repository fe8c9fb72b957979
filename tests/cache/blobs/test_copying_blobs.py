"""Blobs copied from one store to another."""

from pathlib import Path

import pytest

from cache.blobs.copying import BlobCopy, copy_blobs
from cache.blobs.disk import DiskBlobs


@pytest.mark.parametrize(
    ("removing", "left", "removed"), [(False, ["a", "b", "c"], 0), (True, ["a", "b"], 1)]
)
async def test_what_the_source_has_not_is_removed_only_if_so_wanted(
    tmp_path: Path, removing: bool, left: list[str], removed: int
) -> None:
    for name in ("here/a", "here/b", "there/c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"bytes")
    there = DiskBlobs(tmp_path / "there")
    done = await copy_blobs(
        DiskBlobs(tmp_path / "here"), there, "", staging=tmp_path, removing=removing
    )

    assert done == BlobCopy(kept=0, copied=2, copied_bytes=10, removed=removed)
    assert [blob.key async for blob in there.list("")] == left
