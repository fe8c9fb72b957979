"""
The bytes of uploaded files: received, put together, kept.

Nothing is held in memory but the piece that is passing, and nothing is in its place before all of
it is on disk. Names of blobs are never used twice, so a file that is replaced stays whole for
whoever is reading it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from cache.blobs import BlobMissing, Blobs
from cache.source import Reader, SourceMissing
from cache.staging import Staging, StagingArea

_FILE = "/file"
_WRITTEN_AT_ONCE_BYTES = 1 << 20


class BodyTooLong(Exception):
    """More bytes came than were announced or are allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Bytes that have arrived and are in no place yet; ``digest`` is SHA-256, hexadecimal."""

    size_bytes: int
    digest: str
    staging: Staging


class Storage:
    """Keeps the bytes of uploads in a store of blobs."""

    def __init__(self, blobs: Blobs, area: StagingArea) -> None:
        self._blobs = blobs
        self._area = area

    @asynccontextmanager
    async def receiving(
        self, pieces: AsyncIterable[bytes], *, most_bytes: int
    ) -> AsyncIterator[Received]:
        """
        Write a body down as it comes, and forget it at the end unless it was kept.

        Raises:
            BodyTooLong: It has more than *most_bytes*.
        """
        staging = await self._area.stage()
        try:
            with staging.create(_FILE) as file:
                writer = _Writer(file)
                async for piece in pieces:
                    if writer.size_bytes + len(piece) > most_bytes:
                        raise BodyTooLong(most_bytes)
                    await writer.take(piece)
                await writer.flush()
            yield Received(size_bytes=writer.size_bytes, digest=writer.digest, staging=staging)
        finally:
            await staging.discard()

    async def keep(self, blob: str, received: Received) -> None:
        """Put what was received into its place, durably."""
        await self._blobs.put(blob, received.staging.take(_FILE))

    async def join(self, blob: str, parts: Sequence[str]) -> Received:
        """
        Put blobs behind each other into one; they stay where they are.

        Raises:
            SourceMissing: One of them is gone.
        """
        async with self.receiving(self.bytes_of(parts), most_bytes=1 << 62) as joined:
            await self.keep(blob, joined)
        return joined

    async def open(self, blob: str) -> Reader:
        """
        Open a file's bytes.

        Raises:
            SourceMissing: They are gone.
        """
        try:
            return await self._blobs.open(blob)
        except BlobMissing as problem:
            raise SourceMissing(blob) from problem

    async def forget(self, *blobs: str) -> None:
        """Delete bytes that nothing names any more."""
        for blob in blobs:
            await self._blobs.delete(blob)

    async def bytes_of(self, parts: Sequence[str]) -> AsyncIterator[bytes]:
        """
        Yield what is in blobs, one after the other.

        Raises:
            SourceMissing: One of them is gone.
        """
        for part in parts:
            reader = await self.open(part)
            try:
                for at in range(0, reader.size_bytes, _WRITTEN_AT_ONCE_BYTES):
                    yield await reader.read_at(at, _WRITTEN_AT_ONCE_BYTES)
            finally:
                await reader.aclose()


class _Writer:
    """Writes and hashes in a thread, some pieces at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self.size_bytes = 0

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    async def take(self, piece: bytes) -> None:
        self._waiting.append(piece)
        self._waiting_bytes += len(piece)
        self.size_bytes += len(piece)
        if self._waiting_bytes >= _WRITTEN_AT_ONCE_BYTES:
            await self.flush()

    async def flush(self) -> None:
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if waiting:
            await asyncio.to_thread(self._write, b"".join(waiting))

    def _write(self, content: bytes) -> None:
        self._hash.update(content)
        self._file.write(content)
