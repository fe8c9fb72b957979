"""
The media library, as every door asks for it.

What comes in is described before whoever brought it is answered; what is deleted is gone
everywhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass

from edge.fill.made_of import MadeOf
from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import Catalogue
from edge.library.debris.store import Debris
from edge.library.media.describing import Describer
from edge.library.media.media import Draft, Media, new_media_id
from edge.library.media.store import MediaRows
from edge.library.uploads.imports import Imports
from edge.library.uploads.intake import Intake, Wish
from edge.library.uploads.store import UploadRows
from edge.library.uploads.upload import Upload


class MediaGone(Exception):
    """What was brought has been deleted or replaced since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLibrary:
    """Media and their files: brought, found, described, deleted."""

    rows: MediaRows
    catalogue: Catalogue
    uploads: UploadRows
    intake: Intake
    imports: Imports
    describer: Describer
    debris: Debris
    made_of: MadeOf

    async def announce(self, account: str, draft: Draft) -> Media:
        """Write media down whose file is to come."""
        return await self.rows.announce(new_media_id(), account, draft)

    async def bring(self, account: str, wish: Wish, body: AsyncIterable[bytes]) -> Media:
        """Take a whole file; raises as ``Intake.bring`` and ``described``."""
        return await self.described(await self.intake.bring(account, wish, body))

    async def fetch(self, account: str, url: str, wish: Wish, *, timeout_seconds: float) -> Media:
        """Fetch a file; raises as ``Imports.bring`` and ``described``."""
        entry = await self.imports.bring(account, url, wish, timeout_seconds=timeout_seconds)
        return await self.described(entry)

    async def described(self, entry: FileEntry) -> Media:
        """
        Say what is known of a file that has come, once it is described.

        Raises:
            MediaGone: It was deleted or replaced meanwhile.
            ZygoteLost, SourceProblem: It cannot be looked at now.
        """
        media = await self.describer.describe(entry)
        if media is None:
            raise MediaGone(entry.path)
        return media

    async def delete(self, account: str, media_id: str) -> bool:
        """Delete media, their file if it has come, and all that was made of it; False if none."""
        media = await self.rows.get(account, media_id)
        if media is None:
            return False
        if media.file is not None:
            return await self.delete_file(account, media.file.path) is not None
        upload = await self.uploads.of_media(media_id)
        if upload is not None:
            await self.give_up(upload)
        return await self.rows.bury(account, media_id)

    async def give_up(self, upload: Upload) -> bool:
        """Forget an upload that is not finished, and its parts; False if it is."""
        debris = await self.uploads.abandon(upload)
        if debris is None:
            return False
        await self.debris.clear(*debris)
        return True

    async def delete_file(self, account: str, path: str) -> FileEntry | None:
        """
        Delete a file, its bytes, its picture, and all that was made of it.

        Returns:
            What it was; None if there was none.
        """
        removed = await self.catalogue.remove(account, path)
        if removed is None:
            return None
        await self.debris.clear(*removed.debris)
        await self.made_of.clear(account, [path])
        return removed.file

    async def delete_files(self, account: str, paths: Sequence[str], *, not_after_ms: int) -> int:
        """
        Delete some files as ``delete_file`` does one; return how many there were.

        Args:
            not_after_ms: Leave files that have come after this moment.
        """
        gone: set[str] = set()
        for path in paths:
            removed = await self.catalogue.remove(account, path, not_after_ms=not_after_ms)
            if removed is not None:
                await self.debris.clear(*removed.debris)
                gone.add(path)
        if gone:
            await self.made_of.clear(account, gone)
        return len(gone)
