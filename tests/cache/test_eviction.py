"""Which artifacts leave the store, and which stay."""

import os
from pathlib import Path

from cache.artifacts import Artifacts
from tests.cache.conftest import (
    KEY,
    Clock,
    content,
    key_of,
    names,
    open_store,
    publish,
    receipt_path,
)


async def test_the_least_recently_used_are_evicted(tmp_path: Path) -> None:
    clock = Clock()
    async with open_store(tmp_path, max_bytes=3500, clock=clock) as store:
        for number in range(1, 4):
            clock.now_ms += 1
            await publish(store, key_of(number), {"/audio.mp3": b"x" * 800})
        clock.now_ms += 1
        await store.receipt(key_of(1))
        clock.now_ms += 1
        await publish(store, key_of(4), {"/audio.mp3": b"x" * 800})

        left = [n for n in range(1, 5) if await store.receipt(key_of(n))]

    assert left == [1, 3, 4]


async def test_uses_are_remembered_across_a_restart(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        for number in range(1, 4):
            await publish(store, key_of(number), {"/audio.mp3": b"x" * 800})
    for seconds, number in enumerate((2, 3, 1)):
        os.utime(receipt_path(tmp_path, key_of(number)), (seconds, seconds))

    async with open_store(tmp_path, max_bytes=1500) as store:
        evicted = await store.sweep()
        left = [n for n in range(1, 4) if await store.receipt(key_of(n))]

    assert (evicted, left) == (2, [1])


async def test_a_use_is_written_down_once_a_minute(tmp_path: Path) -> None:
    clock = Clock()
    path = receipt_path(tmp_path, KEY)
    touched = []
    async with open_store(tmp_path, clock=clock) as store:
        await publish(store)
        for wait_ms in (1, 59_998, 1, 59_999):
            clock.now_ms += wait_ms
            os.utime(path, (0, 0))
            await store.receipt(KEY)
            touched.append(path.stat().st_mtime_ns > 0)

    assert touched == [False, False, True, False]


async def test_the_newest_stays_even_above_the_limit(tmp_path: Path) -> None:
    async with open_store(tmp_path, max_bytes=100) as store:
        await publish(store, key_of(1), {"/audio.mp3": b"x" * 1000})
        alone = await store.receipt(key_of(1))
        await publish(store, key_of(2), {"/audio.mp3": b"x" * 1000})

        assert alone is not None
        assert [await store.receipt(key_of(1)) is None, await store.receipt(key_of(2)) is None] == [
            True,
            False,
        ]


async def test_an_eviction_does_not_disturb_an_open_file(store: Artifacts) -> None:
    published = await publish(store)
    reader = await store.open(KEY, published.files[0])

    await store.remove(KEY)
    await store.remove(KEY)
    read = await reader.read_at(0, 100)
    await reader.aclose()

    assert (read, await store.receipt(KEY), store.total_bytes) == (b"audio", None, 0)


async def test_a_removed_artifact_can_be_made_again(store: Artifacts) -> None:
    await publish(store, files={"/audio.mp3": b"first"})
    await store.remove(KEY)

    assert await content(store, await publish(store, files={"/audio.mp3": b"second"})) == b"second"


async def test_purging_removes_what_is_complete(store: Artifacts) -> None:
    for number in range(3):
        await publish(store, key_of(number))
    # Of this one somebody is still making the rest.
    staging = await store.stage(key_of(3))
    with staging.create("/0.ts") as sink:
        sink.write(b"begun")
    begun = await store.keep(key_of(3), staging, "/0.ts", media_type="video/mp2t")

    assert await store.purge([key_of(0), key_of(2), key_of(3), key_of(4)]) == 2
    assert [n for n in range(3) if await store.receipt(key_of(n))] == [1]
    reader = await store.open(key_of(3), begun)
    assert await reader.read_at(0, 9) == b"begun"
    await reader.aclose()
    await staging.discard()


async def test_strangers_in_the_store_are_left_alone(tmp_path: Path) -> None:
    strange = tmp_path / "blobs" / "artifacts" / "notes.txt"
    strange.parent.mkdir(parents=True)
    strange.write_bytes(b"mine")

    async with open_store(tmp_path, max_bytes=1) as store:
        await publish(store)
        await store.sweep()
        await store.purge([KEY])

    assert names(tmp_path) == ["artifacts/notes.txt"]
