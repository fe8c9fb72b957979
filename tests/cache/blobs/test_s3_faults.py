"""Blobs in a bucket whose network breaks: repeated, never torn, and said so when it is no use."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from cache.blobs.s3 import S3Blobs
from cache.s3.bucket import Bucket
from cache.s3.client import Endpoint, Patience, S3Client
from cache.s3.multipart import PART_BYTES, sweep_abandoned
from cache.source import SourceChanged, StoreAway
from tests.support.backend_fixtures import S3Bucket
from tests.support.buckets import open_bucket
from tests.support.faulty_s3 import FaultyS3, Harm, faulty

# Less than none: a time in a listing may be a little in the future.
NO_AGE_MS = -3_600_000
LONG = bytes(range(256)) * (2 * PART_BYTES // 256) + b"and a little more"


@pytest.fixture(scope="module")
def proxy(a_bucket: S3Bucket) -> Iterator[FaultyS3]:
    with faulty(a_bucket.endpoint) as proxy:
        yield proxy


@pytest.fixture
async def bucket(
    a_bucket: S3Bucket, proxy: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bucket]:
    """A folder of the bucket, behind the proxy."""
    proxy.heal()
    proxy.forget()
    async with open_bucket(a_bucket, monkeypatch, endpoint=proxy.url) as bucket:
        yield bucket


@pytest.fixture
def blobs(bucket: Bucket) -> S3Blobs:
    return S3Blobs(bucket)


async def put(blobs: S3Blobs, tmp_path: Path, content: bytes, key: str = "a") -> None:
    path = tmp_path / "incoming"
    path.write_bytes(content)
    await blobs.put(key, path)


async def content_of(blobs: S3Blobs, key: str = "a") -> bytes:
    reader = await blobs.open(key)
    try:
        return await reader.read_at(0, reader.size_bytes)
    finally:
        await reader.aclose()


@pytest.mark.parametrize("harm", [Harm.RESET, Harm.SLOW_DOWN, Harm.LOST])
async def test_a_put_is_repeated_until_it_is_heard(
    blobs: S3Blobs, proxy: FaultyS3, tmp_path: Path, harm: Harm
) -> None:
    proxy.harm(harm, method="PUT", times=3)
    await put(blobs, tmp_path, b"content")

    assert (proxy.harmed, await content_of(blobs)) == (3, b"content")


@pytest.mark.parametrize("harm", [Harm.RESET, Harm.SLOW_DOWN, Harm.TRUNCATED])
async def test_a_reading_is_repeated_until_it_is_whole(
    blobs: S3Blobs, proxy: FaultyS3, tmp_path: Path, harm: Harm
) -> None:
    content = bytes(range(256)) * 1000
    await put(blobs, tmp_path, content)
    proxy.harm(harm, method="GET", times=3)

    assert (await content_of(blobs), proxy.harmed) == (content, 3)


async def test_deleting_and_listing_are_repeated(
    blobs: S3Blobs, proxy: FaultyS3, tmp_path: Path
) -> None:
    for key in ("x/a", "x/b", "x/c"):
        await put(blobs, tmp_path, b"1", key)
    for method in ("GET", "POST", "DELETE"):
        proxy.harm(Harm.LOST, method=method, times=1)

    deleted = await blobs.delete_prefix("x/")
    await blobs.delete("x/a")

    assert (deleted, proxy.harmed) == (3, 3)
    assert [blob.key async for blob in blobs.list("")] == []


@pytest.mark.parametrize("target", [r"\?uploads", "partNumber=2", r"\?uploadId=[^&]*$"])
async def test_a_long_file_survives_a_lost_answer_at_every_step(
    blobs: S3Blobs, proxy: FaultyS3, tmp_path: Path, target: str
) -> None:
    proxy.harm(Harm.LOST, target=target, times=1)
    await put(blobs, tmp_path, LONG)
    digest = hashlib.sha256(await content_of(blobs)).digest()

    assert (proxy.harmed, digest) == (1, hashlib.sha256(LONG).digest())


async def test_a_long_file_that_cannot_be_put_leaves_nothing(
    blobs: S3Blobs, bucket: Bucket, proxy: FaultyS3, tmp_path: Path
) -> None:
    await put(blobs, tmp_path, b"old")
    proxy.harm(Harm.SLOW_DOWN, target="partNumber=3")
    with pytest.raises(StoreAway, match="SlowDown"):
        await put(blobs, tmp_path, LONG)
    proxy.heal()

    assert await content_of(blobs) == b"old"
    assert await sweep_abandoned(bucket, age_ms=NO_AGE_MS) == 0


async def _begin(bucket: Bucket) -> None:
    async def begin(client) -> None:
        await client.create_multipart_upload(**bucket.named("a"))

    await bucket.client.ask("a", begin)


async def test_what_was_never_completed_is_swept_up_after_a_day(bucket: Bucket) -> None:
    await _begin(bucket)
    swept = [
        await sweep_abandoned(bucket, age_ms=age_ms)
        for age_ms in (24 * 3_600_000, NO_AGE_MS, NO_AGE_MS)
    ]

    assert swept == [0, 1, 0]


async def test_a_fast_clock_here_aborts_no_upload(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _begin(bucket)
    two_days_on = time.time_ns() + 48 * 3_600_000_000_000
    monkeypatch.setattr("time.time_ns", lambda: two_days_on)

    assert await sweep_abandoned(bucket) == 0


async def test_a_long_blob_that_is_replaced_is_not_mixed(blobs: S3Blobs, tmp_path: Path) -> None:
    await put(blobs, tmp_path, bytes(300_000))
    replaced = await blobs.open("a")
    await put(blobs, tmp_path, b"1" * 300_000)
    deleted = await blobs.open("a")
    with pytest.raises(SourceChanged):
        await replaced.read_at(200_000, 10)
    await blobs.delete("a")
    with pytest.raises(SourceChanged):
        await deleted.read_at(200_000, 10)


async def test_reading_on_takes_ever_longer_blocks(
    blobs: S3Blobs, proxy: FaultyS3, tmp_path: Path
) -> None:
    await put(blobs, tmp_path, bytes(1_000_000))
    reader = await blobs.open("a")
    for offset in range(0, 500_000, 1000):
        await reader.read_at(offset, 1000)
    lengths = [each.answered_bytes for each in proxy.passed if each.method == "GET"]

    assert lengths == [65_536, 131_072, 262_144, 262_144][: len(lengths)]
    assert sum(lengths) < 1_000_000


async def test_a_bucket_that_stays_away_is_said_to_be(
    a_bucket: S3Bucket, proxy: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = Patience(attempts=2, first_pause_seconds=0.001, answer_seconds=0.2)
    proxy.heal()
    proxy.harm(Harm.LATE, seconds=3)
    async with open_bucket(a_bucket, monkeypatch, endpoint=proxy.url, patience=patience) as bucket:
        with pytest.raises(StoreAway, match="did not answer in time"):
            await bucket.head("a")
    proxy.heal()


async def test_touching_does_not_wait_for_a_bucket_that_is_away(
    blobs: S3Blobs, proxy: FaultyS3, tmp_path: Path
) -> None:
    await put(blobs, tmp_path, b"1")
    proxy.harm(Harm.SLOW_DOWN, method="PUT")

    await blobs.touch("a")
    await blobs.touch("a")

    assert proxy.harmed == 1


async def test_a_use_is_written_down_again_after_ten_minutes(
    bucket: Bucket, proxy: FaultyS3, tmp_path: Path
) -> None:
    clock = Mock()
    blobs = S3Blobs(bucket, clock=clock)
    await put(blobs, tmp_path, b"1")
    written = []
    for clock.return_value in (0, 599, 600, 1199, 1200):
        proxy.forget()
        await blobs.touch("a")
        written.append(len(proxy.passed))

    assert written == [1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("name", "environment", "told"),
    [
        ("no-such-bucket-here", {}, "there is no such bucket at "),
        (None, {"AWS_ACCESS_KEY_ID": "nobody"}, "does not accept these credentials"),
        (None, {"AWS_SECRET_ACCESS_KEY": "wrong"}, "does not accept these credentials"),
    ],
)
async def test_what_is_wrong_with_a_bucket_is_told(
    a_bucket: S3Bucket,
    monkeypatch: pytest.MonkeyPatch,
    name: str | None,
    environment: dict[str, str],
    told: str,
) -> None:
    async with open_bucket(a_bucket, monkeypatch):
        pass
    for variable, text in environment.items():
        monkeypatch.setenv(variable, text)
    async with S3Client(Endpoint(url=a_bucket.endpoint)) as client:
        with pytest.raises(StoreAway, match=told):
            await Bucket(client, name or a_bucket.bucket).check()


async def test_nobody_at_the_endpoint_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    patience = Patience(attempts=2, first_pause_seconds=0.001)
    async with S3Client(Endpoint(url=f"http://127.0.0.1:{port}"), patience) as client:
        with pytest.raises(StoreAway, match="cannot be reached"):
            await Bucket(client, "bucket").check()
