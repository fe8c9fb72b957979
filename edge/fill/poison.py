"""
Files that kill the workers that read them, or keep them for ever, remembered by version.

A job is tried twice, but a file has as many jobs as there are URLs of it. So deaths are counted
for the file as well, and from the second on every transform of it is answered from here.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence

from cache.hot import HotCache
from cache.source import SourceObject
from edge.sandbox.problems import DeadlineExceeded, MediaProblem, WorkerDied, ZygoteLost

MOST_DEATHS = 2

# Whatever it was (a machine short of memory, an engine since replaced), it is tried again one day.
_REMEMBERED_SECONDS = 24 * 3600.0


class Poison:
    """Counts how many workers each version of a file has killed."""

    def __init__(self, hot: HotCache) -> None:
        self._hot = hot
        self._counting = asyncio.Lock()

    async def refuse(self, sources: Sequence[SourceObject]) -> None:
        """
        Let pass what has killed fewer than ``MOST_DEATHS`` workers.

        Raises:
            MediaProblem: One of *sources* has killed as many.
        """
        for source in sources:
            if await self._deaths(source) >= MOST_DEATHS:
                raise MediaProblem(
                    code="worker_died",
                    message=(
                        f"Reading {source.path} crashed the worker, or never ended, "
                        f"{MOST_DEATHS} times."
                    ),
                    details={},
                )

    @contextlib.asynccontextmanager
    async def watching(
        self, *sources: SourceObject, slow: Callable[[], bool] = lambda: False
    ) -> AsyncIterator[None]:
        """
        Count it against *sources* if the worker that reads them dies or is killed at its deadline.

        Args:
            slow: Tells whether a missed deadline was that of work which went on all the time.
        """
        try:
            yield
        except ZygoteLost:
            raise
        except WorkerDied:
            await self.note(sources)
            raise
        except DeadlineExceeded:
            if not slow():
                await self.note(sources)
            raise

    async def note(self, sources: Sequence[SourceObject]) -> None:
        """Count a death; where several files were read, none can be blamed for it."""
        if len(set(sources)) != 1:
            return
        async with self._counting:
            count = await self._deaths(sources[0]) + 1
            await self._hot.put(_name(sources[0]), str(count).encode(), _REMEMBERED_SECONDS)

    async def _deaths(self, source: SourceObject) -> int:
        told = await self._hot.get(_name(source))
        return int(told) if told is not None and told.isdigit() else 0


def _name(source: SourceObject) -> str:
    text = "\n".join((source.mount, source.path, source.version))
    return f"deaths/{hashlib.sha256(text.encode()).hexdigest()}"
