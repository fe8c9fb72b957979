"""One uploaded file, as the catalogue knows it."""

from __future__ import annotations

from dataclasses import dataclass

from cache.source import EVERYTHING, SourceObject
from edge.library.folders.folder import folder_of

# The mount of uploaded files: no path begins like this, so no folder can be mounted there.
UPLOADS = "uploads:"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """
    A file in an account's storage.

    ``blob`` is where its bytes are, ``digest`` is of them; ``original_name`` is what it was called
    on the device it came from; ``media`` is the id of what is known of it, ``grants`` what of it
    is public. Times are milliseconds since the Unix epoch.
    """

    account: str
    path: str
    blob: str
    size_bytes: int
    digest: str
    mime: str
    original_name: str | None = None
    media: str
    grants: tuple[str, ...] = EVERYTHING
    created_ms: int
    modified_ms: int

    @property
    def folder(self) -> str:
        """The path of the folder it is in, ``/`` for the outermost."""
        return folder_of(self.path)

    @property
    def source(self) -> SourceObject:
        """The file as a source; the same bytes uploaded again are another version."""
        return SourceObject(
            path=self.path,
            mount=UPLOADS,
            version=self.blob,
            size_bytes=self.size_bytes,
            modified_ms=self.modified_ms,
            grants=self.grants,
        )

    @property
    def etag(self) -> str:
        """The entity tag of the file as it is served, without quotes."""
        return self.source.etag.strip('"')
