"""The hot tier: raw bytes or nothing."""

import pickle
import sqlite3
from pathlib import Path

import pytest
from diskcache.core import MODE_BINARY, MODE_PICKLE, MODE_RAW, MODE_TEXT

from cache.hot import HotCache, NotRawBytes, RawDisk


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.fixture
async def cache(tmp_path: Path):
    cache = HotCache(tmp_path / "hot")
    yield cache
    await cache.aclose()


def plant(tmp_path: Path, **columns: object) -> None:
    database = sqlite3.connect(tmp_path / "hot" / "cache.db")
    with database:
        assignments = ", ".join(f"{name} = ?" for name in columns)
        database.execute(f"UPDATE Cache SET {assignments}", tuple(columns.values()))
    database.close()


@pytest.mark.parametrize("size_bytes", [0, 1, 1000, 200_000])
async def test_bytes_come_back(cache: HotCache, size_bytes: int) -> None:
    await cache.put("k", b"x" * size_bytes)

    assert [await cache.get("k"), await cache.get("other")] == [b"x" * size_bytes, None]


async def test_values_survive_a_restart_and_can_be_replaced(tmp_path: Path) -> None:
    first = HotCache(tmp_path / "hot")
    await first.put("k", b"old" * 20_000)
    await first.put("k", b"new")
    await first.aclose()

    second = HotCache(tmp_path / "hot")
    value = await second.get("k")
    await second.delete("k")
    gone = await second.get("k")
    await second.aclose()

    assert (value, gone) == (b"new", None)


async def test_values_expire(cache: HotCache) -> None:
    await cache.put("gone", b"1", ttl_seconds=-1)
    await cache.put("kept", b"1", ttl_seconds=1000)

    assert [await cache.get("gone"), await cache.get("kept")] == [None, b"1"]


@pytest.mark.parametrize("value", ["text", 1, None, {"a": 1}, bytearray(b"x")])
async def test_only_bytes_are_stored(cache: HotCache, value: object) -> None:
    with pytest.raises(TypeError, match="values are bytes"):
        await cache.put("k", value)  # type: ignore[arg-type]


async def test_values_that_are_too_long_are_not_stored(tmp_path: Path) -> None:
    cache = HotCache(tmp_path / "hot", max_value_bytes=10)
    await cache.put("long", b"x" * 11)
    await cache.put("short", b"x" * 10)

    kept = [await cache.get("long"), await cache.get("short")]
    await cache.aclose()

    assert kept == [None, b"x" * 10]


async def test_the_size_limit_drops_what_was_not_used(tmp_path: Path) -> None:
    cache = HotCache(tmp_path / "hot", max_bytes=4_000_000)
    for number in range(60):
        await cache.put(str(number), bytes(100_000))
        await cache.get("0")

    used, newest, unused = [await cache.get(key) for key in ("0", "59", "1")]
    stored = sum(path.stat().st_size for path in (tmp_path / "hot").rglob("*.val"))
    await cache.aclose()

    assert (used, newest, unused) == (bytes(100_000), bytes(100_000), None)
    assert stored <= 4_100_000


@pytest.mark.parametrize("in_a_file", [False, True])
async def test_a_planted_pickle_is_not_loaded(
    cache: HotCache, tmp_path: Path, in_a_file: bool
) -> None:
    mark = tmp_path / "exploded"
    poison = pickle.dumps(Bomb(mark))
    await cache.put("k", b"x" * 100_000 if in_a_file else b"x")
    if in_a_file:
        (planted,) = (tmp_path / "hot").rglob("*.val")
        planted.write_bytes(poison)
        plant(tmp_path, mode=MODE_PICKLE)
    else:
        plant(tmp_path, mode=MODE_PICKLE, value=poison)

    read = await cache.get("k")
    await cache.put("k", b"healthy")

    assert (read, mark.exists(), await cache.get("k")) == (None, False, b"healthy")


@pytest.mark.parametrize(
    "columns",
    [
        {"mode": MODE_RAW, "value": "text"},
        {"mode": MODE_RAW, "value": 7},
        {"mode": MODE_RAW, "value": None},
        {"mode": MODE_TEXT},
        {"mode": 99},
        {"mode": "pickle"},
        {"mode": MODE_BINARY, "filename": None},
        {"mode": MODE_BINARY, "filename": "00/00/" + "0" * 28 + ".val"},
    ],
)
async def test_other_planted_values_are_misses(
    cache: HotCache, tmp_path: Path, columns: dict[str, object]
) -> None:
    await cache.put("k", b"x")
    plant(tmp_path, **columns)

    assert await cache.get("k") is None


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "00/../../secret"])
async def test_a_planted_file_name_is_neither_read_nor_deleted(
    cache: HotCache, tmp_path: Path, name: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    await cache.put("k", b"x" * 100_000)
    plant(tmp_path, filename=name)

    read = await cache.get("k")
    await cache.put("k", b"healthy")

    assert (read, secret.read_bytes(), await cache.get("k")) == (None, b"secret", b"healthy")


async def test_putting_over_a_planted_file_name_does_not_delete_it(
    cache: HotCache, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    await cache.put("k", b"x" * 100_000)
    plant(tmp_path, filename="../secret")

    await cache.put("k", b"healthy")

    assert secret.read_bytes() == b"secret"


@pytest.mark.parametrize("raw", [0, 1])
def test_a_planted_key_is_not_loaded(tmp_path: Path, raw: int) -> None:
    mark = tmp_path / "exploded"

    with pytest.raises(NotRawBytes):
        RawDisk(str(tmp_path)).get(pickle.dumps(Bomb(mark)), raw)
    assert not mark.exists()


@pytest.mark.parametrize("key", [1, b"bytes", ("a",), None])
def test_only_text_is_a_key(tmp_path: Path, key: object) -> None:
    with pytest.raises(NotRawBytes):
        RawDisk(str(tmp_path)).put(key)


async def test_a_damaged_database_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "hot").mkdir()
    (tmp_path / "hot" / "cache.db").write_bytes(b"this is not a database" * 100)
    cache = HotCache(tmp_path / "hot")

    await cache.put("k", b"x")
    value = await cache.get("k")
    await cache.aclose()

    assert value == b"x"


async def test_a_place_that_cannot_be_written_is_a_miss(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = HotCache(tmp_path / "file" / "hot")

    await cache.put("k", b"x")
    value = await cache.get("k")
    await cache.aclose()

    assert value is None
