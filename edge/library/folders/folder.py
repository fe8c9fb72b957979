"""
Folders, and what everybody may have of the files in them.

Bytescale's folder setting ``publicPermissions``: a list of grants, each for the folder itself,
what is directly in it, or what is below that. The nearest folder that has the setting decides;
where none has it, everything is public.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from cache.source import EVERYTHING
from edge.accounts.permissions import Reach, reaches


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What may be had without a key, and how far below the folder; as ``SourceObject.grants``."""

    reach: Reach
    downloads: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderEntry:
    """
    A folder in an account's storage; ``made`` ones stay when they are empty.

    ``permissions`` of None are those of the folder above.
    """

    account: str
    path: str
    made: bool
    description: str | None
    permissions: tuple[Grant, ...] | None = None


class Permissions:
    """The settings of an account's folders."""

    def __init__(self, folders: Mapping[str, tuple[Grant, ...]]) -> None:
        """Take what each folder that has the setting says."""
        self._folders = folders

    def grants(self, path: str) -> tuple[str, ...]:
        """Tell what everybody may have of the file at *path*."""
        decided = self.deciding(path)
        if decided is None:
            return EVERYTHING
        folder, grants = decided
        found = (
            name for each in grants if reaches(folder, each.reach, path) for name in each.downloads
        )
        return tuple(dict.fromkeys(found))

    def deciding(self, path: str) -> tuple[str, tuple[Grant, ...]] | None:
        """Find the nearest folder above *path* that has the setting, and what it says."""
        if not self._folders:
            return None
        while path != "/":
            path = folder_of(path)
            if path in self._folders:
                return path, self._folders[path]
        return None


def folder_of(path: str) -> str:
    """Tell the folder that a path is in."""
    return path.rpartition("/")[0] or "/"


def written(grants: tuple[Grant, ...]) -> str:
    """Spell a folder's setting for the records."""
    return msgspec.json.encode(grants).decode()


def read(text: str) -> tuple[Grant, ...]:
    """Read back what ``written`` spelt."""
    return msgspec.json.decode(text, type=tuple[Grant, ...])
