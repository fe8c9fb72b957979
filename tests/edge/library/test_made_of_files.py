"""What was made of files goes with them, and nothing else is looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cache import names
from cache.blobs import Blob
from cache.blobs.disk import DiskBlobs
from edge.fill.filler import Standing
from edge.fill.wanted import understand
from edge.library.paths import PathWish
from edge.library.uploads.intake import Wish
from edge.node import Node, open_node
from edge.settings import Settings
from tests.support.media import make
from tests.support.synth import tone

ACCOUNT = "W142hJk"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    data: Path = tmp_path_factory.mktemp("made-of") / "data"
    async with open_node(Settings(data=data, workers=1)) as opened:
        yield opened


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def one(piece: bytes) -> AsyncIterator[bytes]:
    yield piece


async def bring(node: Node, path: str) -> None:
    sound = make("wav-16", tone(800, rate=8_000), rate=8_000)
    wish = Wish(path=PathWish(whole=path), size_bytes=1 << 20, overwrites=True)
    await node.archive.library.bring(ACCOUNT, wish, one(sound))


async def made(node: Node, rest: str) -> Standing:
    wanted = await node.filler.find(understand(f"/{ACCOUNT}/audio/{rest}"))
    standing = await node.filler.wait(await node.filler.obtain(wanted), 60)
    assert standing.receipt is not None
    return standing


async def test_what_was_made_of_a_file_goes_with_it_and_nothing_else_is_read(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/talk one.wav", "/intro.wav", "/Talk one.wav"):
        await bring(node, path)
    of_it = [
        await made(node, "talk%20one.wav?f=wav-riff"),
        await made(node, "intro.wav?f=wav-riff&append=/talk%20one.wav"),
    ]
    others = [await made(node, f"{name}?f=wav-riff") for name in ("intro.wav", "Talk%20one.wav")]
    listed: list[str] = []
    whole_list = DiskBlobs.list

    def spy(blobs: DiskBlobs, prefix: str) -> AsyncIterator[Blob]:
        listed.append(prefix)
        return whole_list(blobs, prefix)

    monkeypatch.setattr(DiskBlobs, "list", spy)
    await node.archive.library.delete_file(ACCOUNT, "/talk one.wav")

    assert names.ROOT not in listed
    assert [await node.filler.is_there(each.job) for each in of_it] == [False, False]
    assert [await node.filler.is_there(each.job) for each in others] == [True, True]


async def test_what_a_killed_process_has_left_of_a_file_goes_in_a_round(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bring(node, "/left.wav")
    standing = await made(node, "left.wav?f=wav-riff")
    # As if the process had died after it had deleted the file, and before all the rest.
    assert await node.records.catalogue.remove(ACCOUNT, "/left.wav") is not None

    made_of = node.archive.library.made_of
    assert await made_of.sweep() == 0
    monkeypatch.setattr("edge.jobs.sources.store._CLEARED_BY_ITSELF_MS", -1000)
    assert await made_of.sweep() == 1
    assert not await node.filler.is_there(standing.job)
    assert await made_of.sweep() == 0
