"""What every backend of blobs promises."""

import asyncio
import time
from pathlib import Path

import pytest

from cache.blobs import BlobMissing, Blobs


async def put(blobs: Blobs, tmp_path: Path, key: str, content: bytes) -> None:
    path = tmp_path / "incoming"
    path.write_bytes(content)
    await blobs.put(key, path)


async def content(blobs: Blobs, key: str) -> bytes:
    reader = await blobs.open(key)
    try:
        return await reader.read_at(0, reader.size_bytes)
    finally:
        await reader.aclose()


async def keys(blobs: Blobs, prefix: str) -> list[str]:
    return [blob.key async for blob in blobs.list(prefix)]


async def test_a_blob_is_moved_in_and_read_back(blobs: Blobs, tmp_path: Path) -> None:
    path = tmp_path / "incoming"
    path.write_bytes(b"hello")

    await blobs.put("a/b/c.mp3", path)

    assert await content(blobs, "a/b/c.mp3") == b"hello"
    assert not path.exists()


async def test_ranges_are_short_only_at_the_end(blobs: Blobs, tmp_path: Path) -> None:
    await put(blobs, tmp_path, "a", b"0123456789")
    reader = await blobs.open("a")

    read = [await reader.read_at(*span) for span in ((2, 3), (8, 9), (10, 1))]
    await reader.aclose()

    assert read == [b"234", b"89", b""]


async def test_putting_again_replaces_for_later_readers_only(blobs: Blobs, tmp_path: Path) -> None:
    await put(blobs, tmp_path, "a", b"old")
    before = await blobs.open("a")

    await put(blobs, tmp_path, "a", b"newer")
    old = await before.read_at(0, 10)
    await before.aclose()

    assert (old, await content(blobs, "a")) == (b"old", b"newer")


async def test_a_missing_blob_is_named(blobs: Blobs) -> None:
    with pytest.raises(BlobMissing) as missing:
        await blobs.open("a/b")

    assert missing.value.key == "a/b"


async def test_a_folder_of_blobs_is_no_blob(blobs: Blobs, tmp_path: Path) -> None:
    await put(blobs, tmp_path, "a/b", b"1")

    with pytest.raises(BlobMissing):
        await blobs.open("a")
    with pytest.raises(BlobMissing):
        await blobs.open("a/b/c")


async def test_a_deleted_blob_is_gone_but_stays_readable_where_open(
    blobs: Blobs, tmp_path: Path
) -> None:
    await put(blobs, tmp_path, "a/b", b"kept")
    reader = await blobs.open("a/b")

    await blobs.delete("a/b")
    await blobs.delete("a/b")
    kept = await reader.read_at(0, 10)
    await reader.aclose()

    assert kept == b"kept"
    with pytest.raises(BlobMissing):
        await blobs.open("a/b")


async def test_a_prefix_is_text_not_a_folder(blobs: Blobs, tmp_path: Path) -> None:
    for key in ("x/a1", "x/a2", "x/b", "xy/c", "x/a1.d/e"):
        await put(blobs, tmp_path, key, b"1")

    listed = [await keys(blobs, prefix) for prefix in ("x/a", "x", "x/", "", "none/")]
    deleted = await blobs.delete_prefix("x/a")

    assert listed == [
        ["x/a1", "x/a1.d/e", "x/a2"],
        ["x/a1", "x/a1.d/e", "x/a2", "x/b", "xy/c"],
        ["x/a1", "x/a1.d/e", "x/a2", "x/b"],
        ["x/a1", "x/a1.d/e", "x/a2", "x/b", "xy/c"],
        [],
    ]
    assert (deleted, await keys(blobs, "")) == (3, ["x/b", "xy/c"])


async def test_a_listing_tells_sizes_and_the_time_of_storing(blobs: Blobs, tmp_path: Path) -> None:
    # Clocks of file systems tick in milliseconds, those of buckets in seconds.
    earliest_ms = time.time_ns() // 1_000_000 - 2_000

    await put(blobs, tmp_path, "a", b"12345")
    blob = await anext(aiter(blobs.list("")))

    assert (blob.key, blob.size_bytes) == ("a", 5)
    assert blob.modified_ms >= earliest_ms


async def test_touching_never_makes_a_blob_older(blobs: Blobs, tmp_path: Path) -> None:
    await put(blobs, tmp_path, "a", b"1")
    before = await anext(aiter(blobs.list("")))

    await blobs.touch("a")
    await blobs.touch("nothing")
    after = await anext(aiter(blobs.list("")))

    assert after.modified_ms >= before.modified_ms
    assert await keys(blobs, "") == ["a"]


async def test_concurrent_puts_and_deletes_leave_whole_blobs(blobs: Blobs, tmp_path: Path) -> None:
    async def churn(number: int) -> None:
        for round_ in range(10):
            path = tmp_path / f"incoming-{number}-{round_}"
            path.write_bytes(bytes([number]) * 1000)
            await blobs.put("a/b/c", path)
            await blobs.delete("a/b/d")
            await blobs.delete_prefix("a/b/e")
            if round_ < 9:
                await blobs.delete("a/b/c")

    await asyncio.gather(*(churn(number) for number in range(1, 5)))
    await put(blobs, tmp_path, "a/b/c", b"last")

    assert await content(blobs, "a/b/c") == b"last"


@pytest.mark.parametrize(
    "key",
    ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "a b", "ä", "a\n", "a\\b", "x" * 513],
)
async def test_odd_keys_are_refused(blobs: Blobs, tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="is no blob key"):
        await put(blobs, tmp_path, key, b"1")
    with pytest.raises(ValueError, match="is no blob key"):
        await blobs.open(key)
    with pytest.raises(ValueError, match="is no blob key"):
        await blobs.delete(key)
