"""Copies of a bucket's files on the local disk."""

import asyncio
import errno
import hashlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cache.blobs import BlobMissing
from cache.blobs.disk import DiskBlobs
from cache.files import FileReader
from cache.near import NearBlobs
from cache.source import Reader, StoreAway

FOLDER = "artifacts/0f/" + "0f" * 32 + "/"


class Far(DiskBlobs):
    """Blobs that are elsewhere: they give no descriptors, may be away, and count who asks."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened: list[str] = []
        self.away = False
        self.slow = asyncio.Event()
        self.slow.set()

    async def open(self, key: str) -> Reader:
        self.opened.append(key)
        await self.slow.wait()
        if self.away:
            raise StoreAway(key)
        return _Remote(await super().open(key))


class _Remote:
    def __init__(self, reader: FileReader) -> None:
        self._reader = reader
        self.size_bytes = reader.size_bytes
        self.read_at = reader.read_at
        self.aclose = reader.aclose

    def fileno(self) -> None:
        return None


@pytest.fixture
def far(tmp_path: Path) -> Far:
    return Far(tmp_path / "far")


@pytest.fixture
async def near(far: Far, tmp_path: Path) -> AsyncIterator[NearBlobs]:
    near = NearBlobs(far, tmp_path / "near", max_bytes=400 << 20)
    yield near
    await near.aclose()


def key_of(content: bytes) -> str:
    return f"{FOLDER}{hashlib.sha256(content).hexdigest()}.ts"


def incoming(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "incoming"
    path.write_bytes(content)
    return path


async def read(near: NearBlobs, key: str) -> tuple[bool, bytes]:
    """Tell whether a blob was near, and what is in it."""
    reader = await near.open(key)
    try:
        return reader.fileno() is not None, await reader.read_at(0, reader.size_bytes)
    finally:
        await reader.aclose()


async def settled(near: NearBlobs) -> None:
    await asyncio.gather(*near._tasks)


async def test_a_short_file_that_is_put_stays_near(
    near: NearBlobs, far: Far, tmp_path: Path
) -> None:
    key = key_of(b"segment")
    await near.put(key, incoming(tmp_path, b"segment"))
    far.away = True

    assert (await read(near, key), far.opened) == ((True, b"segment"), [])
    assert not (tmp_path / "incoming").exists()


async def test_a_short_file_comes_near_when_it_is_read(
    near: NearBlobs, far: Far, tmp_path: Path
) -> None:
    key = key_of(b"segment")
    await far.put(key, incoming(tmp_path, b"segment"))

    assert [await read(near, key), await read(near, key)] == [(True, b"segment")] * 2
    assert far.opened == [key]


async def test_all_who_miss_at_once_share_one_reading(
    near: NearBlobs, far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = key_of(b"segment")
    await far.put(key, incoming(tmp_path, b"segment"))
    reads = []
    read_at = FileReader.read_at

    async def counted(self: FileReader, offset: int, length: int) -> bytes:
        if "far" in Path(f"/proc/self/fd/{self.fileno()}").readlink().parts:
            reads.append(length)
            await asyncio.sleep(0.01)
        return await read_at(self, offset, length)

    monkeypatch.setattr(FileReader, "read_at", counted)
    found = await asyncio.gather(*(read(near, key) for _ in range(5)))

    assert (found, reads) == ([(True, b"segment")] * 5, [7])


async def test_receipts_and_notes_are_never_near(near: NearBlobs, far: Far, tmp_path: Path) -> None:
    for name in ("receipt.json", "growth.json"):
        await near.put(FOLDER + name, incoming(tmp_path, b"old"))
        await far.put(FOLDER + name, incoming(tmp_path, b"new"))

        assert await read(near, FOLDER + name) == (False, b"new")


async def test_a_long_file_comes_near_when_it_is_read_again(
    near: NearBlobs, far: Far, tmp_path: Path
) -> None:
    long = bytes(5 << 20)
    key = key_of(long)
    await near.put(key, incoming(tmp_path, long))
    first = await read(near, key)
    await settled(near)
    second = await read(near, key)
    await settled(near)
    far.away = True

    assert [first, second, await read(near, key)] == [(False, long), (False, long), (True, long)]


async def test_what_is_deleted_is_not_near_any_more(
    near: NearBlobs, far: Far, tmp_path: Path
) -> None:
    one, two = key_of(b"one"), key_of(b"two")
    for content in (b"one", b"two"):
        await near.put(key_of(content), incoming(tmp_path, content))

    await near.delete(one)
    deleted = await near.delete_prefix(FOLDER)

    assert deleted == 1
    for key in (one, two):
        with pytest.raises(BlobMissing):
            await near.open(key)


async def test_what_others_have_deleted_is_forgotten(
    near: NearBlobs, far: Far, tmp_path: Path
) -> None:
    key = key_of(b"segment")
    await near.put(key, incoming(tmp_path, b"segment"))
    await far.delete(key)

    near.forget(FOLDER)
    await settled(near)

    with pytest.raises(BlobMissing):
        await near.open(key)


async def test_what_is_deleted_on_its_way_here_does_not_stay(
    near: NearBlobs, far: Far, tmp_path: Path
) -> None:
    key = key_of(b"segment")
    await far.put(key, incoming(tmp_path, b"segment"))
    put = far.put

    async def deleted_meanwhile(key: str, path: Path) -> None:
        await put(key, path)
        await near.delete(key)

    far.put = deleted_meanwhile  # type: ignore[method-assign]
    await near.put(key, incoming(tmp_path, b"segment"))

    with pytest.raises(BlobMissing):
        await near.open(key)


async def test_an_eviction_disturbs_no_reader(far: Far, tmp_path: Path) -> None:
    near = NearBlobs(far, tmp_path / "small", max_bytes=4 << 20)
    contents = [bytes([number]) * 100_000 for number in range(80)]
    await near.put(key_of(contents[0]), incoming(tmp_path, contents[0]))
    reader = await near.open(key_of(contents[0]))
    name = Path(f"/proc/self/fd/{reader.fileno()}").readlink()
    for content in contents[1:]:
        await near.put(key_of(content), incoming(tmp_path, content))
    read = await reader.read_at(0, 100_000)
    await reader.aclose()
    kept = sum(path.stat().st_size for path in (tmp_path / "small").rglob("*.val"))
    await near.aclose()

    assert (read, name.exists()) == (contents[0], False)
    assert 1 << 20 < kept <= 4 << 20


async def test_a_failed_put_leaves_nothing_near(
    near: NearBlobs, far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(key: str, path: Path) -> None:
        raise StoreAway(key)

    monkeypatch.setattr(far, "put", away)
    key = key_of(b"segment")
    with pytest.raises(StoreAway):
        await near.put(key, incoming(tmp_path, b"segment"))

    assert list((tmp_path / "near" / "incoming").iterdir()) == []
    with pytest.raises(BlobMissing):
        await near.open(key)


async def test_a_short_file_is_read_although_the_disk_takes_nothing(
    near: NearBlobs, far: Far, tmp_path: Path
) -> None:
    key = key_of(b"segment")
    await far.put(key, incoming(tmp_path, b"segment"))
    (tmp_path / "near").write_bytes(b"in the way")

    assert await read(near, key) == (False, b"segment")


def _fill_the_disk(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Let the disk be full at one step, once something was written."""

    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def written_in_part(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    def copied_in_part(path: Path, copy: Path) -> None:
        written_in_part(copy, b"")

    match step:
        case "write":
            monkeypatch.setattr(Path, "write_bytes", written_in_part)
        case "copy":
            monkeypatch.setattr(os, "link", full)
            monkeypatch.setattr(shutil, "copyfile", copied_in_part)
        case "flush":
            monkeypatch.setattr("cache.hot.sync_file", full)


@pytest.mark.parametrize("step", ["write", "flush"])
async def test_a_disk_that_is_full_keeps_no_half_of_what_is_read(
    near: NearBlobs, far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    key = key_of(b"segment")
    await far.put(key, incoming(tmp_path, b"segment"))
    with monkeypatch.context() as patched:
        _fill_the_disk(patched, step)
        found = await read(near, key)

    assert found == (False, b"segment")
    assert list((tmp_path / "near" / "incoming").iterdir()) == []


@pytest.mark.parametrize("step", ["copy", "flush"])
async def test_a_disk_that_is_full_keeps_no_half_of_what_is_put(
    near: NearBlobs, far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    key = key_of(b"segment")
    path = incoming(tmp_path, b"segment")
    with monkeypatch.context() as patched:
        _fill_the_disk(patched, step)
        await near.put(key, path)

    assert list((tmp_path / "near" / "incoming").iterdir()) == []
    assert (await read(near, key), far.opened) == ((True, b"segment"), [key])
