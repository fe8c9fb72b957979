"""
A folder of a bucket as an origin.

An object is known by its HEAD, which is believed for a while, and read by ranges that its entity
tag pins. Its version is its tag and its length: to put the same bytes again changes nothing.
"""

import hashlib
import time
from collections.abc import Callable

from cache.origins.beliefs import Beliefs
from cache.origins.paths import inside, join, segments
from cache.readahead import Leftovers
from cache.s3.bucket import Bucket, ObjectFacts
from cache.s3.client import ObjectMissing
from cache.s3.reader import ObjectReader
from cache.source import SourceChanged, SourceMissing, SourceObject


class S3Folder:
    """Serves the objects of *bucket* under *mount*."""

    def __init__(
        self,
        bucket: Bucket,
        mount: str,
        ttl_seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Prepare the folder; nothing is asked before the first find.

        Args:
            ttl_seconds: How long an object is believed to be unchanged.
        """
        self._bucket = bucket
        self._mount = mount
        self._leftovers = Leftovers(clock=clock)
        self._beliefs: Beliefs[ObjectFacts] = Beliefs(
            self._ask, ttl_seconds=ttl_seconds, clock=clock
        )

    async def find(self, path: str, query: str = "") -> SourceObject | None:
        """
        Describe the object at *path*, from memory while that is fresh.

        Raises:
            StoreAway: The bucket does not answer, and there is no answer left to go by.
        """
        if segments(path) is None:
            return None
        facts = await self._beliefs.version(path)
        if facts is None:
            return None
        return SourceObject(
            path=join(self._mount, path),
            mount=self._mount,
            version=_name(facts),
            size_bytes=facts.size_bytes,
            modified_ms=facts.modified_ms,
        )

    def address(self, path: str) -> None:
        """Return None: an object has no URL that everybody could ask for."""

    async def open(self, source: SourceObject) -> ObjectReader:
        """
        Prepare to read the version that *source* names; it is asked for again only if unknown.

        Raises:
            SourceMissing, SourceChanged: The bucket has lost or replaced it.

            StoreAway: It does not answer.
        """
        path = inside(self._mount, source.path)
        if path is None or segments(path) is None:
            raise SourceMissing(source.path)
        facts = self._beliefs.believed(path)
        if facts is None or _name(facts) != source.version:
            facts = await self._beliefs.asked(path)
        if facts is None:
            raise SourceMissing(source.path)
        if _name(facts) != source.version:
            raise SourceChanged(source.path)
        # Whoever asks next need not fail for as long as the old answer would be believed.
        return ObjectReader(
            self._bucket,
            path[1:],
            facts,
            ahead=self._leftovers.ahead_of(f"{source.version}{path}", facts.size_bytes),
            on_gone=lambda: self._beliefs.forget(path),
        )

    async def _ask(self, path: str, _: ObjectFacts | None) -> ObjectFacts | None:
        try:
            return await self._bucket.head(path[1:])
        except ObjectMissing:
            return None


def _name(facts: ObjectFacts) -> str:
    text = repr([facts.etag, facts.size_bytes])
    return hashlib.sha256(text.encode()).hexdigest()[:32]
