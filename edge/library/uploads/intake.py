"""
Bringing a file in: begun, received part by part, finished.

Bytes first, then the records: whatever is killed at any moment leaves an upload that can be gone
on with, or bytes that nothing names. A part may come again, and two may finish at once.
"""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace

from cache.singleflight import SingleFlight
from cache.source import SourceMissing
from edge.clock import Clock
from edge.ids import new_upload_id
from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import Catalogue, PathTaken
from edge.library.debris.store import Debris
from edge.library.media.media import Draft, new_media_id
from edge.library.paths import PathWish
from edge.library.quota import StorageQuota
from edge.library.storage import Received, Storage
from edge.library.uploads.store import PartTaken, UploadGone, UploadRows
from edge.library.uploads.upload import (
    MOST_PART_NUMBER,
    Part,
    Upload,
    missing_from,
    new_blob,
    new_part_blob,
    part_bytes_for,
    whole_of,
)

_MOST_CHARACTERS = 255
_UNKNOWN_MIME = "application/octet-stream"


def _nobody(_: FileEntry) -> None:
    """Tell nobody."""


class BadWish(ValueError):
    """Something that is said of a file cannot be kept."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class WrongPart(Exception):
    """A part that does not belong to its upload; the text says why."""


class UploadOver(WrongPart):
    """A part of an upload that takes none any more: it is complete, or was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to upload, and where; ``media`` is the id that it will have."""

    path: PathWish = field(default_factory=PathWish)
    size_bytes: int
    mime: str | None = None
    original_name: str | None = None
    media: str = field(default_factory=new_media_id)
    draft: Draft = field(default_factory=Draft)
    overwrites: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """The way in."""

    rows: UploadRows
    catalogue: Catalogue
    storage: Storage
    debris: Debris
    quota: StorageQuota
    clock: Clock
    brought: Callable[[FileEntry], None] = _nobody
    """Told of each file that has come into its place."""

    joins: SingleFlight[FileEntry | None] = field(default_factory=SingleFlight)
    """Uploads whose parts are being put together by this process."""

    async def begin(self, account: str, wish: Wish, *, in_pieces: bool = False) -> Upload:
        """
        Settle where a file will be.

        Args:
            in_pieces: Let whoever sends the parts choose how long they are (``keep``).

        Raises:
            BadPath: It cannot be there.
            BadWish: What is said of it cannot be kept.
            PathTaken: Another one is, and may not be overwritten.
            StorageFull: The account has no room for it.
        """
        _check(wish)
        await self.quota.check(account, wish.size_bytes)
        now = self.clock.now_ms()
        path = await self._free_path(account, wish, now)
        name = wish.original_name or path.rpartition("/")[2]
        guessed, _ = mimetypes.guess_type(name)
        return await self.rows.begin(
            Upload(
                id=new_upload_id(),
                account=account,
                path=path,
                blob=new_blob(account, path, now),
                size_bytes=wish.size_bytes,
                part_bytes=None if in_pieces else part_bytes_for(wish.size_bytes),
                mime=wish.mime or guessed or _UNKNOWN_MIME,
                original_name=wish.original_name,
                media=wish.media,
                draft=wish.draft,
                overwrites=wish.overwrites,
                created_ms=now,
            )
        )

    async def receive(self, upload: Upload, number: int, body: AsyncIterable[bytes]) -> str:
        """
        Take the bytes of a part.

        Returns:
            Their digest, by which the part is completed.

        Raises:
            WrongPart: There is no such part, or it has another length.
            UploadOver: No parts are taken any more.
            BodyTooLong: It goes on after its end.
        """
        if upload.done:
            raise _complete()
        span = self._span(upload, number)
        length = span[1] - span[0]
        async with self.storage.receiving(body, most_bytes=length) as received:
            if received.size_bytes != length:
                raise WrongPart(f"The part has {length} bytes; {received.size_bytes} came.")
            await self._keep(upload, number, span[0], received, completed=False)
        return received.digest

    def receiving(
        self, body: AsyncIterable[bytes], *, most_bytes: int
    ) -> AbstractAsyncContextManager[Received]:
        """
        Take bytes of which it is yet to be told where they belong (``keep``).

        Raises:
            BodyTooLong: There are more than *most_bytes*.
        """
        return self.storage.receiving(body, most_bytes=most_bytes)

    async def keep(
        self,
        upload: Upload,
        number: int,
        begin_bytes: int,
        received: Received,
        *,
        replaces: bool = True,
    ) -> None:
        """
        Take bytes as a part of an upload in pieces.

        Args:
            replaces: Whether a part with this number may have come before.

        Raises:
            WrongPart: They lie outside of the file, or it is whole already.
            PartTaken: Another part with this number has come before.
        """
        if upload.done:
            raise _complete()
        if not 0 <= number <= MOST_PART_NUMBER:
            raise WrongPart(f"Parts are numbered from 0 to {MOST_PART_NUMBER}.")
        if begin_bytes + received.size_bytes > upload.size_bytes:
            raise WrongPart(
                f"Bytes {begin_bytes} to {begin_bytes + received.size_bytes - 1} came; "
                f"the file has {upload.size_bytes}."
            )
        await self._keep(upload, number, begin_bytes, received, completed=True, replaces=replaces)

    async def missing_from(self, upload: Upload) -> int | None:
        """Tell where the first byte is that has not come; None if all have."""
        parts = await self.rows.completed_parts(upload.id)
        if whole_of(parts, upload.size_bytes) is not None:
            return None
        # Of an upload that is complete no parts are listed any more.
        known = await self.rows.get(upload.id) or upload
        return None if known.done else missing_from(parts, upload.size_bytes)

    async def arrived(self, upload: Upload) -> AsyncGenerator[bytes, None]:
        """
        Yield the bytes of an upload's completed parts, one after the other.

        Raises:
            SourceMissing: They have been put together meanwhile, or given up.
        """
        parts = await self.rows.completed_parts(upload.id)
        async for piece in self.storage.bytes_of([part.blob for part in parts]):
            yield piece

    async def finish(self, upload: Upload) -> FileEntry:
        """
        Put the pieces of an upload together.

        Raises:
            WrongPart: Bytes are missing.
            PathTaken: Another file has come to the upload's path meanwhile.
        """
        entry = await self._finish(upload)
        if entry is None:
            missing = await self.missing_from(upload)
            raise WrongPart(f"The bytes from {missing} on have not come.")
        return entry

    async def complete(self, upload: Upload, number: int, digest: str) -> FileEntry | None:
        """
        Take note that a part was received as it was meant, and with the last one finish.

        Returns:
            The file, once all parts are completed.

        Raises:
            WrongPart: The part has not been received, or is another.
            PathTaken: Another file has come to the upload's path meanwhile.
        """
        if not upload.done:
            self._span(upload, number)
            if not await self.rows.complete_part(upload.id, number, digest):
                upload = await self.rows.get(upload.id) or upload
                if not upload.done:
                    raise WrongPart("No part with this number and this ETag has been received.")
        return await self._finish(upload)

    async def remaining(self, upload: Upload) -> tuple[int, ...]:
        """List the parts that are not completed."""
        if upload.done:
            return ()
        completed = {part.number for part in await self.rows.completed_parts(upload.id)}
        return tuple(number for number in range(upload.parts) if number not in completed)

    async def bring(self, account: str, wish: Wish, body: AsyncIterable[bytes]) -> FileEntry:
        """
        Take a whole file at once; raises as the others.

        Its size may be the most that it can be: what counts is how much comes.
        """
        async with self.storage.receiving(body, most_bytes=wish.size_bytes) as received:
            return await self.place(account, wish, received)

    async def place(self, account: str, wish: Wish, received: Received) -> FileEntry:
        """
        Put what was received as a whole (``receiving``) where it is wished for.

        Raises:
            BadPath, PathTaken, StorageFull: As ``begin`` says.
        """
        upload = await self.begin(account, replace(wish, size_bytes=received.size_bytes))
        await self.storage.keep(upload.blob, received)
        return await self._in_place(upload, received.digest)

    async def copy(
        self,
        original: FileEntry,
        path: str,
        *,
        draft: Draft,
    ) -> FileEntry:
        """
        Put a copy of a file to another place, in place of whatever is there.

        Raises:
            BadPath: No file can be there.
            StorageFull: The account has no room for it.
            SourceMissing: The file has been deleted or replaced meanwhile.
        """
        upload = await self.begin(
            original.account,
            Wish(
                path=PathWish(whole=path),
                size_bytes=original.size_bytes,
                mime=original.mime,
                original_name=original.original_name,
                draft=draft,
                overwrites=True,
            ),
        )
        copied = await self.storage.join(upload.blob, [original.blob])
        return await self._in_place(upload, copied.digest)

    async def _keep(
        self,
        upload: Upload,
        number: int,
        begin_bytes: int,
        received: Received,
        *,
        completed: bool,
        replaces: bool = True,
    ) -> None:
        part = Part(
            number=number,
            blob=new_part_blob(upload.id, number),
            begin_bytes=begin_bytes,
            size_bytes=received.size_bytes,
            digest=received.digest,
        )
        # Until a row names it, it is debris of the future.
        await self.debris.expect(part.blob)
        await self.storage.keep(part.blob, received)
        try:
            debris = await self.rows.note_part(upload, part, completed=completed, replaces=replaces)
        except PartTaken:
            await self.debris.clear(part.blob)
            raise
        except UploadGone as gone:
            await self.debris.clear(part.blob)
            raise UploadOver("The upload is complete, or was given up.") from gone
        if debris is not None:
            await self.debris.clear(debris)

    def _span(self, upload: Upload, number: int) -> tuple[int, int]:
        span = upload.range(number)
        if span is None:
            raise WrongPart(f"The upload has the parts 0 to {upload.parts - 1}.")
        return span

    async def _finish(self, upload: Upload) -> FileEntry | None:
        # Who joins those that put it together may have been later than they looked.
        while await self.missing_from(upload) is None:
            entry = await self.joins.do(upload.id, lambda: self._put_together(upload))
            if entry is not None:
                return entry
        return None

    async def _put_together(self, upload: Upload) -> FileEntry | None:
        whole = whole_of(await self.rows.completed_parts(upload.id), upload.size_bytes)
        known = await self.rows.get(upload.id) or upload
        if known.digest is not None:
            return await self._in_place(upload, known.digest)
        if whole is None:
            return None
        return await self._in_place(upload, await self._joined(upload, [p.blob for p in whole]))

    async def _joined(self, upload: Upload, parts: list[str]) -> str:
        try:
            return (await self.storage.join(upload.blob, parts)).digest
        except SourceMissing:
            # Somebody else has finished meanwhile, and thrown the parts away.
            finished = await self.rows.get(upload.id)
            if finished is None or finished.digest is None:
                raise
            return finished.digest

    async def _in_place(self, upload: Upload, digest: str) -> FileEntry:
        """Put a file whose bytes are kept into the catalogue, and forget what was there."""
        quota_bytes = await self.quota.quota_bytes(upload.account)
        try:
            entry, debris = await self.rows.finish(upload, digest, quota_bytes=quota_bytes)
        except UploadGone as gone:
            await self.debris.clear(upload.blob)
            raise UploadOver("The upload was given up; it has to be begun anew.") from gone
        await self.debris.clear(*debris)
        self.brought(entry)
        return entry

    async def _free_path(self, account: str, wish: Wish, now_ms: int) -> str:
        path = wish.path.resolve(wish.original_name, now_ms)
        if wish.overwrites or await self.catalogue.find(account, path) is None:
            return path
        if wish.path.fallback_name is not None:
            fallback = wish.path.resolve(wish.original_name, now_ms, fallback=True)
            if await self.catalogue.find(account, fallback) is None:
                return fallback
        raise PathTaken(path)


def _complete() -> UploadOver:
    return UploadOver("The upload is complete; its file can be replaced by another upload only.")


def _check(wish: Wish) -> None:
    """Refuse what no records can keep."""
    for name, text in (("mime", wish.mime), ("originalFileName", wish.original_name)):
        if text is not None and (len(text) > _MOST_CHARACTERS or "\0" in text):
            raise BadWish(name, f"{name} has up to {_MOST_CHARACTERS} characters, and no NUL.")
    draft = wish.draft
    said = ("title", draft.title or ""), ("description", draft.description)
    for name, text in (*said, *(("tags", tag) for tag in draft.tags)):
        if "\0" in text:
            raise BadWish(name, f"{name} may not have a NUL in it.")
