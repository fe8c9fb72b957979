"""What was made of files, removed when they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from cache.artifacts import Artifacts
from edge.jobs.sources.store import JobSources


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeOf:
    """
    Removes the artifacts that deleted files are in.

    What is still being made is removed by a sweep once its job has settled: whoever makes it may
    have looked at its files for the last time before they were deleted.
    """

    sources: JobSources
    artifacts: Artifacts

    async def clear(self, account: str, paths: Collection[str]) -> None:
        """Remove what was made of files that have just been deleted."""
        await self._remove(await self.sources.gone(account, paths))

    async def sweep(self, *, most: int = 1000) -> int:
        """Remove what others have left a while ago; return how many artifacts that may be."""
        keys = await self.sources.left(most=most)
        await self._remove(keys)
        return len(keys)

    async def _remove(self, keys: Collection[str]) -> None:
        try:
            for key in keys:
                await self.artifacts.remove(key)
        except BaseException:
            # Some are gone.
            await self.sources.tell_removed(keys)
            raise
        await self.sources.forget(keys)
