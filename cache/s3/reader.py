"""Reading one version of an object, by ranges that its entity tag pins."""

from collections.abc import Callable

from cache.ranged import RangedReader
from cache.readahead import ReadAhead
from cache.s3.bucket import Bucket, ObjectFacts
from cache.s3.client import ObjectChanged, ObjectMissing, RangeBeyond
from cache.source import SourceChanged


class ObjectReader(RangedReader):
    """Random access to an object; raises ``StoreAway`` while its bucket does not answer."""

    def __init__(
        self,
        bucket: Bucket,
        key: str,
        facts: ObjectFacts,
        *,
        ahead: ReadAhead | None = None,
        on_gone: Callable[[], object] = lambda: None,
    ) -> None:
        """
        Prepare to read.

        Args:
            ahead: What of it is held already, and goes on being held.

            on_gone: Called when the bucket turns out to have lost or replaced the version.
        """
        super().__init__(ahead or ReadAhead(facts.size_bytes), on_gone=on_gone)
        self._bucket = bucket
        self._key = key
        self._etag = facts.etag

    async def _asked(self, offset: int, until: int) -> bytes:
        try:
            block, _ = await self._bucket.get(self._key, offset, until, etag=self._etag)
        except (ObjectMissing, ObjectChanged, RangeBeyond) as problem:
            raise SourceChanged(self._bucket.url(self._key)) from problem
        return block
