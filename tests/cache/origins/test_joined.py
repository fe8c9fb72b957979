from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from cache.origins.joined import JoinedReader, Piece
from cache.source import Reader, SourceChanged, SourceObject


class Opened:
    """A reader of bytes in memory that counts."""

    def __init__(self, content: bytes, closed: list[bytes]) -> None:
        self._content = content
        self._closed = closed
        self.size_bytes = len(content)

    def fileno(self) -> int | None:
        return None

    async def read_at(self, offset: int, length: int) -> bytes:
        return self._content[offset : offset + length]

    async def aclose(self) -> None:
        self._closed.append(self._content)


class Shelf:
    """Files by path."""

    def __init__(self, **files: bytes) -> None:
        self.files = files
        self.opened: Counter[str] = Counter()
        self.closed: list[bytes] = []

    def source(self, name: str) -> SourceObject:
        size_bytes = len(self.files[name])
        return SourceObject(
            path=name, mount="/", version="1", size_bytes=size_bytes, modified_ms=None
        )

    def piece(self, name: str, offset: int = 0, length: int | None = None) -> Piece:
        rest = len(self.files[name]) - offset
        return Piece(
            source=self.source(name), offset=offset, length=rest if length is None else length
        )

    async def open(self, source: SourceObject) -> Reader:
        self.opened[source.path] += 1
        return Opened(self.files[source.path], self.closed)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(a=b"0123", b=b"", c=b"456789abcdef")


async def test_every_range_is_as_of_one_file(shelf: Shelf) -> None:
    reader = JoinedReader(
        [shelf.piece("a"), shelf.piece("b"), shelf.piece("c", 2, 3), shelf.piece("c", 0, 2)],
        shelf.open,
    )
    whole = b"0123" + b"678" + b"45"

    assert (reader.size_bytes, reader.fileno()) == (len(whole), None)
    for offset in range(12):
        for length in range(12):
            assert await reader.read_at(offset, length) == whole[offset : offset + length]
    assert shelf.opened == {"a": 1, "c": 1}
    await reader.aclose()
    assert len(shelf.closed) == 2


def test_it_tells_where_something_begins_apart(shelf: Shelf) -> None:
    def starts(*pieces: tuple[str, bool]) -> tuple[int, ...]:
        told = [replace(shelf.piece(name), apart=apart) for name, apart in pieces]
        return JoinedReader(told, shelf.open).starts

    assert starts(("a", False), ("c", False)) == ()
    assert starts(("a", True), ("c", True), ("a", False), ("a", True)) == (4, 20)
    # What is empty begins where the next thing does, and at the end nothing begins.
    assert starts(("b", True), ("a", False), ("b", True), ("b", True), ("c", False)) == (4,)
    assert starts(("a", False), ("b", True)) == ()


async def test_nothing_is_an_empty_file(shelf: Shelf) -> None:
    reader = JoinedReader([], shelf.open)

    assert (reader.size_bytes, await reader.read_at(0, 10)) == (0, b"")


async def test_few_files_are_open_at_a_time() -> None:
    shelf = Shelf(**{f"f{number}": bytes([number]) for number in range(100)})
    reader = JoinedReader([shelf.piece(name) for name in shelf.files], shelf.open)

    assert await reader.read_at(0, 100) == bytes(range(100))
    assert len(shelf.closed) == 92
    await reader.aclose()
    assert len(shelf.closed) == 100


async def test_a_file_that_became_shorter_is_noticed(shelf: Shelf) -> None:
    piece = shelf.piece("a")
    shelf.files["a"] = b"01"

    with pytest.raises(SourceChanged):
        await JoinedReader([piece], shelf.open).read_at(0, 4)


async def test_a_position_before_the_beginning_is_a_mistake(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        await JoinedReader([shelf.piece("a")], shelf.open).read_at(-1, 1)
