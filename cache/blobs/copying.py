"""
Copy all blobs below a prefix from one store to another, and again what has changed since.

Both stores list their blobs in the order of their keys, so the two lists are walked side by side,
however long they are.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from cache.blobs import Blob, BlobMissing, Blobs

_AT_ONCE = 8
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobCopy:
    """What was done to the target's blobs."""

    kept: int
    copied: int
    copied_bytes: int
    removed: int


async def copy_blobs(
    source: Blobs, target: Blobs, prefix: str, *, staging: Path, removing: bool
) -> BlobCopy:
    """
    Make the blobs below *prefix* in *target* those of *source*.

    A blob that is there with the same size, and not older, stays. Blobs that are deleted from the
    source meanwhile are left out.

    Args:
        staging: An existing folder on a disk that has room for the largest blobs.

        removing: Whether what the source has not is removed from the target, where an earlier
            copy has put it; or left alone.
    """
    kept = removed = 0
    sizes: list[int] = []
    copying: set[asyncio.Task[None]] = set()

    async def copy(blob: Blob) -> None:
        if await _copy(source, target, blob.key, staging):
            sizes.append(blob.size_bytes)

    try:
        async for mine, theirs in _side_by_side(source.list(prefix), target.list(prefix)):
            if mine is None:
                assert theirs is not None
                if removing:
                    await target.delete(theirs.key)
                    removed += 1
            elif (
                theirs is not None
                and theirs.size_bytes == mine.size_bytes
                and theirs.modified_ms >= mine.modified_ms
            ):
                kept += 1
            else:
                copying.add(asyncio.create_task(copy(mine)))
                if len(copying) >= _AT_ONCE:
                    done, copying = await asyncio.wait(copying, return_when=asyncio.FIRST_COMPLETED)
                    _raise_first(done)
        await asyncio.gather(*copying)
    finally:
        for task in copying:
            task.cancel()
        await asyncio.gather(*copying, return_exceptions=True)
    return BlobCopy(kept=kept, copied=len(sizes), copied_bytes=sum(sizes), removed=removed)


def _raise_first(done: set[asyncio.Task[None]]) -> None:
    for task in done:
        task.result()


async def _copy(source: Blobs, target: Blobs, key: str, staging: Path) -> bool:
    """Copy one blob; False if it is gone."""
    try:
        reader = await source.open(key)
    except BlobMissing:
        return False
    with tempfile.TemporaryDirectory(prefix="copy-", dir=staging) as folder:
        file = Path(folder) / "blob"
        try:
            with file.open("wb") as written:
                offset = 0
                while piece := await reader.read_at(offset, _READ_BYTES):
                    await asyncio.to_thread(written.write, piece)
                    offset += len(piece)
        finally:
            await reader.aclose()
        await target.put(key, file)
    return True


async def _side_by_side(
    mine: AsyncIterator[Blob], theirs: AsyncIterator[Blob]
) -> AsyncIterator[tuple[Blob | None, Blob | None]]:
    """Yield pairs of the same key in the order of keys, None where a store has none."""
    left = await anext(mine, None)
    right = await anext(theirs, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left.key < right.key):
            yield left, None
            left = await anext(mine, None)
        elif left is None or right.key < left.key:
            yield None, right
            right = await anext(theirs, None)
        else:
            yield left, right
            left = await anext(mine, None)
            right = await anext(theirs, None)
