"""Reading one version of an object, by ranges that its entity tag pins."""

import asyncio
from collections.abc import Callable

from cache.readahead import ReadAhead
from cache.s3.bucket import Bucket, ObjectFacts
from cache.s3.client import ObjectChanged, ObjectMissing, RangeBeyond
from cache.source import SourceChanged


class ObjectReader:
    """Random access with read-ahead, which grows while reads follow one another."""

    def __init__(
        self,
        bucket: Bucket,
        key: str,
        facts: ObjectFacts,
        *,
        first: bytes = b"",
        on_gone: Callable[[], object] = lambda: None,
    ) -> None:
        """
        Prepare to read.

        Args:
            first: The bytes that its opening has brought.

            on_gone: Called when the bucket turns out to have lost or replaced the version.
        """
        self._bucket = bucket
        self._key = key
        self._facts = facts
        self._on_gone = on_gone
        self._ahead = ReadAhead(facts.size_bytes)
        if first:
            self._ahead.hold(0, first)
        self._turn = asyncio.Lock()

    @property
    def size_bytes(self) -> int:
        """Return the length of this version."""
        return self._facts.size_bytes

    def fileno(self) -> int | None:
        """Return None: the bytes are elsewhere."""
        return None

    async def aclose(self) -> None:
        """Drop what is held in memory."""
        self._ahead.clear()

    async def read_at(self, offset: int, length: int) -> bytes:
        """
        Read *length* bytes from *offset*, fewer only where the object ends; one read at a time.

        Raises:
            SourceChanged: The bucket has lost or replaced this version.

            StoreAway: It does not answer as it should.
        """
        if offset < 0 or length < 0:
            raise ValueError(f"offset {offset} and length {length} must not be negative")
        end = min(offset + length, self.size_bytes)
        pieces = []
        async with self._turn:
            while offset < end:
                piece = self._ahead.held(offset, end) or await self._block(offset, end)
                pieces.append(piece)
                offset += len(piece)
        return b"".join(pieces)

    async def _block(self, offset: int, end: int) -> bytes:
        """Ask for a block, hold it, and return what of it is wanted."""
        until = self._ahead.end_of_block(offset, end)
        try:
            block, _ = await self._bucket.get(self._key, offset, until, etag=self._facts.etag)
        except (ObjectMissing, ObjectChanged, RangeBeyond) as problem:
            self._on_gone()
            raise SourceChanged(self._bucket.url(self._key)) from problem
        self._ahead.hold(offset, block)
        return block[: end - offset]
