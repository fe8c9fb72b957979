"""
The one door to an account's files.

Raw files, transforms, appended clips, metadata and everything derived from them are asked for
here and nowhere else, so what a caller may not see is missing on every route alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from cache.origins.mounts import Mounts
from cache.source import Reader, SourceMissing, SourceObject
from edge.library.catalogue.entry import UPLOADS
from edge.library.folders.folder import Permissions


class Uploads(Protocol):
    """What accounts have uploaded."""

    async def find(self, account: str, path: str) -> SourceObject | None:
        """Describe the file that was uploaded to *path*, if one was."""
        ...

    async def open(self, source: SourceObject) -> Reader:
        """Open the version of a file that was found; raises ``SourceMissing``."""
        ...


class FolderSettings(Protocol):
    """What accounts have said of their folders."""

    async def permissions(self, account: str) -> Permissions:
        """Tell what of the account's folders is public."""
        ...


class Files:
    """
    Every account's files: what was uploaded, then what is mounted.

    Those of mounts are as public as the account's folders that they lie in.
    """

    def __init__(
        self,
        mounts: Mapping[str, Mounts],
        uploads: Uploads | None = None,
        folders: FolderSettings | None = None,
    ) -> None:
        """Prepare; without *uploads* there are mounts only, without *folders* all is public."""
        self._mounts = dict(mounts)
        self._uploads = uploads
        self._folders = folders

    async def find(self, account: str, path: str, query: str = "") -> SourceObject | None:
        """
        Describe the file at *path*, or ``None`` if the account has none.

        Args:
            query: What to ask a web server with that it is mounted from.

        Raises:
            SourceUnreachable, SourceForbidden: Its origin cannot be asked.
        """
        if self._uploads is not None:
            uploaded = await self._uploads.find(account, path)
            if uploaded is not None:
                return uploaded
        mounts = self._mounts.get(account)
        mounted = None if mounts is None else await mounts.find(path, query)
        if mounted is None or self._folders is None:
            return mounted
        grants = (await self._folders.permissions(account)).grants(path)
        return mounted if grants == mounted.grants else replace(mounted, grants=grants)

    def address(self, account: str, path: str) -> str | None:
        """Tell the URL that *path* comes from, ``None`` for files that have none."""
        mounts = self._mounts.get(account)
        return None if mounts is None else mounts.address(path)

    async def open(self, account: str, source: SourceObject) -> Reader:
        """Open the version of a file that ``find`` described; raises as the origin."""
        if source.mount == UPLOADS and self._uploads is not None:
            return await self._uploads.open(source)
        mounts = self._mounts.get(account)
        if mounts is None:
            raise SourceMissing(source.path)
        return await mounts.open(source)
