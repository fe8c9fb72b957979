"""Artifacts that several machines keep in one bucket."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from cache.artifacts import ArtifactMissing, Artifacts
from cache.blobs import Blob
from cache.blobs.s3 import S3Blobs
from cache.census import Recounting
from cache.s3.bucket import Bucket
from cache.source import StoreAway
from tests.cache.conftest import KEY, Clock, content, key_of, publish

HOUR_MS = 3600 * 1000


@contextlib.asynccontextmanager
async def node(
    bucket: Bucket, tmp_path: Path, name: str, *, max_bytes: int | None = None, clock=None
) -> AsyncIterator[Artifacts]:
    """Open the store of one machine."""
    store = Artifacts(
        S3Blobs(bucket), tmp_path / name, max_bytes=max_bytes, shared=True, now_ms=clock or Clock()
    )
    async with store:
        yield store


async def names(bucket: Bucket) -> list[str]:
    return [found.key.rpartition("/")[2] async for found in bucket.list("")]


async def test_what_one_node_publishes_another_serves(bucket: Bucket, tmp_path: Path) -> None:
    async with node(bucket, tmp_path, "one") as one, node(bucket, tmp_path, "two") as two:
        published = await publish(one)
        found = await two.receipt(KEY)

        assert found == published
        assert await content(two, published) == b"audio"

        await two.remove(KEY)
        one.forget(KEY)

        assert await one.receipt(KEY) is None
        assert await names(bucket) == []


async def test_all_that_is_in_the_bucket_counts(bucket: Bucket, tmp_path: Path) -> None:
    async with node(bucket, tmp_path, "one") as one:
        for number in range(3):
            await publish(one, key_of(number), {"/audio.mp3": bytes(1000)})
    async with node(bucket, tmp_path, "two", max_bytes=2500) as two:
        await publish(two, key_of(9), {"/audio.mp3": bytes(1000)})
        await two.scan()
        await two.sweep()
        kept = [found.size_bytes async for found in bucket.list("") if found.size_bytes == 1000]

        assert len(kept) == 1
        assert two.total_bytes <= 2500
        assert await two.receipt(key_of(9)) is not None


async def test_what_another_has_evicted_counts_no_more(bucket: Bucket, tmp_path: Path) -> None:
    async with node(bucket, tmp_path, "one") as one, node(bucket, tmp_path, "two") as two:
        await publish(one)
        await two.remove(KEY)
        await one.scan()

        assert one.total_bytes == 0


async def test_a_stale_receipt_does_not_harm_what_was_made_again(
    bucket: Bucket, tmp_path: Path
) -> None:
    async with node(bucket, tmp_path, "one") as one, node(bucket, tmp_path, "two") as two:
        stale = await publish(one, files={"/audio.mp3": b"first"})
        await two.remove(KEY)
        await publish(two, files={"/audio.mp3": b"again"})

        with pytest.raises(ArtifactMissing):
            await content(one, stale)
        again = await one.receipt(KEY)

        assert again is not None
        assert await content(one, again) == b"again"


async def test_a_failed_publication_leaves_what_another_has_published(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with node(bucket, tmp_path, "one") as one, node(bucket, tmp_path, "two") as two:
        put = S3Blobs.put

        async def overtaken(self: S3Blobs, key: str, path: Path) -> None:
            if not key.endswith("receipt.json"):
                await put(self, key, path)
                return
            monkeypatch.setattr(S3Blobs, "put", put)
            await publish(two, files={"/audio.mp3": b"audio"})
            raise StoreAway(key)

        monkeypatch.setattr(S3Blobs, "put", overtaken)
        with pytest.raises(StoreAway):
            await publish(one, files={"/audio.mp3": b"audio", "/more.mp3": b"more"})
        found = await one.receipt(KEY)

        assert found is not None
        assert await content(one, found) == b"audio"
        assert len(await names(bucket)) == 2


async def test_what_nobody_has_claimed_for_a_day_is_removed(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, hours = S3Blobs.list, 0

    async def stored_earlier(self: S3Blobs, prefix: str) -> AsyncIterator[Blob]:
        async for blob in listed(self, prefix):
            before_ms = hours * HOUR_MS if KEY in blob.key else 0
            yield replace(blob, modified_ms=blob.modified_ms - before_ms)

    async with node(bucket, tmp_path, "one") as one:
        await _put_orphan(one)
        await publish(one, key_of(7))
        monkeypatch.setattr(S3Blobs, "list", stored_earlier)
        hours = 23
        await one.scan()
        before = len(await names(bucket))
        hours = 25
        await one.scan()

        assert (before, len(await names(bucket))) == (3, 2)


async def test_a_fast_clock_here_removes_nothing(bucket: Bucket, tmp_path: Path) -> None:
    fast = Clock(time.time_ns() // 1_000_000 + 48 * HOUR_MS)
    async with (
        node(bucket, tmp_path, "one") as one,
        node(bucket, tmp_path, "two", clock=fast) as two,
    ):
        await _put_orphan(one)
        await two.scan()

        assert len(await names(bucket)) == 1


async def _put_orphan(store: Artifacts) -> None:
    """Store the first segment of a stream that is being made."""
    staging = await store.stage(KEY)
    with staging.create("/0.ts") as file:
        file.write(b"segment")
    await store.keep(KEY, staging, "/0.ts", media_type="video/mp2t")
    await staging.discard()


async def test_a_store_that_is_away_is_counted_later() -> None:
    counted = asyncio.Event()
    attempts = []

    async def count() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise StoreAway("away")
        counted.set()

    recounting = Recounting(count, every_seconds=0, least_seconds=0)
    recounting.start()
    await counted.wait()
    await recounting.aclose()

    assert len(attempts) >= 2


async def test_whoever_asks_is_counted_for_soon() -> None:
    counts: asyncio.Queue[int] = asyncio.Queue()
    recounting = Recounting(lambda: counts.put(1), every_seconds=3600, least_seconds=0)
    recounting.start()
    await counts.get()
    recounting.ask()

    assert await counts.get() == 1
    await recounting.aclose()
