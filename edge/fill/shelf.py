"""What filling asks of the library: an account's files, found and opened."""

from __future__ import annotations

from typing import Protocol

from cache.source import Reader, SourceObject


class Finding(Protocol):
    """An account's files, as whoever is asking may see them."""

    async def find(self, account: str, path: str) -> SourceObject | None:
        """Describe a file, or ``None`` if the account has none at *path*."""
        ...


class Shelf(Finding, Protocol):
    """An account's files, as the account itself sees them: it is who work is done for."""

    async def open(self, account: str, source: SourceObject) -> Reader:
        """Open the version of the file that was described."""
        ...
