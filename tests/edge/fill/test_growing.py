"""Notes of what grows, as another process or a later version finds them."""

from __future__ import annotations

from typing import cast

import msgspec

from cache.artifacts import Artifacts
from edge.fill.growing import Growth, Growths
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
