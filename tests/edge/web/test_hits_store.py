from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cache.source import Reader, SourceChanged
from edge.web.delivery.answer import Representation
from edge.web.delivery.caching import for_ever
from edge.web.delivery.content import content_of
from edge.web.delivery.files import FileDelivery
from edge.web.delivery.text import Text
from edge.web.hits import store
from edge.web.hits.gate import Terms
from edge.web.hits.ground import Ground
from edge.web.hits.hit import Lent, Ready
from edge.web.hits.store import (
    BELIEVED_SECONDS,
    MOST_IN_MEMORY,
    UNUSED_SECONDS,
)
from tests.edge.web.hit_shelf import ACCOUNT, EVERYBODY, Shelf, target

LARGE = MOST_IN_MEMORY + 100_000


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


async def test_what_is_asked_for_once_is_not_even_opened(shelf: Shelf) -> None:
    await shelf.make("a.mp3", 1000)

    assert (shelf.opened, shelf.hits.kept_bytes, len(shelf.hits)) == (0, 0, 1)


async def test_small_files_are_read_once(shelf: Shelf) -> None:
    content = await shelf.make("a.mp3", 1000)
    found = [await shelf.find("a.mp3") for _ in range(3)]

    assert [content] * 3 == [ready.body for ready in found if isinstance(ready, Ready)]
    assert (shelf.opened, shelf.hits.kept_bytes, shelf.hits.held_files) == (1, 1000, 0)


async def test_large_files_are_opened_once(shelf: Shelf) -> None:
    content = await shelf.make("a.mp3", LARGE)
    for _ in range(3):
        reader = await shelf.lent("a.mp3")
        assert content[100:300] == await reader.read_at(100, 200)
        assert content[-5:] == await reader.read_at(LARGE - 5, 50)
        await reader.aclose()

    assert (shelf.opened, shelf.hits.kept_bytes, shelf.hits.held_files) == (1, 0, 1)


async def test_memory_is_bounded_and_the_least_used_goes(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, most_bytes=32_000)
    for name in "abc":
        await shelf.make(name, 2000)
        await shelf.find(name)
    await shelf.find("a")
    for number in range(14):
        await shelf.make(f"{number}", 2000)
        await shelf.find(f"{number}")
        assert shelf.hits.kept_bytes <= 32_000
        await shelf.find("a")

    assert isinstance(await shelf.find("a"), Ready)
    assert await shelf.find("b") is None


async def test_texts_count_from_the_start(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, most_bytes=10_000)
    text = Text("x" * 4000, media_type="text/plain")
    scope = {"type": "http", "headers": []}
    ground = Ground(account=ACCOUNT, sources=(), terms=EVERYBODY)
    for number in range(9):
        shelf.hits.note(
            b"/%d" % number, text.delivery(scope, for_ever(shared=True)), ground, since=0
        )

    assert (len(shelf.hits), shelf.hits.kept_bytes) == (2, 8000)


async def test_the_number_of_hits_is_bounded(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, most_hits=3)
    for number in range(9):
        await shelf.make(f"{number}", 10)

    assert len(shelf.hits) == 3


async def test_descriptors_are_bounded_but_lent_ones_stay_open(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, most_held=2)
    content = await shelf.make("first", LARGE)
    reader = await shelf.lent("first")
    before = _descriptors()
    for number in range(5):
        await shelf.make(f"{number}", LARGE)
        await (await shelf.lent(f"{number}")).aclose()

    assert shelf.hits.held_files == 2
    assert content[:99] == await reader.read_at(0, 99)
    await reader.aclose()
    await reader.aclose()
    assert _descriptors() == before + 1
    shelf.hits.close()
    assert (shelf.hits.held_files, len(shelf.hits)) == (0, 0)


async def test_a_removed_or_unused_file_is_closed_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SWEEP_SECONDS", 0.001)
    shelf = Shelf(tmp_path)
    for name in ("removed", "unused", "used"):
        await shelf.make(name, LARGE)
        await (await shelf.lent(name)).aclose()
    (tmp_path / "removed").unlink()
    await _until(lambda: shelf.hits.held_files == 2)
    shelf.clock.seconds += UNUSED_SECONDS - 1
    await shelf.note("used")
    await (await shelf.lent("used")).aclose()
    shelf.clock.seconds += 2
    await _until(lambda: shelf.hits.held_files == 1)

    await (await shelf.lent("used")).aclose()
    shelf.hits.close()


async def test_one_request_in_a_while_goes_the_long_way(shelf: Shelf) -> None:
    await shelf.make("a", 10)
    await shelf.find("a")
    shelf.clock.seconds += BELIEVED_SECONDS

    assert shelf.hits.at_once("GET", target("a"), []) is None
    assert await shelf.find("a") is None
    assert isinstance(await shelf.find("a"), Ready)
    await shelf.note("a")
    shelf.clock.seconds += BELIEVED_SECONDS - 1
    assert isinstance(shelf.hits.at_once("GET", target("a"), []), Ready)
    assert shelf.opened == 1


async def test_terms_are_looked_at_every_time(shelf: Shelf) -> None:
    source = await shelf.files.find(ACCOUNT, "/a")
    assert source is None
    await shelf.make("a", 10)
    await shelf.find("a")
    hit = shelf.hits._hits[target("a")]
    assert hit is not None
    hit.ground = replace(hit.ground, terms=Terms(expires_ms=shelf.clock.now_ms() + 1))

    assert isinstance(await shelf.find("a"), Ready)
    shelf.clock.seconds += 1
    assert shelf.hits.at_once("GET", target("a"), []) is None
    assert await shelf.find("a") is None


@pytest.mark.parametrize("size_bytes", [10, LARGE])
async def test_a_file_that_is_no_longer_readable_is_no_longer_given(
    shelf: Shelf, size_bytes: int
) -> None:
    await shelf.make("a", size_bytes)
    found = await shelf.find("a")
    if isinstance(found, Lent):
        await found.reader.aclose()
    (shelf.root / "a").chmod(0)

    assert await shelf.find("a") is None


async def test_files_of_other_hosts_are_asked_for_at_the_door(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, local=False)
    content = await shelf.make("a", 10)
    found = await shelf.find("a")

    assert isinstance(found, Ready)
    assert found.body == content
    assert shelf.hits.at_once("GET", target("a"), []) is None
    (tmp_path / "a").write_bytes(b"another")
    assert await shelf.find("a") is None


async def test_a_file_rewritten_while_it_is_sent_is_cut_short(shelf: Shelf) -> None:
    await shelf.make("a", LARGE)
    reader = await shelf.lent("a")
    with (shelf.root / "a").open("r+b") as file:
        file.write(b"another")
        file.truncate(LARGE - 1)

    with pytest.raises(SourceChanged):
        await reader.read_at(0, 100)


async def test_bytes_that_are_not_at_hand_are_read_in_a_thread(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = await shelf.make("a", LARGE)
    reader = await shelf.lent("a")

    def waits(*_: object) -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "preadv", waits)
    assert content[:1000] == await reader.read_at(0, 1000)
    await reader.aclose()


async def test_a_file_without_a_descriptor_is_not_tried_again_and_again(shelf: Shelf) -> None:
    class Elsewhere:
        size_bytes = 10

        async def read_at(self, offset: int, length: int) -> bytes:
            return bytes(length)

        def fileno(self) -> None:
            return None

        async def aclose(self) -> None:
            pass

    opened = 0

    async def open_reader() -> Reader:
        nonlocal opened
        opened += 1
        return Elsewhere()

    delivery = FileDelivery(
        representation=Representation(
            size_bytes=10,
            etag='"x"',
            modified_ms=None,
            content=content_of("/a.mp3"),
            cache=for_ever(shared=True),
        ),
        open_reader=open_reader,
    )
    ground = Ground(account=ACCOUNT, sources=(), terms=EVERYBODY)
    for _ in range(5):
        shelf.hits.note(b"/x", delivery, ground, since=0)
        assert await shelf.hits.find("GET", b"/x", []) is None

    assert opened == 1


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def _until(settled: Callable[[], bool]) -> None:
    while not settled():
        await asyncio.sleep(0.001)
