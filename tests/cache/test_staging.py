"""Files on their way to becoming an artifact."""

import os
from pathlib import Path

import pytest

from cache.staging import ArtifactRefused, StagingArea


async def read(staging, path: str) -> bytes:
    reader = staging.open(path)
    try:
        return await reader.read_at(0, reader.size_bytes)
    finally:
        await reader.aclose()


@pytest.fixture
async def area(tmp_path: Path):
    area = StagingArea(tmp_path / "staging")
    await area.start()
    yield area
    await area.aclose()


async def test_a_created_file_can_be_patched_and_read_while_it_grows(area: StagingArea) -> None:
    staging = await area.stage()

    with staging.create("/audio.mp3") as file:
        file.write(b"....body")
        file.flush()
        growing = await read(staging, "/audio.mp3")
        file.seek(0)
        file.write(b"head")

    assert (growing, await read(staging, "/audio.mp3")) == (b"....body", b"headbody")


async def test_a_descriptor_may_be_handed_to_a_worker(area: StagingArea) -> None:
    staging = await area.stage()

    descriptor = staging.fd("/0f/0.ts")
    os.write(descriptor, b"ts")
    os.close(descriptor)

    assert (staging.paths, await read(staging, "/0f/0.ts")) == (("/0f/0.ts",), b"ts")


async def test_creating_again_replaces_for_later_readers_only(area: StagingArea) -> None:
    staging = await area.stage()
    with staging.create("/audio.m3u8") as file:
        file.write(b"one")
    before = staging.open("/audio.m3u8")

    with staging.create("/audio.m3u8") as file:
        file.write(b"two")
    old = await before.read_at(0, 3)
    await before.aclose()

    assert (old, await read(staging, "/audio.m3u8")) == (b"one", b"two")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "audio.mp3",
        "/../x",
        "/a/../x",
        "/a/./x",
        "/a//x",
        "/a/",
        "/a b",
        "/ä",
        "/a\n",
        "/a\0",
        "/" + "x" * 256,
    ],
)
async def test_odd_paths_are_refused(area: StagingArea, path: str) -> None:
    staging = await area.stage()

    with pytest.raises(ValueError, match="is no path"):
        staging.create(path)
    assert staging.paths == ()


async def test_completeness_is_checked_both_ways(area: StagingArea) -> None:
    staging = await area.stage()
    with pytest.raises(ArtifactRefused, match="nothing was staged"):
        staging.complete({})
    with staging.create("/a"):
        pass
    with staging.create("/b") as file:
        file.write(b"b")

    with pytest.raises(ArtifactRefused, match="no media type for /a"):
        staging.complete({"/b": "x/y"})
    with pytest.raises(ArtifactRefused, match="no file for /c"):
        staging.complete({"/a": "x/y", "/b": "x/y", "/c": "x/y"})
    with pytest.raises(ArtifactRefused, match="nothing in /a"):
        staging.complete({"/a": "x/y", "/b": "x/y"})


async def test_starting_wipes_what_the_dead_left_but_not_the_living(tmp_path: Path) -> None:
    dead = tmp_path / "staging" / "dead" / "fill"
    dead.mkdir(parents=True)
    (dead / "000000").write_bytes(b"half")
    living = StagingArea(tmp_path / "staging")
    await living.start()
    staging = await living.stage()
    with staging.create("/a") as file:
        file.write(b"alive")

    newcomer = StagingArea(tmp_path / "staging")
    await newcomer.start()
    alive = await read(staging, "/a")
    directories = len(list((tmp_path / "staging").iterdir()))
    await living.aclose()
    await newcomer.aclose()

    assert (alive, directories, dead.exists()) == (b"alive", 2, False)
    assert list((tmp_path / "staging").iterdir()) == []


async def test_an_area_must_be_started(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="was not started"):
        await StagingArea(tmp_path).stage()
