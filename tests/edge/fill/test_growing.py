"""Notes of what grows, as another process or a later version finds them."""

from __future__ import annotations

import asyncio
from typing import cast

import msgspec
import pytest

from cache.artifacts import Artifacts
from cache.names import GROWTH
from cache.receipts import ArtifactFile
from cache.staging import Staging
from edge.fill.growing import Growing, Growth, Growths
from transforms import grammar, planner
from transforms.manifests.grid import GRID

KEY = "0" * 64


class Notes:
    """The notes of one artifact."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    async def read_note(self, key: str, subject: str) -> bytes:
        return self._text


async def found(text: bytes) -> Growth | None:
    return await Growths(cast("Artifacts", Notes(text))).look(KEY)


async def test_a_note_is_read_as_it_was_written() -> None:
    growth = Growth(variants=((), ()), shown=(0,), grid=GRID)

    assert await found(msgspec.json.encode(growth)) == growth


async def test_segments_of_another_grid_are_not_gone_on_with() -> None:
    assert await found(msgspec.json.encode(Growth(variants=((),), grid="9-9"))) is None
    assert await found(b'{"variants":[[]],"files":{},"shown":null,"ended":false}') is None


async def test_a_note_that_is_none_is_nothing() -> None:
    assert await found(b"\xff{") is None


class Store:
    """A store that has notes only, and is away now and then."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.left: list[str] = []
        self.answers: list[bytes | Exception] = []

    async def read_note(self, key: str, subject: str) -> bytes | None:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def write_note(self, key: str, subject: str, text: bytes) -> None:
        self.written.append(subject)

    def leave(self, key: str, size_bytes: int) -> None:
        self.left.append(key)


async def begun(notes: Store) -> tuple[Growths, Growing]:
    growths = Growths(cast("Artifacts", notes))
    url = planner.plan(grammar.split("/W142hJk/audio/a.mp3", "f=hls-aac-rt"))
    growing = await growths.begin("0f", url.plan, cast("Staging", None))
    file = ArtifactFile(path="/0f/0.ts", digest="0", size_bytes=10, media_type="video/mp2t")
    growing.files = {file.path: file}
    return growths, growing


async def test_a_store_that_is_away_for_a_moment_ends_no_listening(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.fill.growing.POLL_SECONDS", 0.001)
    notes = Store()
    notes.answers = [b"", OSError("away"), b"no JSON", b"[0, 7]"]
    growths, growing = await begun(notes)

    assert await asyncio.wait_for(growing.wants.get(), 60) == (0, 7)
    await growths.end(growing, complete=False, unfinished=True)


@pytest.mark.parametrize("ours", [True, False], ids=["alone", "another-run-follows"])
async def test_the_end_is_noted_unless_somebody_has_begun_anew(ours: bool) -> None:
    notes = Store()
    growths, growing = await begun(notes)
    await growths.end(growing, complete=False, unfinished=False, ours=ours)

    assert (notes.written, notes.left) == (([GROWTH], ["0f"]) if ours else ([], []))
    assert not growths.makes("0f")
