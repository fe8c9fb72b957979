"""Chores of the library: what has come since they were ordered, and what cannot be done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from edge.fill.chores import Order
from edge.fill.filler import Filler, Standing
from edge.fill.leases import Progress
from edge.fill.problems import FillProblem, QueueFull, TooManyTransforms
from edge.fill.wanted import Wanted
from edge.library.chores import (
    CopyFile,
    CopyFolder,
    DeleteFolder,
    LibraryChores,
    Relabel,
    Save,
)
from edge.library.media.media import Draft
from edge.library.paths import PathWish
from edge.library.uploads.intake import Wish
from edge.node import Node, open_node
from edge.sandbox.problems import MediaProblem
from edge.settings import Settings
from tests.support.media import make
from tests.support.synth import tone

ACCOUNT = "W142hJk"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    data: Path = tmp_path_factory.mktemp("chores") / "data"
    async with open_node(Settings(data=data, workers=1)) as opened:
        yield opened


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def chores(node: Node) -> LibraryChores:
    return LibraryChores(
        library=node.archive.library,
        catalogue=node.records.catalogue,
        folders=node.records.folders,
        filler=node.filler,
    )


async def one(piece: bytes) -> AsyncIterator[bytes]:
    yield piece


async def bring(node: Node, path: str, content: bytes) -> int:
    """Upload a file; return when it came."""
    wish = Wish(path=PathWish(whole=path), size_bytes=1 << 20, overwrites=True)
    return (await node.archive.intake.bring(ACCOUNT, wish, one(content))).modified_ms


def order(wanted: Any, at_ms: int, *, begun_before: bool = False) -> Order:
    text = msgspec.json.encode(wanted)
    return Order(account=ACCOUNT, text=text, at_ms=at_ms, begun_before=begun_before)


async def digest_at(node: Node, path: str) -> str | None:
    entry = await node.records.catalogue.find(ACCOUNT, path)
    return None if entry is None else entry.digest


async def test_files_that_came_after_the_order_are_not_deleted(
    node: Node, chores: LibraryChores
) -> None:
    old_ms = await bring(node, "/d/old.txt", b"old")
    new_ms = await bring(node, "/d/new.txt", b"new")
    while new_ms <= old_ms:
        new_ms = await bring(node, "/d/new.txt", b"new")

    batch = order(["/d/old.txt", "/d/new.txt", "/d/none.txt"], old_ms)
    assert await chores.delete_files(batch, Progress()) == {"deleted": 1, "missing": 2}
    folders = order([DeleteFolder(path="/d")], old_ms)
    assert await chores.delete_folders(folders, Progress()) == {"deleted": 0}
    assert await digest_at(node, "/d/old.txt") is None
    assert await digest_at(node, "/d/new.txt") is not None
    later = order([DeleteFolder(path="/d")], new_ms)
    assert await chores.delete_folders(later, Progress()) == {"deleted": 1}


async def test_a_chore_is_told_when_it_was_ordered(node: Node) -> None:
    await bring(node, "/told.txt", b"told")
    job = await node.runner.begin_chore(ACCOUNT, "delete-files", b'["/told.txt"]')

    assert msgspec.json.decode(job.details) == {"deleted": 1, "missing": 0}


async def test_a_copy_gone_on_with_leaves_what_came_after_the_order(
    node: Node, chores: LibraryChores
) -> None:
    for name in ("1", "2", "3"):
        ordered_ms = await bring(node, f"/from/{name}.txt", name.encode())
    came_ms = await bring(node, "/to/1.txt", b"of its own")
    while came_ms <= ordered_ms:
        came_ms = await bring(node, "/to/1.txt", b"of its own")
    await bring(node, "/to/2.txt", b"2")
    own, copied = await digest_at(node, "/to/1.txt"), await digest_at(node, "/to/2.txt")
    wanted = [
        CopyFile(source=f"/from/{name}.txt", destination=f"/to/{name}.txt")
        for name in ("1", "2", "3")
    ]

    again = order(wanted, ordered_ms, begun_before=True)
    assert await chores.copy_files(again, Progress()) == {
        **{"copied": 2, "missing": 0, "failed": 1},
        "reason": "A newer file is at /to/1.txt.",
    }
    assert await digest_at(node, "/to/1.txt") == own
    assert await digest_at(node, "/to/2.txt") == copied
    assert await digest_at(node, "/to/3.txt") == await digest_at(node, "/from/3.txt")


async def test_what_cannot_be_copied_is_counted_and_the_rest_is_copied(
    node: Node, chores: LibraryChores
) -> None:
    at_ms = await bring(node, "/tree/0.txt", b"0")
    await bring(node, f"/tree/{'a' * 250}.txt", b"1")
    await bring(node, "/tree/z.txt", b"2")
    await node.records.folders.make(
        ACCOUNT, f"/tree/{'m' * 250}", description=None, permissions=None
    )
    far = f"/{'b' * 200}/{'c' * 100}"
    wanted = order([CopyFolder(source="/tree", destination=far)], at_ms)
    summary = await chores.copy_folders(wanted, Progress())

    assert (summary["copied"], summary["failed"]) == (2, 2)
    assert str(summary["reason"]).startswith("The path has ")
    assert await digest_at(node, f"{far}/z.txt") == await digest_at(node, "/tree/z.txt")


async def test_what_is_refused_is_counted_and_the_rest_is_copied(
    node: Node, chores: LibraryChores
) -> None:
    at_ms = await bring(node, "/sizes/big.txt", b"x" * 1000)
    await bring(node, "/sizes/small.txt", b"x")
    used = await node.records.catalogue.stored_bytes(ACCOUNT)
    intake = node.archive.intake
    tight = replace(intake, quota=replace(intake.quota, default_bytes=used + 100))
    wanted = [
        CopyFile(source=f"/sizes/{name}.txt", destination=f"/sizes/{name}2.txt")
        for name in ("big", "small", "none")
    ]
    wanted.append(replace_tags(wanted[1], "no\0tag"))
    summary = await replace(chores, library=replace(chores.library, intake=tight)).copy_files(
        order(wanted, at_ms), Progress()
    )

    assert (summary["copied"], summary["missing"], summary["failed"]) == (1, 1, 2)
    assert await digest_at(node, "/sizes/small2.txt") is not None


def replace_tags(wish: CopyFile, *tags: str) -> CopyFile:
    return msgspec.structs.replace(wish, relabel=Relabel(tags=tags))


@dataclass
class Crowded:
    """A filler that has no room at first."""

    filler: Filler
    refusals: list[FillProblem]

    async def obtain(self, wanted: Wanted) -> Standing:
        if self.refusals:
            raise self.refusals.pop()
        return await self.filler.obtain(wanted)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.filler, name)


def saving(destination: str) -> Order:
    subject = f"/{ACCOUNT}/audio/sound.wav?f=wav-riff"
    draft = Draft()
    return order(
        Save(subject=subject, destination=destination, draft=draft, draft_of_others=draft), 0
    )


async def test_a_transform_to_be_kept_waits_until_there_is_room_for_it(
    node: Node, chores: LibraryChores
) -> None:
    await bring(node, "/sound.wav", make("wav-16", tone(800, rate=8_000), rate=8_000))
    refusals: list[FillProblem] = [
        QueueFull(retry_after_seconds=0),
        TooManyTransforms(a_minute=1, retry_after_seconds=0),
    ]
    crowded: Any = Crowded(node.filler, refusals)

    told = await replace(chores, filler=crowded).save(saving("/kept.wav"), Progress())
    assert (told, refusals) == ({"filePath": "/kept.wav"}, [])
    assert await digest_at(node, "/kept.wav") is not None


async def test_a_path_that_no_file_can_have_is_told_as_such(
    node: Node, chores: LibraryChores
) -> None:
    await bring(node, "/sound.wav", make("wav-16", tone(800, rate=8_000), rate=8_000))

    with pytest.raises(MediaProblem) as refused:
        await chores.save(saving(f"/{'a/' * 300}.wav"), Progress())
    assert refused.value.code == "bad_path"
