"""Files in a row, as sources of their own."""

from __future__ import annotations

from tests.support.memory import MemorySource
from transforms.sources import Linked, LinkedFile


def files(source: Linked) -> list[LinkedFile]:
    found = []
    file: LinkedFile | None = source.first
    while file is not None:
        found.append(file)
        file = file.following()
    return found


def test_each_file_ends_where_the_next_begins() -> None:
    whole = Linked(MemorySource(b"0123456789"), (4, 5))
    contents = [b"0123", b"4", b"56789"]

    assert whole.size_bytes == 10
    assert whole.read_at(3, 4) == b"3456"
    assert [file.size_bytes for file in files(whole)] == [4, 1, 5]
    for file, content in zip(files(whole), contents, strict=True):
        for offset in range(7):
            for length in range(7):
                assert file.read_at(offset, length) == content[offset : offset + length]


def test_one_file_is_followed_by_none() -> None:
    (only,) = files(Linked(MemorySource(b"0123"), ()))

    assert only.read_at(0, 9) == b"0123"
