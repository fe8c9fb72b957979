"""
Blobs that move house: new ones are put where they belong now, those of before are still found.

Whoever says where blobs are to lie from now on keeps what he has, without a day of copying first.
"""

from collections.abc import AsyncIterator
from pathlib import Path

from cache.blobs import Blob, BlobMissing, Blobs
from cache.source import Reader


class WithEarlier:
    """Puts into *blobs*; reads and deletes there and in *earlier*."""

    def __init__(self, blobs: Blobs, earlier: Blobs) -> None:
        self._blobs = blobs
        self._earlier = earlier

    async def put(self, key: str, path: Path) -> None:
        """Put a blob where it belongs now; one of before is no longer seen."""
        await self._blobs.put(key, path)

    async def open(self, key: str) -> Reader:
        """
        Open a blob, wherever it is.

        Raises:
            BlobMissing: It is in neither place.
        """
        try:
            return await self._blobs.open(key)
        except BlobMissing:
            return await self._earlier.open(key)

    async def touch(self, key: str) -> None:
        """Make a blob young in the place where it belongs now."""
        await self._blobs.touch(key)

    async def delete(self, key: str) -> None:
        """Delete a blob in both places."""
        await self._blobs.delete(key)
        await self._earlier.delete(key)

    async def delete_prefix(self, prefix: str) -> int:
        """Delete the blobs whose key starts with *prefix* and count each place's."""
        return await self._blobs.delete_prefix(prefix) + await self._earlier.delete_prefix(prefix)

    async def list(self, prefix: str) -> AsyncIterator[Blob]:
        """Yield the blobs of both places by key; of two of one key, that of the right place."""
        waiting = [blob async for blob in self._earlier.list(prefix)]
        waiting.reverse()
        async for blob in self._blobs.list(prefix):
            while waiting and waiting[-1].key < blob.key:
                yield waiting.pop()
            if waiting and waiting[-1].key == blob.key:
                waiting.pop()
            yield blob
        while waiting:
            yield waiting.pop()
