"""
What of the library is done as a job: deleting and copying by the hundred, and keeping what a
transform has made as a file.

Each can be begun again by another node: what is deleted stays deleted, a copy takes the place of
the one before, and what has come after the order is none of its business.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from cache.artifacts import ArtifactMissing
from cache.receipts import Receipt
from cache.source import Reader, SourceMissing
from edge.fill.chores import Chores, Order
from edge.fill.filler import Filler, Standing
from edge.fill.leases import Progress
from edge.fill.problems import QueueFull, TooManyTransforms
from edge.fill.wanted import Wanted, understand
from edge.jobs.job import JobState
from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import Catalogue, StorageFull
from edge.library.folders.store import Folders
from edge.library.library import MediaLibrary
from edge.library.media.media import Draft, Media
from edge.library.paths import BadPath, PathWish, checked
from edge.library.uploads.intake import BadWish, Wish
from edge.sandbox.problems import MediaProblem

DELETE_FILES = "delete-files"
DELETE_FOLDERS = "delete-folders"
COPY_FILES = "copy-files"
COPY_FOLDERS = "copy-folders"
SAVE = "save"

_AT_ONCE = 100
_READ_BYTES = 1 << 20
_WAIT_SECONDS = 60.0
# How long a transform that is to be kept waits for room among the others.
_EVICTIONS = 3
_PATIENCE_SECONDS = 3600.0


class Relabel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be known of a copy; None is what is known of the original."""

    tags: tuple[str, ...] | None = None
    merge_tags: bool = False
    metadata: dict[str, object] | None = None
    merge_metadata: bool = False

    def draft_of(self, original: Media) -> Draft:
        """Say what is known of the copy of *original*."""
        tags, metadata = original.tags, dict(original.metadata)
        if self.tags is not None:
            tags = tuple(dict.fromkeys((*(tags if self.merge_tags else ()), *self.tags)))
        if self.metadata is not None:
            metadata = {**(metadata if self.merge_metadata else {}), **self.metadata}
        return Draft(
            title=original.title,
            description=original.description,
            tags=tags,
            metadata=metadata,
            public=original.public,
        )


class DeleteFolder(msgspec.Struct, frozen=True, kw_only=True):
    """A folder to be deleted: its files, its setting and those of folders below it."""

    path: str
    files: bool = True
    made: bool = True
    recursive: bool = True


class CopyFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be copied."""

    source: str
    destination: str
    relabel: Relabel = Relabel()


class CopyFolder(msgspec.Struct, frozen=True, kw_only=True):
    """A folder to be copied: its files, its setting and those of folders below it."""

    source: str
    destination: str
    relabel: Relabel = Relabel()
    files: bool = True
    made: bool = True
    recursive: bool = True


class Save(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact to be kept as a file; its other files are put beside it."""

    subject: str
    destination: str
    draft: Draft
    draft_of_others: Draft


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What has become of what was to be copied, as far as it has been gone through."""

    copied: int = 0
    missing: int = 0
    failed: int = 0
    reason: str = ""

    def fail(self, reason: str) -> None:
        """Count what cannot be copied; the first reason is told."""
        self.reason = self.reason or reason
        self.failed += 1

    def failures(self) -> Mapping[str, object]:
        """Tell what could not be copied, if anything."""
        return {"failed": self.failed, "reason": self.reason} if self.failed else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryChores:
    """Does what is asked of the library."""

    library: MediaLibrary
    catalogue: Catalogue
    folders: Folders
    filler: Filler

    def teach(self, chores: Chores) -> None:
        """Let a node do them."""
        chores.know(DELETE_FILES, self.delete_files)
        chores.know(DELETE_FOLDERS, self.delete_folders)
        chores.know(COPY_FILES, self.copy_files)
        chores.know(COPY_FOLDERS, self.copy_folders)
        chores.know(SAVE, self.save)

    async def delete_files(self, order: Order, progress: Progress) -> Mapping[str, object]:
        """Delete files by their paths, but none that has come since it was ordered."""
        paths = msgspec.json.decode(order.text, type=tuple[str, ...])
        deleted = 0
        for begin in range(0, len(paths), _AT_ONCE):
            some = paths[begin : begin + _AT_ONCE]
            deleted += await self._delete(order, some)
            progress.note((begin + len(some)) / len(paths))
        return {"deleted": deleted, "missing": len(paths) - deleted}

    async def delete_folders(self, order: Order, progress: Progress) -> Mapping[str, object]:
        """Delete folders, but no files that have come since it was ordered."""
        wanted = msgspec.json.decode(order.text, type=tuple[DeleteFolder, ...])
        account = order.account
        deleted = 0
        for number, each in enumerate(wanted):
            if each.files:
                async for some in self._files_in(account, each.path, recursive=each.recursive):
                    deleted += await self._delete(order, [entry.path for entry in some])
            if each.made:
                for folder in await self.folders.made_in(
                    account, each.path, recursive=each.recursive
                ):
                    await self.folders.unmake(account, folder.path)
            progress.note((number + 1) / len(wanted))
        return {"deleted": deleted}

    async def copy_files(self, order: Order, progress: Progress) -> Mapping[str, object]:
        """Copy files; those that are not there, or cannot be copied, are counted."""
        wanted = msgspec.json.decode(order.text, type=tuple[CopyFile, ...])
        tally = _Tally()
        for number, each in enumerate(wanted):
            original = await self.catalogue.find(order.account, each.source)
            if original is None:
                tally.missing += 1
            else:
                await self._copy(order, original, each.destination, each.relabel, tally)
            progress.note((number + 1) / len(wanted))
        return {"copied": tally.copied, "missing": tally.missing, **tally.failures()}

    async def copy_folders(self, order: Order, progress: Progress) -> Mapping[str, object]:
        """Copy folders; none lies in its own destination or the other way round."""
        wanted = msgspec.json.decode(order.text, type=tuple[CopyFolder, ...])
        tally = _Tally()
        for number, each in enumerate(wanted):
            if each.files:
                async for some in self._files_in(
                    order.account, each.source, recursive=each.recursive
                ):
                    for entry in some:
                        place = moved(entry.path, each.source, each.destination)
                        await self._copy(order, entry, place, each.relabel, tally)
            if each.made:
                await self._copy_made(order.account, each, tally)
            progress.note((number + 1) / len(wanted))
        return {"copied": tally.copied, **tally.failures()}

    async def save(self, order: Order, progress: Progress) -> Mapping[str, object]:
        """Make a transform, and keep its files; the one that its URL leads to comes last."""
        wish = msgspec.json.decode(order.text, type=Save)
        wanted = await self.filler.find(understand(wish.subject))
        for _ in range(_EVICTIONS):
            # An artifact may be evicted before it has been read; then it is made again.
            with contextlib.suppress(ArtifactMissing):
                receipt = await self._made(wanted, progress)
                return await self._save(order.account, wish, wanted, receipt)
        raise MediaProblem(
            code="storage_failed", message="The artifact was evicted again and again.", details={}
        )

    async def _made(self, wanted: Wanted, progress: Progress) -> Receipt:
        standing = await self._obtained(wanted)
        while standing.receipt is None:
            if standing.job.state in (JobState.FAILED, JobState.CANCELLED):
                raise MediaProblem(
                    code=standing.job.error_code or "cancelled",
                    message=standing.job.error_message or "The transform was cancelled.",
                    details={},
                )
            progress.note(standing.job.progress * 0.9)
            standing = await self.filler.wait(standing, _WAIT_SECONDS)
            if standing.receipt is None and standing.job.state is JobState.DONE:
                standing = await self._obtained(wanted)
        return standing.receipt

    async def _save(
        self, account: str, wish: Save, wanted: Wanted, receipt: Receipt
    ) -> Mapping[str, object]:
        root = wanted.url.spec.artifact
        folder = wish.destination.rpartition("/")[0]
        for file in sorted(receipt.files, key=lambda file: file.path == root):
            is_root = file.path == root
            reader = await self.filler.open(wanted, file)
            try:
                await self._keep(
                    account,
                    Wish(
                        path=PathWish(whole=wish.destination if is_root else folder + file.path),
                        size_bytes=file.size_bytes,
                        mime=file.media_type,
                        draft=wish.draft if is_root else wish.draft_of_others,
                        overwrites=True,
                    ),
                    reader,
                )
            finally:
                await reader.aclose()
        return {"filePath": wish.destination}

    async def _obtained(self, wanted: Wanted) -> Standing:
        """Begin a transform as ``Filler.obtain`` does, for as long as there is no room for it."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while True:
            try:
                return await self.filler.obtain(wanted)
            except (QueueFull, TooManyTransforms) as full:
                if asyncio.get_running_loop().time() >= deadline:
                    raise
                await asyncio.sleep(full.retry_after_seconds)

    async def _keep(self, account: str, wish: Wish, reader: Reader) -> None:
        try:
            await self.library.intake.bring(account, wish, _bytes_of(reader))
        except StorageFull as full:
            raise MediaProblem(code="over_quota", message=str(full), details={}) from full
        except BadPath as bad:
            raise MediaProblem(code="bad_path", message=str(bad), details={}) from bad
        except BadWish as bad:
            raise MediaProblem(code="bad_parameter", message=str(bad), details={}) from bad

    async def _delete(self, order: Order, paths: Sequence[str]) -> int:
        return await self.library.delete_files(order.account, paths, not_after_ms=order.at_ms)

    async def _copy(
        self, order: Order, original: FileEntry, destination: str, relabel: Relabel, tally: _Tally
    ) -> None:
        media = await self.library.rows.get(original.account, original.media)
        if media is None:
            tally.missing += 1
            return
        if order.begun_before:
            there = await self.catalogue.find(order.account, destination)
            if there is not None and there.modified_ms > order.at_ms:
                # It was copied there before, or somebody has put something else there since.
                tally.copied += there.digest == original.digest
                if there.digest != original.digest:
                    tally.fail(f"A newer file is at {destination}.")
                return
        try:
            await self.library.intake.copy(original, destination, draft=relabel.draft_of(media))
            tally.copied += 1
        except SourceMissing:
            tally.missing += 1
        except (BadPath, BadWish, StorageFull) as refusal:
            tally.fail(str(refusal))

    async def _copy_made(self, account: str, wish: CopyFolder, tally: _Tally) -> None:
        for folder in await self.folders.made_in(account, wish.source, recursive=wish.recursive):
            try:
                await self.folders.make(
                    account,
                    checked(moved(folder.path, wish.source, wish.destination)),
                    description=folder.description,
                    permissions=folder.permissions,
                )
            except BadPath as refusal:
                tally.fail(str(refusal))

    async def _files_in(
        self, account: str, folder: str, *, recursive: bool
    ) -> AsyncIterator[list[FileEntry]]:
        """Yield some files at a time; they may be deleted, and others put elsewhere."""
        after = ""
        while True:
            found = await self.catalogue.below(account, folder, after=after, limit=_AT_ONCE)
            yield [entry for entry in found if recursive or entry.folder == folder]
            if len(found) < _AT_ONCE:
                return
            after = found[-1].path


def moved(path: str, source: str, destination: str) -> str:
    """Tell where a path is once the folder *source* is at *destination*."""
    return (destination.rstrip("/") + path.removeprefix(source.rstrip("/"))) or "/"


async def _bytes_of(reader: Reader) -> AsyncIterator[bytes]:
    for at in range(0, reader.size_bytes, _READ_BYTES):
        yield await reader.read_at(at, _READ_BYTES)
