"""The rows of uploads and of their parts."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import add, keep_quota
from edge.library.debris.store import keep, leave
from edge.library.media.media import Draft
from edge.library.uploads.upload import Part, Upload
from edge.records.dialects import insert_into, now_ms
from edge.records.engine import reading, writing
from edge.records.tables import files, upload_parts, uploads

_NAMES = tuple(field.name for field in fields(Upload))
_COLUMNS = tuple(uploads.c[name] for name in _NAMES)
_PART_COLUMNS = tuple(upload_parts.c[each.name] for each in fields(Part))


class PartTaken(Exception):
    """Another part with this number has arrived already."""


class UploadGone(Exception):
    """The upload that a part belongs to is not there any more."""


class UploadRows:
    """What is known of every upload."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def begin(self, upload: Upload) -> Upload:
        """
        Write a new upload down; its time is the database's.

        Returns:
            The upload of its media, which may have been begun by somebody else meanwhile.
        """
        row: dict[str, Any] = {name: getattr(upload, name) for name in _NAMES}
        row |= {
            "draft": msgspec.json.encode(upload.draft).decode(),
            "created_ms": now_ms(),
            "state": "open",
        }
        async with writing(self._engine) as connection:
            statement = insert_into(connection, uploads).values(row)
            await connection.execute(
                statement.on_conflict_do_nothing(index_elements=[uploads.c.media])
            )
            query = select(*_COLUMNS).where(uploads.c.media == upload.media)
            return _upload((await connection.execute(query)).one()._asdict())

    async def get(self, upload_id: str) -> Upload | None:
        """Return an upload, or None."""
        query = select(*_COLUMNS).where(uploads.c.id == upload_id)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _upload(row._asdict())

    async def of_media(self, media_id: str) -> Upload | None:
        """Return the upload that media came or come by, or None."""
        query = select(*_COLUMNS).where(uploads.c.media == media_id)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _upload(row._asdict())

    async def note_part(
        self, upload: Upload, part: Part, *, completed: bool = False, replaces: bool = True
    ) -> str | None:
        """
        Note that a part has arrived.

        Args:
            completed: Whether it is known to be the one that was meant.

            replaces: Whether it may come in place of another.

        Returns:
            The blob that is debris from now on: of the part that had arrived before, or this one
            if that is the same.

        Raises:
            PartTaken: There is another, and it is not to be replaced.
            UploadGone: The upload is complete, or has been given up.
        """
        at = (upload_parts.c.upload == upload.id, upload_parts.c.number == part.number)
        row = {each.name: getattr(part, each.name) for each in fields(Part)}
        row["completed"] = completed
        async with writing(self._engine) as connection:
            if not await _is_open(connection, upload.id):
                raise UploadGone(upload.id)
            found = await connection.execute(select(*_PART_COLUMNS).where(*at))
            row_before = found.one_or_none()
            before = None if row_before is None else Part(**row_before._asdict())
            if before is not None and replace(before, blob=part.blob) == part:
                return part.blob
            if before is not None and not replaces:
                raise PartTaken(part.number)
            await keep(connection, part.blob)
            statement = insert_into(connection, upload_parts).values(upload=upload.id, **row)
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[upload_parts.c.upload, upload_parts.c.number], set_=row
                )
            )
            if before is None:
                return None
            await leave(connection, before.blob)
            return before.blob

    async def complete_part(self, upload_id: str, number: int, digest: str) -> bool:
        """Mark the part that has this digest as the one that was meant; False if none has it."""
        statement = (
            update(upload_parts)
            .where(
                upload_parts.c.upload == upload_id,
                upload_parts.c.number == number,
                upload_parts.c.digest == digest,
            )
            .values(completed=True)
        )
        async with writing(self._engine) as connection:
            return (await connection.execute(statement)).rowcount == 1

    async def completed_parts(self, upload_id: str) -> tuple[Part, ...]:
        """List the parts that are completed, in their order."""
        query = (
            select(*_PART_COLUMNS)
            .where(upload_parts.c.upload == upload_id, upload_parts.c.completed)
            .order_by(upload_parts.c.begin_bytes, upload_parts.c.number)
        )
        async with reading(self._engine) as connection:
            return tuple(Part(**row._asdict()) for row in await connection.execute(query))

    async def arrived_bytes(self, account: str) -> int:
        """Sum up what has arrived of the account's uploads that are not complete."""
        query = (
            select(func.coalesce(func.sum(upload_parts.c.size_bytes), 0))
            .join(uploads, uploads.c.id == upload_parts.c.upload)
            .where(uploads.c.account == account, uploads.c.state == "open")
        )
        async with reading(self._engine) as connection:
            return int((await connection.execute(query)).scalar_one())

    async def finish(
        self, upload: Upload, digest: str, *, quota_bytes: int | None = None
    ) -> tuple[FileEntry, tuple[str, ...]]:
        """
        Put a whole upload's file into the catalogue, once.

        Args:
            quota_bytes: What all files of the account may hold together.

        Returns:
            The file, and the blobs that are debris since: the parts it was joined from, what it
            has replaced, or what was joined once too often. Of two who finish, the second
            replaces nothing.

        Raises:
            PathTaken: Another file has come there meanwhile.
            StorageFull: The account has no room for it any more.
            UploadGone: The upload has been given up.
        """
        async with writing(self._engine) as connection:
            moment = (await connection.execute(select(now_ms()))).scalar_one()
            entry = file_of(upload, digest, moment)
            if await _is_open(connection, upload.id):
                debris = await self._drop_parts(connection, upload)
                values = {"state": "done", "digest": digest}
                at = uploads.c.id == upload.id
                await connection.execute(update(uploads).where(at).values(**values))
                there, replaced = await add(
                    connection, entry, draft=upload.draft, overwrites=upload.overwrites
                )
                await keep_quota(
                    connection, upload.account, quota_bytes, added_bytes=upload.size_bytes
                )
                return there, (*debris, *replaced)
            named = select(files.c.blob).where(files.c.blob == upload.blob)
            unnamed = (await connection.execute(named)).one_or_none() is None
            if unnamed:
                await leave(connection, upload.blob)
            known = select(uploads.c.id).where(uploads.c.id == upload.id)
            gone = (await connection.execute(known)).one_or_none() is None
        if gone:
            raise UploadGone(upload.id)
        return entry, (upload.blob,) if unnamed else ()

    async def abandoned(self, *, older_than_ms: int, limit: int) -> tuple[Upload, ...]:
        """List uploads that were begun so long ago and are not finished, the oldest first."""
        query = (
            select(*_COLUMNS)
            .where(uploads.c.state == "open", uploads.c.created_ms < now_ms() - older_than_ms)
            .order_by(uploads.c.created_ms)
            .limit(limit)
        )
        async with reading(self._engine) as connection:
            return tuple(_upload(row._asdict()) for row in await connection.execute(query))

    async def abandon(self, upload: Upload) -> tuple[str, ...] | None:
        """Forget an upload that is not finished; return its blobs, now debris, None if it is."""
        async with writing(self._engine) as connection:
            if not await _is_open(connection, upload.id):
                return None
            debris = (*await self._drop_parts(connection, upload), upload.blob)
            await leave(connection, upload.blob)
            await connection.execute(delete(uploads).where(uploads.c.id == upload.id))
        return debris

    async def _drop_parts(self, connection: AsyncConnection, upload: Upload) -> tuple[str, ...]:
        """Forget the parts of an upload, whose blobs are debris then."""
        mine = upload_parts.c.upload == upload.id
        found = await connection.execute(select(upload_parts.c.blob).where(mine))
        debris = tuple(found.scalars())
        await leave(connection, *debris)
        await connection.execute(delete(upload_parts).where(mine))
        return debris


async def _is_open(connection: AsyncConnection, upload_id: str) -> bool:
    """Tell whether an upload is under way, and keep it so until the end of the transaction."""
    at = (uploads.c.id == upload_id, uploads.c.state == "open")
    query = select(uploads.c.id).where(*at).with_for_update()
    return (await connection.execute(query)).one_or_none() is not None


def file_of(upload: Upload, digest: str, moment_ms: int) -> FileEntry:
    """Describe the file that an upload becomes."""
    return FileEntry(
        account=upload.account,
        path=upload.path,
        blob=upload.blob,
        size_bytes=upload.size_bytes,
        digest=digest,
        mime=upload.mime,
        original_name=upload.original_name,
        media=upload.media,
        created_ms=moment_ms,
        modified_ms=moment_ms,
    )


def _upload(row: dict[str, Any]) -> Upload:
    row["draft"] = msgspec.json.decode(row["draft"], type=Draft)
    return Upload(**row)
