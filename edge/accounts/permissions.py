"""
What is allowed at which paths: the grants of tokens, and what folders show to everybody.

Both say it with the same words (bytescale.com/docs/types/PathPattern): a path, how far below it a
grant reaches, and for downloads which of the CDN's APIs may be used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from edge.accounts.scopes import Scope


class Reach(StrEnum):
    """For what, relative to a path, something is said."""

    THIS = "This"
    CHILDREN = "Children"
    DESCENDANTS = "Grandchildren+"
    """Grandchildren and all that is below them, children not included."""


class Act(StrEnum):
    """What a token may allow besides downloads, by the names that tokens use."""

    GET_FILE_DETAILS = "getFileDetails"
    GET_FOLDER_DESCRIPTION = "getFolderDescription"
    GET_FOLDER_PUBLIC_PERMISSIONS = "getFolderPublicPermissions"
    GET_FOLDER_STORAGE_LAYER = "getFolderStorageLayer"
    LIST_FOLDER_CHILDREN = "listFolderChildren"
    CREATE_FILE = "createFile"
    DELETE_FILE = "deleteFile"
    OVERWRITE_FILE = "overwriteFile"
    CREATE_VIRTUAL_FOLDER = "createVirtualFolder"
    DELETE_VIRTUAL_FOLDER = "deleteVirtualFolder"
    SET_FOLDER_DESCRIPTION = "setFolderDescription"
    SET_FOLDER_PUBLIC_PERMISSIONS = "setFolderPublicPermissions"
    SET_FOLDER_STORAGE_LAYER = "setFolderStorageLayer"

    @property
    def scope(self) -> Scope:
        """What a key needs to allow it, at any path."""
        if self is Act.CREATE_FILE:
            return Scope.UPLOAD
        return Scope.READ if self.startswith(("get", "list")) else Scope.WRITE


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPermission:
    """What is allowed at the paths that *path* and *reach* describe."""

    path: str
    reach: Reach
    downloads: tuple[str, ...] = ()
    """The APIs, as patterns: ``raw``, ``audio``, ``au*``, ``*``."""

    acts: frozenset[Act] = frozenset()

    def covers(self, path: str) -> bool:
        """Tell whether something is said of the file or folder at *path*."""
        return reaches(self.path, self.reach, path)


def reaches(origin: str, reach: Reach, path: str) -> bool:
    """Tell whether *path* lies within the reach of *origin*; both begin with ``/``."""
    origin = origin.rstrip("/")
    if reach is Reach.THIS:
        return path.rstrip("/") == origin
    below = path.removeprefix(f"{origin}/") if path.startswith(f"{origin}/") else ""
    if not below:
        return False
    return ("/" in below) == (reach is Reach.DESCENDANTS)


def lets_download(patterns: Iterable[str], api: str) -> bool:
    """Tell whether patterns allow downloads by the CDN's *api*, such as ``raw``."""
    return any(
        api.startswith(pattern[:-1]) if pattern.endswith("*") else api == pattern
        for pattern in patterns
    )


def downloads(permissions: Iterable[PathPermission], path: str, api: str) -> bool:
    """Tell whether the file at *path* may be downloaded by the CDN's *api*."""
    return any(each.covers(path) and lets_download(each.downloads, api) for each in permissions)


def allows(permissions: Iterable[PathPermission], act: Act, path: str) -> bool:
    """Tell whether *act* is allowed at *path*."""
    return any(act in each.acts and each.covers(path) for each in permissions)
