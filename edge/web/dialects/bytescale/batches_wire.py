"""Bytescale's JSON of batches, and of transforms that are kept: field by field the SDK's."""

from __future__ import annotations

import msgspec

from edge.library import chores
from edge.library.chores import Relabel
from edge.library.media.media import Draft, Media
from edge.library.paths import PathWish
from edge.web.dialects.bytescale.storage_wire import (
    CopyFile,
    DynamicPath,
    NewMetadata,
    NewTags,
    relabel,
)


class DeleteFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The body that deletes files (SDK, DeleteFileBatchRequest)."""

    files: tuple[str, ...]


class CopyFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The body that copies files (SDK, CopyFileBatchRequest)."""

    files: tuple[CopyFile, ...]

    def wanted(self) -> tuple[chores.CopyFile, ...]:
        """Say it in our words."""
        return tuple(
            chores.CopyFile(
                source=each.source, destination=each.destination, relabel=each.relabel()
            )
            for each in self.files
        )


class DeleteFolder(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body that deletes a folder (SDK, DeleteFolderRequest)."""

    folder_path: str
    delete_files: bool = True
    delete_virtual_folders: bool = True
    recursive: bool = True


class DeleteFolders(msgspec.Struct, frozen=True, kw_only=True):
    """The body that deletes folders (SDK, DeleteFolderBatchRequest)."""

    folders: tuple[DeleteFolder, ...]


class CopyFolder(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """
    The body that copies a folder (SDK, CopyFolderRequest).

    Storage of one's own, which ``copyOverriddenStorage`` is about, no folder here has.
    """

    source: str
    destination: str
    copy_files: bool = True
    copy_virtual_folders: bool = True
    copy_overridden_storage: bool = False
    recursive: bool = True
    metadata: NewMetadata | None = None
    tags: NewTags | None = None

    def relabel(self) -> Relabel:
        """Say what is to be known of the copies."""
        return relabel(self.tags, self.metadata)


class CopyFolders(msgspec.Struct, frozen=True, kw_only=True):
    """The body that copies folders (SDK, CopyFolderBatchRequest)."""

    folders: tuple[CopyFolder, ...]


class TagsOfArtifacts(NewTags, rename="camel", frozen=True, kw_only=True):
    """Tags of what is saved (SDK, CopyableFileDataForArtifactsFileTagNameArray)."""

    set_for_all_artifacts: bool = True


class MetadataOfArtifacts(NewMetadata, rename="camel", frozen=True, kw_only=True):
    """Metadata of what is saved (SDK, CopyableFileDataForArtifactsFileMetadata)."""

    set_for_all_artifacts: bool = True


class SaveFile(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body that has a transform kept (SDK, ProcessFileAndSaveRequest)."""

    destination: str | DynamicPath | None = None
    metadata: MetadataOfArtifacts | None = None
    tags: TagsOfArtifacts | None = None

    def path_wish(self) -> PathWish:
        """Say where it is to go."""
        match self.destination:
            case None:
                return PathWish()
            case str():
                return PathWish(whole=self.destination)
            case _:
                return self.destination.wish()

    def draft(self, original: Media | None, *, root: bool) -> Draft:
        """Say what is to be known of the file that the URL leads to, or of the others."""
        tags = self.tags if root or (self.tags and self.tags.set_for_all_artifacts) else None
        data = self.metadata
        metadata = data if root or (data and data.set_for_all_artifacts) else None
        if original is not None:
            draft = relabel(tags, metadata).draft_of(original)
            return Draft(tags=draft.tags, metadata=draft.metadata, public=original.public)
        return Draft(
            tags=tags.value if tags is not None else (),
            metadata=metadata.value if metadata is not None else {},
        )
