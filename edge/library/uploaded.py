"""Uploaded files, and their pictures, as sources."""

from __future__ import annotations

import re

from cache.source import Reader, SourceObject
from edge.ids import media_of_audio_id
from edge.library.catalogue.entry import UPLOADS
from edge.library.catalogue.store import Catalogue
from edge.library.media.media import is_media_id
from edge.library.media.store import MediaRows
from edge.library.storage import Storage

# The id as the records have it, or in the short spelling.
_THUMBNAIL = re.compile(r"/thumbnails/(?P<id>[0-9a-f-]{36}|aud_\w{22})\.jpg")


class Uploaded:
    """Uploaded files as sources."""

    def __init__(self, catalogue: Catalogue, media: MediaRows, storage: Storage) -> None:
        self._catalogue = catalogue
        self._media = media
        self._storage = storage

    async def find(self, account: str, path: str) -> SourceObject | None:
        """Describe the file that was uploaded to *path*, or the picture of one."""
        entry = await self._catalogue.find(account, path)
        if entry is not None:
            return entry.source
        picture = _THUMBNAIL.fullmatch(path)
        return None if picture is None else await self._picture(account, path, picture["id"])

    async def open(self, source: SourceObject) -> Reader:
        """
        Open the version of a file that was found.

        Raises:
            SourceMissing: It has been deleted or replaced.
        """
        return await self._storage.open(source.version)

    async def _picture(self, account: str, path: str, media_id: str) -> SourceObject | None:
        media_id = media_of_audio_id(media_id) or media_id
        media = await self._media.get(account, media_id) if is_media_id(media_id) else None
        if media is None or media.file is None or media.thumbnail is None:
            return None
        reader = await self._storage.open(media.thumbnail)
        await reader.aclose()
        return SourceObject(
            path=path,
            mount=UPLOADS,
            version=media.thumbnail,
            size_bytes=reader.size_bytes,
            modified_ms=media.described_ms,
            grants=media.file.grants,
        )
