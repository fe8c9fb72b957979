"""The store of finished artifacts, in a folder and in a bucket."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cache.artifacts import ArtifactMissing, ArtifactRefused, Artifacts
from cache.receipts import ArtifactFile, Receipt
from tests.cache.conftest import KEY, Clock, content, key_of, publish
from tests.cache.place import Place

DAY_MS = 24 * 3600 * 1000
RECEIPT = f"artifacts/0f/{KEY}/receipt.json"


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Artifacts]:
    async with place.artifacts() as store:
        yield store


async def test_what_is_published_can_be_found_and_read(store: Artifacts) -> None:
    published = await publish(store, files={"/b/1.ts": b"segment", "/a.m3u8": b"playlist"})

    def file(path: str, content: bytes) -> ArtifactFile:
        return ArtifactFile(
            path=path,
            digest=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            media_type="audio/mpeg",
        )

    assert published == Receipt(
        key=KEY,
        account="W142hJk",
        source_path="/a.mp3",
        created_ms=1_000_000,
        files=(file("/a.m3u8", b"playlist"), file("/b/1.ts", b"segment")),
        extra={"made": "by a test"},
    )
    assert await store.receipt(KEY) == published
    assert await content(store, published, "/b/1.ts") == b"segment"


async def test_files_are_named_by_their_content(store: Artifacts, place: Place) -> None:
    await publish(store, files={"/a.ts": b"same", "/b.ts": b"same", "/strange.ext-ension": b"x"})
    same = hashlib.sha256(b"same").hexdigest()
    other = hashlib.sha256(b"x").hexdigest()

    expected = sorted((f"{same}.ts", other, "receipt.json"))

    assert await place.names() == [f"artifacts/0f/{KEY}/{name}" for name in expected]
    assert store.total_bytes == sum((await place.sizes()).values())


async def test_an_artifact_survives_a_restart(place: Place) -> None:
    async with place.artifacts() as store:
        published = await publish(store)
        total_bytes = store.total_bytes

    async with place.artifacts() as store:
        await store.scan()
        assert store.total_bytes == total_bytes
        assert await store.receipt(KEY) == published
        assert await content(store, published) == b"audio"


async def test_nothing_is_left_in_staging(store: Artifacts, place: Place) -> None:
    await publish(store)

    assert [path for path in place.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("staged", "media_types", "reason"),
    [
        ({}, {}, "nothing was staged"),
        ({"/a": b""}, {"/a": "x/y"}, "nothing in /a"),
        ({"/a": b"a"}, {"/a": "x/y", "/b": "x/y"}, "no file for /b"),
        ({"/a": b"a", "/b": b"b"}, {"/a": "x/y"}, "no media type for /b"),
    ],
)
async def test_a_part_of_an_artifact_is_refused(
    store: Artifacts,
    place: Place,
    staged: dict[str, bytes],
    media_types: dict[str, str],
    reason: str,
) -> None:
    staging = await store.stage(KEY)
    for path, data in staged.items():
        with staging.create(path) as file:
            file.write(data)

    with pytest.raises(ArtifactRefused, match=reason):
        await store.publish(
            staging, key=KEY, account="a", source_path="/a", media_types=media_types, extra={}
        )
    await staging.discard()
    await staging.discard()

    assert await store.receipt(KEY) is None
    assert await place.names() == []


async def test_publishing_again_keeps_the_first(store: Artifacts, place: Place) -> None:
    first = await publish(store, files={"/audio.mp3": b"first"})
    second = await publish(store, files={"/audio.mp3": b"second"})

    assert second == first
    assert await content(store, second) == b"first"
    assert len(await place.names()) == 2


async def test_publishing_at_the_same_time_is_harmless(store: Artifacts, place: Place) -> None:
    versions = [{"/audio.mp3": bytes([number]) * 100} for number in range(8)]

    published = await asyncio.gather(*(publish(store, files=files) for files in versions))

    assert len({receipt.files for receipt in published}) == 1
    assert await content(store, published[0]) in [files["/audio.mp3"] for files in versions]
    assert len(await place.names()) == 2


async def test_two_processes_publishing_one_key_leave_a_whole_artifact(place: Place) -> None:
    async with place.artifacts() as one, place.artifacts() as two:
        ours, theirs = await asyncio.gather(
            publish(one, files={"/audio.mp3": b"ours"}),
            publish(two, files={"/audio.mp3": b"theirs"}),
        )

        assert {await content(one, ours), await content(two, theirs)} <= {b"ours", b"theirs"}
    async with place.artifacts() as later:
        receipt = await later.receipt(KEY)
        assert receipt is not None
        assert await content(later, receipt) in (b"ours", b"theirs")


async def test_a_crash_before_the_receipt_leaves_no_artifact(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        """Not an Exception: nothing may clean up after it."""

    put = place.blobs.put

    async def crash_at_the_receipt(key: str, path: Path) -> None:
        if key.endswith("receipt.json"):
            raise Crash
        await put(key, path)

    async with place.artifacts() as store:
        with monkeypatch.context() as patch:
            patch.setattr(place.blobs, "put", crash_at_the_receipt)
            with pytest.raises(Crash):
                await publish(store)
    orphans = await place.names()
    (now_ms,) = await place.times_ms()

    async with place.artifacts(clock=Clock(now_ms)) as store:
        await store.scan()
        fresh = (await store.receipt(KEY), await place.names())
    async with place.artifacts(clock=Clock(now_ms + DAY_MS + 1)) as store:
        await store.scan()
        old = (await store.receipt(KEY), await place.names())

    assert (len(orphans), fresh) == (1, (None, orphans))
    # What is old in a bucket, its own clock says, which no test sets.
    assert old == (None, orphans if place.shared else [])


async def test_a_full_disk_leaves_nothing_behind(
    store: Artifacts, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = place.blobs.put
    done = 0

    async def full(key: str, path: Path) -> None:
        nonlocal done
        if done == 3:
            raise OSError(28, "No space left on device")
        done += 1
        await put(key, path)

    with monkeypatch.context() as patch:
        patch.setattr(place.blobs, "put", full)
        with pytest.raises(OSError, match="No space left"):
            await publish(store, files={f"/{n}.ts": bytes([n]) for n in range(6)})

    assert await store.receipt(KEY) is None
    # Another node may be about to publish the same; it has a day for that.
    assert (await place.names() == []) is not place.shared
    assert (await publish(store)).key == KEY


@pytest.mark.parametrize("damage", ["missing file", "short file", "no json", "other key"])
async def test_a_damaged_artifact_is_none_and_goes_away(place: Place, damage: str) -> None:
    async with place.artifacts() as store:
        published = await publish(store, files={"/a.ts": b"first", "/b.ts": b"second"})
    file = f"artifacts/0f/{KEY}/{published.files[0].digest}.ts"
    match damage:
        case "missing file":
            await place.blobs.delete(file)
        case "short file":
            await place.replace(file, b"f")
        case "no json":
            await place.replace(RECEIPT, b"{")
        case "other key":
            told = await place.content(RECEIPT)
            await place.replace(RECEIPT, told.replace(KEY.encode(), b"00" * 32))

    async with place.artifacts() as store:
        found = await store.receipt(KEY)

    assert (found, RECEIPT in await place.names()) == (None, False)


async def test_a_file_that_went_meanwhile_makes_the_artifact_missing(
    store: Artifacts, place: Place
) -> None:
    published = await publish(store)
    for name in await place.names():
        if not name.endswith("receipt.json"):
            await place.blobs.delete(name)

    with pytest.raises(ArtifactMissing):
        await content(store, published)
    assert (await store.receipt(KEY), await place.names(), store.total_bytes) == (None, [], 0)


@pytest.mark.parametrize("key", ["", "0f", "0F" * 32, "../" * 21 + "x", KEY + "\n"])
async def test_odd_keys_are_refused(store: Artifacts, key: str) -> None:
    with pytest.raises(ValueError, match="is no artifact key"):
        await store.stage(key)
    with pytest.raises(ValueError, match="is no artifact key"):
        await store.receipt(key)


async def test_memory_forgets_but_the_store_remembers(place: Place) -> None:
    async with place.artifacts(remembered=2) as store:
        published = [await publish(store, key_of(number)) for number in range(5)]

        assert [await store.receipt(key_of(number)) for number in range(5)] == published
