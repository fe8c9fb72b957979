"""
Local files: reading one by position, and making its new name outlive a power cut.

Folders, blobs and staged files all hand out the same reader, which holds a descriptor: what it
reads stays readable when the file is evicted, renamed or replaced.
"""

import asyncio
import contextlib
import io
import os
from pathlib import Path

from cache.source import SourceChanged


def version_of(facts: os.stat_result) -> str:
    """Name the version of a file by what changes whenever it is rewritten or replaced."""
    return f"{facts.st_mtime_ns:x}-{facts.st_size:x}-{facts.st_ino:x}"


class FileReader:
    """Reads an open file in threads; given a version, notices when it is rewritten in place."""

    def __init__(self, file: io.FileIO, *, version: str | None = None) -> None:
        self._file = file
        self._version = version
        self._size_bytes = os.fstat(file.fileno()).st_size

    @property
    def size_bytes(self) -> int:
        """Return the length at the time of opening."""
        return self._size_bytes

    async def read_at(self, offset: int, length: int) -> bytes:
        """
        Read *length* bytes from *offset*, fewer only where the file ends.

        Raises:
            SourceChanged: The file was rewritten since it was opened.
        """
        if offset < 0 or length < 0:
            raise ValueError(f"offset {offset} and length {length} must not be negative")
        length = min(length, self._size_bytes - offset)
        return await asyncio.to_thread(self._read, offset, length) if length > 0 else b""

    def fileno(self) -> int | None:
        """Return the descriptor, valid until the reader is closed."""
        return self._file.fileno()

    async def aclose(self) -> None:
        """Close the descriptor."""
        self._file.close()

    def _read(self, offset: int, length: int) -> bytes:
        descriptor = self._file.fileno()
        pieces = []
        while length > 0 and (piece := os.pread(descriptor, length, offset)):
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        # The check comes after the reading: before it, a writer could still slip in between.
        if self._version is not None and version_of(os.fstat(descriptor)) != self._version:
            raise SourceChanged("the file was rewritten while it was read")
        return b"".join(pieces)


def make_directory(path: Path) -> None:
    """Create *path* and its missing parents so that they survive a power cut."""
    if path.is_dir():
        return
    make_directory(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir()
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Flush the names in *path*; a rename is durable only after this."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Flush the bytes of *path*."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
