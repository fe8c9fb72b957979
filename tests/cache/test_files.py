"""Local files behind descriptors."""

import io
import os
from pathlib import Path

import pytest

from cache.files import FileReader, version_of
from cache.source import SourceChanged, SourceTooLarge, read_whole


def reader_of(path: Path, *, pinned: bool = False) -> FileReader:
    version = version_of(path.stat()) if pinned else None
    return FileReader(io.FileIO(path, "r"), version=version)


async def test_reads_are_short_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    reader = reader_of(path)

    read = [await reader.read_at(*span) for span in ((0, 4), (8, 4), (10, 1), (99, 1), (3, 0))]
    await reader.aclose()

    assert read == [b"0123", b"89", b"", b"", b""]


async def test_negative_positions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    reader = reader_of(path)

    with pytest.raises(ValueError, match="must not be negative"):
        await reader.read_at(-1, 1)
    await reader.aclose()


async def test_a_reader_outlives_the_name_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"kept")
    reader = reader_of(path, pinned=True)
    path.unlink()
    path.write_bytes(b"other")

    read = await reader.read_at(0, 100)
    await reader.aclose()

    assert read == b"kept"


async def test_a_pinned_reader_notices_rewriting_in_place(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"first")
    reader = reader_of(path, pinned=True)
    path.write_bytes(b"2nd..")
    os.utime(path, ns=(1, 1))

    with pytest.raises(SourceChanged):
        await reader.read_at(0, 5)
    await reader.aclose()


async def test_the_descriptor_reads_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    reader = reader_of(path)

    descriptor = reader.fileno()
    read = os.pread(descriptor, 3, 2) if descriptor is not None else None
    await reader.aclose()
    await reader.aclose()

    assert read == b"234"


async def test_reading_the_whole_of_something_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    reader = reader_of(path)

    whole = await read_whole(reader, 10)
    with pytest.raises(SourceTooLarge):
        await read_whole(reader, 9)
    await reader.aclose()

    assert whole == b"0123456789"
