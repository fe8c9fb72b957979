"""A folder of a bucket as an origin."""

from collections.abc import Iterator

import pytest

from cache.origins.s3 import S3Folder
from cache.s3.bucket import Bucket, digest_of
from cache.source import SourceChanged, SourceMissing, SourceObject, StoreAway
from tests.support.backend_fixtures import S3Bucket
from tests.support.buckets import open_bucket
from tests.support.faulty_s3 import FaultyS3, Harm, faulty


@pytest.fixture(scope="module")
def proxy(a_bucket: S3Bucket) -> Iterator[FaultyS3]:
    with faulty(a_bucket.endpoint) as proxy:
        yield proxy


async def put(bucket: Bucket, key: str, content: bytes) -> None:
    await bucket.put(key, content, digest_of(content))


async def test_an_object_is_found_and_read_by_its_decoded_name(bucket: Bucket) -> None:
    await put(bucket, "music/ä b!+%.mp3", b"0123456789")
    folder = S3Folder(bucket, "/lib", 60)
    source = await folder.find("/music/ä b!+%.mp3")
    assert source is not None
    reader = await folder.open(source)

    read = await reader.read_at(2, 3)
    await reader.aclose()

    assert read == b"234"
    assert source == SourceObject(
        path="/lib/music/ä b!+%.mp3",
        mount="/lib",
        version=source.version,
        size_bytes=10,
        modified_ms=source.modified_ms,
    )


async def test_what_is_not_there_is_missing(bucket: Bucket) -> None:
    folder = S3Folder(bucket, "/", 60)
    await put(bucket, "a/b", b"1")

    assert [await folder.find(path) for path in ("/none", "/a", "/a/../a/b", "/")] == [None] * 4
    with pytest.raises(SourceMissing):
        await folder.open(
            SourceObject(path="/none", mount="/", version="1", size_bytes=1, modified_ms=None)
        )


async def test_the_same_bytes_are_the_same_version(bucket: Bucket) -> None:
    versions = []
    for content in (b"one", b"one", b"two"):
        await put(bucket, "a", content)
        source = await S3Folder(bucket, "/", 60).find("/a")
        assert source is not None
        versions.append(source.version)

    assert versions[0] == versions[1] != versions[2]


async def test_an_object_is_believed_for_a_while(bucket: Bucket) -> None:
    now = [0.0]
    folder = S3Folder(bucket, "/", 60, clock=lambda: now[0])
    await put(bucket, "a", b"one")
    sizes = []
    for moment, content in ((0, b"longer"), (59, b"longest"), (61, b"gone?")):
        now[0] = moment
        found = await folder.find("/a")
        sizes.append(found and found.size_bytes)
        await put(bucket, "a", content)

    assert sizes == [3, 3, 7]


async def test_a_replaced_object_is_noticed_while_it_is_read(bucket: Bucket) -> None:
    await put(bucket, "a", bytes(200_000))
    folder = S3Folder(bucket, "/", 60)
    source = await folder.find("/a")
    assert source is not None
    reader = await folder.open(source)
    await put(bucket, "a", bytes(200_001))

    with pytest.raises(SourceChanged):
        await reader.read_at(150_000, 10)
    found = await folder.find("/a")

    assert found is not None
    assert found.size_bytes == 200_001
    with pytest.raises(SourceChanged):
        await folder.open(source)


async def test_while_the_bucket_is_away_the_last_answer_serves(
    a_bucket: S3Bucket, proxy: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    async with open_bucket(a_bucket, monkeypatch, endpoint=proxy.url) as bucket:
        folder = S3Folder(bucket, "/", 60, clock=lambda: now[0])
        await put(bucket, "a", b"one")
        before = await folder.find("/a")
        proxy.harm(Harm.RESET)
        now[0] = 100
        meanwhile = await folder.find("/a")
        now[0] = 10_000
        with pytest.raises(StoreAway):
            await folder.find("/a")

    assert meanwhile == before


async def test_who_reads_after_somebody_has_looked_does_not_ask_again(
    a_bucket: S3Bucket, proxy: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.heal()
    async with open_bucket(a_bucket, monkeypatch, endpoint=proxy.url) as bucket:
        await put(bucket, "long.wav", bytes(200_000))
        folder = S3Folder(bucket, "/", 60)
        source = await folder.find("/long.wav")
        assert source is not None
        proxy.forget()
        for _ in range(3):
            reader = await folder.open(source)
            await reader.read_at(0, 70_000)
            await reader.aclose()

        assert [each.range for each in proxy.passed] == ["bytes=0-69999"]
