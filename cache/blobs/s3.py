"""
Blobs as objects below a prefix of a bucket.

A put is repeated until it is answered, which harms nothing, because it says its length and its
sum: the bucket has the old bytes or all of the new ones. A reader holds on to the version it
began with; where that is replaced or deleted meanwhile, the rest of a long blob is a
``SourceChanged``, while a short one has been read at its opening.
"""

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from cache.blobs import Blob, BlobMissing, check_key
from cache.readahead import MIN_BLOCK_BYTES, ReadAhead
from cache.s3.bucket import Bucket, digest_of
from cache.s3.client import ObjectMissing, RangeBeyond
from cache.s3.multipart import PART_BYTES, put_in_parts
from cache.s3.reader import ObjectReader
from cache.source import StoreAway

_log = logging.getLogger(__name__)

_SHORT_BYTES = 1 << 20

# Touching is a copy, and is paid for as one; what lies between is what eviction does not see.
_TOUCHED_EVERY_SECONDS = 600
_TOUCHES_REMEMBERED = 100_000
_TOUCH_SECONDS = 2


class S3Blobs:
    """Keeps each blob in the object of the same name below the prefix of *bucket*."""

    def __init__(self, bucket: Bucket, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._bucket = bucket
        self._clock = clock
        self._touched: OrderedDict[str, float] = OrderedDict()

    async def put(self, key: str, path: Path) -> None:
        """
        Put the file at *path*, in parts if it is long, and remove it.

        Raises:
            StoreAway: The bucket does not take it.
        """
        check_key(key)
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        if size_bytes > PART_BYTES:
            await put_in_parts(self._bucket, key, path, size_bytes)
        else:
            client = self._bucket.client
            short = size_bytes <= _SHORT_BYTES
            async with client.short_bodies if short else client.long_bodies:
                content = await asyncio.to_thread(path.read_bytes)
                digest = await asyncio.to_thread(digest_of, content)
                await self._bucket.put(key, content, digest)
        await asyncio.to_thread(path.unlink)

    async def open(self, key: str) -> ObjectReader:
        """
        Open a blob, and bring its first bytes.

        Raises:
            BlobMissing: Nothing is stored under *key*.

            StoreAway: The bucket does not answer.
        """
        check_key(key)
        try:
            try:
                first, facts = await self._bucket.get(key, 0, MIN_BLOCK_BYTES)
            except RangeBeyond:
                # Nothing is what an empty one has to give.
                first, facts = b"", await self._bucket.head(key)
        except ObjectMissing as problem:
            raise BlobMissing(key) from problem
        ahead = ReadAhead(facts.size_bytes)
        ahead.hold(0, first)
        return ObjectReader(self._bucket, key, facts, ahead=ahead)

    async def touch(self, key: str) -> None:
        """Make a blob young, every ten minutes at most, if the bucket has time for that."""
        now = self._clock()
        touched = self._touched.get(key)
        if touched is not None and now - touched < _TOUCHED_EVERY_SECONDS:
            return
        self._touched[key] = now
        self._touched.move_to_end(key)
        if len(self._touched) > _TOUCHES_REMEMBERED:
            self._touched.popitem(last=False)
        with contextlib.suppress(ObjectMissing):
            try:
                async with asyncio.timeout(_TOUCH_SECONDS):
                    await self._bucket.touch(check_key(key))
            except (StoreAway, TimeoutError) as problem:
                _log.info("the use of %s was not written down: %s", key, problem)

    async def delete(self, key: str) -> None:
        """Delete the object."""
        await self._bucket.delete(check_key(key))

    async def delete_prefix(self, prefix: str) -> int:
        """Delete the objects whose keys start with *prefix*, a thousand at a time."""
        keys = [found.key async for found in self._bucket.list(prefix)]
        await self._bucket.delete_all(keys)
        return len(keys)

    async def list(self, prefix: str) -> AsyncIterator[Blob]:
        """Yield the blobs whose key starts with *prefix*, sorted by key."""
        async for found in self._bucket.list(prefix):
            yield Blob(key=found.key, size_bytes=found.size_bytes, modified_ms=found.modified_ms)
