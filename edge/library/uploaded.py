"""
An account's uploaded files, taken as one thing: what is deleted here is gone everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from cache.artifacts import Artifacts
from cache.source import Reader, SourceObject
from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import Catalogue
from edge.library.debris.store import Debris
from edge.library.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The catalogue of uploaded files, and their bytes."""

    catalogue: Catalogue
    debris: Debris
    artifacts: Artifacts

    async def delete(self, account: str, path: str) -> FileEntry | None:
        """
        Delete a file, its bytes, and all that was made of it.

        Returns:
            What it was; None if there was none.
        """
        removed = await self.catalogue.remove(account, path)
        if removed is None:
            return None
        await self.debris.clear(*removed.debris)
        await self.artifacts.purge(account, lambda known: known == path)
        return removed.file


class Uploaded:
    """Uploaded files as sources."""

    def __init__(self, catalogue: Catalogue, storage: Storage) -> None:
        self._catalogue = catalogue
        self._storage = storage

    async def find(self, account: str, path: str) -> SourceObject | None:
        """Describe the file that was uploaded to *path*, if one was."""
        entry = await self._catalogue.find(account, path)
        return None if entry is None else entry.source

    async def open(self, source: SourceObject) -> Reader:
        """
        Open the version of a file that was found.

        Raises:
            SourceMissing: It has been deleted or replaced.
        """
        return await self._storage.open(source.version)
