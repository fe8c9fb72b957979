"""What only the directory of blobs does."""

import errno
from pathlib import Path

import pytest

from cache.blobs.disk import DiskBlobs


async def test_directories_go_with_their_last_blob(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path / "blobs")
    for key in ("a/b/c", "a/d"):
        (tmp_path / "file").write_bytes(b"1")
        await blobs.put(key, tmp_path / "file")

    await blobs.delete("a/b/c")
    half = sorted(path.name for path in (tmp_path / "blobs").rglob("*"))
    await blobs.delete_prefix("a/")

    assert half == ["a", "d"]
    assert list((tmp_path / "blobs").iterdir()) == []


async def test_a_file_on_another_file_system_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = DiskBlobs(tmp_path / "blobs")
    source = tmp_path / "file"
    source.write_bytes(b"far away")
    replace = Path.replace

    def across(self: Path, target: Path) -> Path:
        if self == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", across)
    await blobs.put("a", source)

    assert (tmp_path / "blobs" / "a").read_bytes() == b"far away"
    assert not source.exists()
    assert [blob.key async for blob in blobs.list("")] == ["a"]


async def test_a_failed_put_leaves_the_old_blob(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path / "blobs")
    (tmp_path / "file").write_bytes(b"old")
    await blobs.put("a", tmp_path / "file")

    with pytest.raises(FileNotFoundError):
        await blobs.put("a", tmp_path / "nothing")

    assert (tmp_path / "blobs" / "a").read_bytes() == b"old"
