"""
Who may see which file: the one decision, and the only way in which requests come to files.

It is asked before anything is looked up that was made of a file, for each file by itself: the one
that a URL names, those it appends, and those that a playlist among them lists. What a viewer may
not see is missing, so no answer tells that it is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from cache.source import SourceObject
from edge.accounts.permissions import PathPermission, downloads
from edge.library.playlists import is_playlist


@dataclass(frozen=True, slots=True, kw_only=True)
class Anyone:
    """Whoever has shown nothing: sees what is public."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The account itself, or the holder of a key of it that may read: sees all of its files."""

    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenHolder:
    """Somebody whom the account has given a token: sees what the token allows."""

    account: str
    permissions: tuple[PathPermission, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUrl:
    """
    Whoever has a URL that the account has signed: sees the files at the *paths* that it names.

    With a playlist they see what is in its folder or below, which is all that it can list; and as
    the URL cannot be changed, that is what whoever signed it has meant.
    """

    account: str
    paths: frozenset[str]

    def shows(self, path: str) -> bool:
        """Tell whether the URL leads to *path*."""
        if path in self.paths:
            return True
        folders = (each.rpartition("/")[0] + "/" for each in self.paths if is_playlist(each))
        return any(map(path.startswith, folders))


Viewer: TypeAlias = Anyone | Owner | TokenHolder | SignedUrl

ANYONE = Anyone()


def may_see(viewer: Viewer, account: str, file: SourceObject, api: str) -> bool:
    """
    Tell whether a viewer may have a file of *account*, or anything made of it.

    Args:
        viewer: Who asks, proved.

        account: Whose file it is.

        file: As it was found, which says what everybody may have of it.

        api: By which of the CDN's APIs it is asked for: ``raw`` or ``audio``.
    """
    if file.is_public_by(api):
        return True
    match viewer:
        case Anyone():
            return False
        case Owner():
            return viewer.account == account
        case TokenHolder():
            return viewer.account == account and downloads(viewer.permissions, file.path, api)
        case SignedUrl():
            return viewer.account == account and viewer.shows(file.path)


class Finding(Protocol):
    """Where files are found for whoever may see everything."""

    async def find(self, account: str, path: str) -> SourceObject | None:
        """Describe a file, or ``None`` if there is none at *path*."""
        ...


class Locating(Protocol):
    """Where they are found as playlists name them, too: *query* as in ``Files``."""

    async def find(self, account: str, path: str, query: str = "") -> SourceObject | None:
        """Describe a file, or ``None`` if there is none at *path*."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An account's files as one viewer sees them by one API."""

    files: Locating
    viewer: Viewer
    api: str

    def shows(self, account: str, file: SourceObject) -> bool:
        """Tell whether a file that was found is seen."""
        return may_see(self.viewer, account, file, self.api)

    async def find(self, account: str, path: str, query: str = "") -> SourceObject | None:
        """Describe a file; ``None`` if there is none, or none that the viewer may see."""
        file = await self.files.find(account, path, query)
        return file if file is not None and self.shows(account, file) else None
