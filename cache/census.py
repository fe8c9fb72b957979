"""
What is in a store of artifacts, counted by listing it.

A store that others publish to and evict from, too, is counted again now and then, and before
anything is evicted: no process may go by what it has published itself. That happens beside the
work, because a bucket may take minutes to list.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from cache import names
from cache.blobs import Blobs
from cache.source import StoreAway

_log = logging.getLogger(__name__)

_EVERY_SECONDS = 900
_LEAST_SECONDS = 60

# A store that is long to list is not listed all the time.
_LISTING_SHARE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What there is of each artifact, by its key."""

    sizes: dict[str, int] = field(default_factory=dict)

    used_ms: dict[str, int] = field(default_factory=dict)
    """When it was last used, of those that are complete."""

    newest_ms: dict[str, int] = field(default_factory=dict)
    """When the last of its files was stored."""

    @property
    def latest_ms(self) -> int:
        """Return the latest time that the store has written down, which was not long ago."""
        return max(self.newest_ms.values(), default=0)


async def count(blobs: Blobs) -> Census:
    """List the whole store."""
    census = Census()
    async for blob in blobs.list(names.ROOT):
        key = names.owner(blob.key)
        if key is None:
            continue
        census.sizes[key] = census.sizes.get(key, 0) + blob.size_bytes
        census.newest_ms[key] = max(census.newest_ms.get(key, 0), blob.modified_ms)
        if blob.key == names.receipt_key(key):
            census.used_ms[key] = blob.modified_ms
    return census


class Recounting:
    """Counts at once, then again and again in the background."""

    def __init__(
        self,
        recount: Callable[[], Awaitable[object]],
        *,
        every_seconds: float = _EVERY_SECONDS,
        least_seconds: float = _LEAST_SECONDS,
    ) -> None:
        """
        Prepare.

        Args:
            recount: Counts, and evicts what is too much.

            every_seconds: From one count to the next; the nodes of a cluster drift apart.

            least_seconds: The same where somebody asks for the next.
        """
        self._recount = recount
        self._every_seconds = every_seconds
        self._least_seconds = least_seconds
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to count."""
        self._task = asyncio.create_task(self._run(), name="count artifacts")

    def ask(self) -> None:
        """Count soon."""
        self._asked.set()

    async def aclose(self) -> None:
        """Count no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._asked.clear()
            began = time.monotonic()
            try:
                await self._recount()
            except StoreAway as problem:
                _log.warning("the artifacts cannot be counted now: %s", problem)
            took = time.monotonic() - began
            least = max(self._least_seconds, took * _LISTING_SHARE)
            await asyncio.sleep(least)
            drifting = random.uniform(0.8, 1.2) * self._every_seconds
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0, drifting - least)):
                    await self._asked.wait()
