"""Artifacts that are stored file by file, before they are complete: in a folder and a bucket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cache.artifacts import ArtifactRefused, Artifacts
from cache.names import GROWTH
from cache.receipts import ArtifactFile, Receipt
from cache.staging import Staging
from tests.cache.place import Place

KEY = "0f" * 32
TS = "video/mp2t"


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Artifacts]:
    async with place.artifacts() as opened:
        yield opened


@pytest.fixture
async def staging(store: Artifacts) -> Staging:
    return await store.stage(KEY)


def write(staging: Staging, path: str, content: bytes) -> None:
    with staging.create(path) as file:
        file.write(content)


async def keep(store: Artifacts, staging: Staging, path: str, content: bytes) -> ArtifactFile:
    write(staging, path, content)
    return await store.keep(KEY, staging, path, media_type=TS)


async def publish(
    store: Artifacts, staging: Staging, *kept: ArtifactFile, types: dict[str, str]
) -> Receipt:
    return await store.publish(
        staging,
        key=KEY,
        account="W142hJk",
        source_path="/a.mp3",
        media_types=types,
        extra={},
        kept={file.path: file for file in kept},
    )


async def read(store: Artifacts, file: ArtifactFile) -> bytes:
    reader = await store.open(KEY, file)
    try:
        return await reader.read_at(0, reader.size_bytes)
    finally:
        await reader.aclose()


async def test_a_kept_file_can_be_read_at_once_and_is_no_artifact(
    store: Artifacts, staging: Staging
) -> None:
    file = await keep(store, staging, "/0f/0.ts", b"first")

    assert await read(store, file) == b"first"
    assert (file.path, file.size_bytes, file.media_type) == ("/0f/0.ts", 5, TS)
    assert staging.paths == ()
    assert await store.receipt(KEY) is None
    assert await read(store, file) == b"first"


async def test_the_receipt_lists_what_was_kept_and_what_was_staged(
    store: Artifacts, staging: Staging
) -> None:
    files = [await keep(store, staging, f"/0f/{n}.ts", b"%d" % n) for n in (1, 0)]
    await store.write_note(KEY, GROWTH, b"{}")
    write(staging, "/audio.m3u8", b"#EXTM3U")
    types = {"/0f/0.ts": TS, "/0f/1.ts": TS, "/audio.m3u8": "application/x"}
    receipt = await publish(store, staging, *files, types=types)

    assert [file.path for file in receipt.files] == sorted(types)
    assert [await read(store, file) for file in receipt.files] == [b"0", b"1", b"#EXTM3U"]
    assert await store.read_note(KEY, GROWTH) is None


@pytest.mark.parametrize("types", [{"/audio.m3u8": TS}, {"/0f/0.ts": TS, "/0f/1.ts": TS}])
async def test_what_was_kept_must_be_what_was_made(
    store: Artifacts, staging: Staging, types: dict[str, str]
) -> None:
    file = await keep(store, staging, "/0f/0.ts", b"x")
    write(staging, "/audio.m3u8", b"#EXTM3U")

    with pytest.raises(ArtifactRefused):
        await publish(store, staging, file, types=types)
    assert await store.receipt(KEY) is None


async def test_an_empty_file_is_not_kept(store: Artifacts, staging: Staging) -> None:
    with pytest.raises(ArtifactRefused):
        await keep(store, staging, "/0f/0.ts", b"")
    with pytest.raises(KeyError):
        await store.keep(KEY, staging, "/0f/1.ts", media_type=TS)


async def test_a_note_outlives_the_process_and_is_replaced(store: Artifacts, place: Place) -> None:
    assert await store.read_note(KEY, GROWTH) is None
    await store.write_note(KEY, GROWTH, b"one")
    await store.write_note(KEY, GROWTH, b"two")
    await store.aclose()

    async with place.artifacts() as again:
        assert await again.read_note(KEY, GROWTH) == b"two"


async def test_what_is_left_unfinished_is_evicted_in_its_turn(place: Place) -> None:
    async with place.artifacts(max_bytes=5) as store:
        staging = await store.stage(KEY)
        await keep(store, staging, "/0f/0.ts", b"four")
        store.leave(KEY, 4)
        other = await store.stage("aa" * 32)
        write(other, "/audio.mp3", b"1234")
        await store.publish(
            other,
            key="aa" * 32,
            account="W142hJk",
            source_path="/b.mp3",
            media_types={"/audio.mp3": "audio/mpeg"},
            extra={},
        )
        # A store that others fill, too, is swept beside the work.
        await store.sweep()
        left = [name for name in await place.names() if name.endswith(".ts")]

        assert left == []
        assert await store.receipt("aa" * 32) is not None


async def test_what_is_gone_on_with_is_not_evicted_meanwhile(place: Place) -> None:
    async with place.artifacts(max_bytes=1) as store:
        file = await keep(store, await store.stage(KEY), "/0f/0.ts", b"four")
        store.leave(KEY, 4)
        await store.stage(KEY)
        await store.sweep()

        assert await read(store, file) == b"four"
