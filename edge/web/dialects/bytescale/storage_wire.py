"""Bytescale's JSON of uploads, files and folders: read and written, field by field the SDK's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from edge.accounts.permissions import Reach
from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import Page
from edge.library.chores import Relabel
from edge.library.folders.folder import FolderEntry, Grant
from edge.library.media.media import Media
from edge.library.paths import PathWish
from edge.library.uploads.upload import Upload

# "Up to 2KB of arbitrary JSON" (SDK, README); and as many tags as somebody may mean.
MOST_METADATA_BYTES = 2048
MOST_TAGS = 100

_STORAGE = {"type": "InternalStorageV2"}


class DynamicPath(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A path with variables (SDK, DynamicFilePath)."""

    file_name: str | None = None
    file_name_fallback: str | None = None
    file_name_variables_enabled: bool = True
    folder_path: str | None = None
    folder_path_variables_enabled: bool = True

    def wish(self) -> PathWish:
        """Say it in our words."""
        return PathWish(
            folder=self.folder_path,
            folder_variables=self.folder_path_variables_enabled,
            name=self.file_name,
            name_variables=self.file_name_variables_enabled,
            fallback_name=self.file_name_fallback,
        )


class Described(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What is said of a file before it is there."""

    mime: str | None = None
    original_file_name: str | None = None
    path: str | DynamicPath | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, object] = {}

    def path_wish(self) -> PathWish:
        """Say where it is to go."""
        match self.path:
            case None:
                return PathWish()
            case str():
                return PathWish(whole=self.path)
            case _:
                return self.path.wish()


class BeginUpload(Described, rename="camel", frozen=True, kw_only=True):
    """The body that begins an upload (SDK, BeginMultipartUploadRequest)."""

    size: int
    protocol: str = "1.1"


class FromUrl(Described, rename="camel", frozen=True, kw_only=True):
    """The body that has a file fetched (SDK, UploadFromUrlRequest); ``timeout`` in ms."""

    url: str
    timeout: int = 30_000


class CompletePart(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body that completes a part (SDK, CompleteUploadPartRequest)."""

    etag: str

    @property
    def digest(self) -> str:
        """The entity tag without its quotes, which some clients leave out."""
        return self.etag.strip('"')


class NewTags(msgspec.Struct, frozen=True, kw_only=True):
    """Tags for a copy (SDK, CopyableFileDataFileTagNameArray)."""

    merge: bool = False
    value: tuple[str, ...] = ()


class NewMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Metadata for a copy (SDK, CopyableFileDataFileMetadata)."""

    merge: bool = False
    value: dict[str, object] = {}


def relabel(tags: NewTags | None, metadata: NewMetadata | None) -> Relabel:
    """Say in our words what is to be known of a copy."""
    return Relabel(
        tags=None if tags is None else tags.value,
        merge_tags=tags is not None and tags.merge,
        metadata=None if metadata is None else metadata.value,
        merge_metadata=metadata is not None and metadata.merge,
    )


class CopyFile(msgspec.Struct, frozen=True, kw_only=True):
    """The body that copies a file (SDK, CopyFileRequest); what is left out is the original's."""

    source: str
    destination: str
    tags: NewTags | None = None
    metadata: NewMetadata | None = None

    def relabel(self) -> Relabel:
        """Say what is to be known of the copy."""
        return relabel(self.tags, self.metadata)


class NewValue(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that may be left as it is (SDK, UpdatableFieldEmptiable…)."""

    set: bool
    value: str | None = None


class DownloadGrants(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The APIs that files may be had by (SDK, FileDownloadGrants)."""

    download_file: tuple[str, ...]


class FileGrants(msgspec.Struct, frozen=True, kw_only=True):
    """What may be done with files (SDK, PublicPermissionsGrants)."""

    file: DownloadGrants


class PublicPermissions(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody may do (SDK, PublicPermissions)."""

    permissions: FileGrants
    scope: Reach

    def grant(self) -> Grant:
        """Say it in our words."""
        return Grant(reach=self.scope, downloads=self.permissions.file.download_file)


class NewPermissions(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that may be left as it is (SDK, UpdatableFieldEmptiablePublicPermissions…)."""

    set: bool
    value: tuple[PublicPermissions, ...] | None = None


class FolderSettings(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What is to be changed of a folder (SDK, PatchFolderSettings)."""

    description: NewValue | None = None
    public_permissions: NewPermissions | None = None

    def description_of(self, folder: FolderEntry | None) -> str | None:
        """Say what the folder's description is from now on."""
        if self.description is not None and self.description.set:
            return self.description.value
        return None if folder is None else folder.description

    def permissions_of(self, folder: FolderEntry | None) -> tuple[Grant, ...] | None:
        """Say what of the folder is public from now on."""
        new = self.public_permissions
        if new is not None and new.set:
            return None if new.value is None else tuple(each.grant() for each in new.value)
        return None if folder is None else folder.permissions


class PutFolder(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body that makes a folder (SDK, PutFolderRequest)."""

    folder_path: str
    folder_settings: FolderSettings = FolderSettings()


def upload_body(upload: Upload, base_url: str) -> dict[str, object]:
    """Answer the beginning of an upload (SDK, BeginMultipartUploadResponse)."""
    return {
        "uploadId": upload.id,
        "uploadParts": {"count": upload.parts, "first": part_body(upload, 0, base_url)},
        "file": {
            "accountId": upload.account,
            # It has none before it is there.
            "etag": None,
            "filePath": upload.path,
            "fileUrl": file_url(upload.account, upload.path, base_url),
            "lastModified": upload.created_ms,
            "metadata": upload.draft.metadata,
            "mime": upload.mime,
            "originalFileName": upload.original_name,
            "size": upload.size_bytes,
            "tags": list(upload.draft.tags),
        },
    }


def part_body(upload: Upload, number: int, base_url: str) -> dict[str, object]:
    """Describe a part and where its bytes go (SDK, UploadPart)."""
    begin, end = upload.range(number) or (0, 0)
    parts = f"{base_url}/v2/accounts/{upload.account}/uploads/{upload.id}/parts"
    return {
        "uploadId": upload.id,
        "uploadPartIndex": number,
        "uploadUrl": f"{parts}/{number}/bytes",
        "range": {"inclusiveStart": begin, "inclusiveEnd": end - 1},
    }


def completed_body(entry: FileEntry | None) -> dict[str, object]:
    """Answer the completion of a part (SDK, CompleteMultipartUploadResponse)."""
    if entry is None:
        return {"status": "Pending"}
    return {"status": "Completed", "etag": entry.etag}


def brought_body(entry: FileEntry, base_url: str) -> dict[str, object]:
    """Answer an upload in one request (SDK, BasicUploadResponse)."""
    return {
        "accountId": entry.account,
        "etag": entry.etag,
        "filePath": entry.path,
        "fileUrl": file_url(entry.account, entry.path, base_url),
    }


def refused_body(
    field: str, code: str, message: str, details: dict[str, object], now_ms: int
) -> dict[str, object]:
    """Say why one file of a form was not taken (API documentation, FormDataUploadResponseError)."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return {
        "error": {
            "code": code,
            "message": message,
            "details": details,
            "timestamp": now.replace("+00:00", "Z"),
        },
        "formDataFieldName": field,
    }


def details_body(entry: FileEntry, media: Media, base_url: str) -> dict[str, object]:
    """Tell all about a file (SDK, FileDetails)."""
    return {
        **brought_body(entry, base_url),
        "lastModified": entry.modified_ms,
        "metadata": dict(media.metadata),
        "mime": entry.mime,
        "originalFileName": entry.original_name,
        "size": entry.size_bytes,
        "tags": list(media.tags),
    }


def listing_body(
    folder: FolderEntry, page: Page, base_url: str, *, files: bool, made: bool, unmade: bool
) -> dict[str, object]:
    """
    Answer a listing (SDK, ListFolderResponse), in the order of paths.

    Args:
        files: Whether files are listed, and likewise folders that were *made* and *unmade*.
    """
    shown: list[tuple[str, dict[str, object]]] = []
    if files:
        shown += [(each.path, _summary(each, base_url)) for each in page.files]
    wanted = (each for each in page.folders if (made if each.made else unmade))
    shown += [(each.path, folder_body(each)) for each in wanted]
    return {
        "items": [body for _, body in sorted(shown, key=lambda pair: pair[0])],
        "folder": folder_body(folder),
        "cursor": page.cursor or "",
        "isPaginationComplete": page.cursor is None,
    }


def folder_body(folder: FolderEntry) -> dict[str, object]:
    """Describe a folder (SDK, FolderSummary); a virtual one is one that was made."""
    settings: dict[str, object] = {}
    if folder.description is not None:
        settings["description"] = folder.description
    if folder.permissions is not None:
        settings["publicPermissions"] = _permissions_body(folder.permissions)
    return {
        "type": "Folder",
        "folderPath": folder.path,
        "virtual": folder.made,
        "settings": settings,
    }


def folder_details_body(
    folder: FolderEntry, inherited: tuple[str, tuple[Grant, ...]] | None
) -> dict[str, object]:
    """
    Tell all about a folder (SDK, FolderDetails).

    Args:
        inherited: The nearest folder above it that says what is public, and what it says.
    """
    settings: dict[str, object] = {}
    if inherited is not None:
        path, grants = inherited
        settings["publicPermissions"] = {"folderPath": path, "value": _permissions_body(grants)}
    return {**folder_body(folder), "settingsInherited": settings}


def _permissions_body(grants: tuple[Grant, ...]) -> list[dict[str, object]]:
    return [
        {
            "permissions": {"file": {"downloadFile": list(grant.downloads)}},
            "scope": grant.reach.value,
        }
        for grant in grants
    ]


def file_url(account: str, path: str, base_url: str) -> str:
    """Spell the URL of a raw file."""
    return f"{base_url}/{account}/raw{quote(path, safe='/~-._()')}"


def _summary(entry: FileEntry, base_url: str) -> dict[str, object]:
    return {
        "type": "File",
        "filePath": entry.path,
        "fileUrl": file_url(entry.account, entry.path, base_url),
        "lastModified": entry.modified_ms,
        "size": entry.size_bytes,
    }


def known_tags(tags: Sequence[str]) -> bool:
    """Tell whether tags are few and short enough to be kept."""
    return len(tags) <= MOST_TAGS and all(1 <= len(tag) <= 255 for tag in tags)
