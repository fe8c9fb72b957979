"""The rows of uploads and of their parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import add
from edge.library.debris.store import keep, leave
from edge.library.media.media import Draft
from edge.library.uploads.upload import Part, Upload, part_blob
from edge.records.dialects import insert_into, now_ms
from edge.records.engine import reading, writing
from edge.records.tables import upload_parts, uploads

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
            The blob of the part that had arrived before, if it was another: debris from now on.

        Raises:
            PartTaken: There is another, and it is not to be replaced.
            UploadGone: The upload has been given up.
        """
        at = (upload_parts.c.upload == upload.id, upload_parts.c.number == part.number)
        row = {
            "begin_bytes": part.begin_bytes,
            "size_bytes": part.size_bytes,
            "digest": part.digest,
            "completed": completed,
        }
        known = select(uploads.c.id).where(uploads.c.id == upload.id)
        async with writing(self._engine) as connection:
            if (await connection.execute(known)).one_or_none() is None:
                raise UploadGone(upload.id)
            found = await connection.execute(select(*_PART_COLUMNS).where(*at))
            before = found.one_or_none()
            if before is not None and Part(**before._asdict()) == part:
                return None
            if before is not None and not replaces:
                raise PartTaken(part.number)
            await keep(connection, part_blob(upload.id, part.number, part.digest))
            statement = insert_into(connection, upload_parts).values(
                upload=upload.id, number=part.number, **row
            )
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[upload_parts.c.upload, upload_parts.c.number], set_=row
                )
            )
            if before is None or before.digest == part.digest:
                return None
            debris = part_blob(upload.id, part.number, before.digest)
            await leave(connection, debris)
            return debris

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

    async def finish(
        self, upload: Upload, digest: str, parts: Sequence[str] = ()
    ) -> tuple[FileEntry, tuple[str, ...]]:
        """
        Put a whole upload's file into the catalogue, once.

        Args:
            parts: The blobs it was joined from, which are debris then.

        Returns:
            The file, and the blobs of what it has replaced, which are debris since. Of two who
            finish, the second replaces nothing.

        Raises:
            PathTaken: Another file has come there meanwhile.
        """
        async with writing(self._engine) as connection:
            won = await _finish(connection, upload.id, digest)
            moment = (await connection.execute(select(now_ms()))).scalar_one()
            entry = file_of(upload, digest, moment)
            if not won:
                return entry, ()
            await leave(connection, *parts)
            return await add(connection, entry, draft=upload.draft, overwrites=upload.overwrites)

    async def abandoned(self, *, before_ms: int, limit: int) -> tuple[Upload, ...]:
        """List uploads that were begun before a moment and are not finished, the oldest first."""
        query = (
            select(*_COLUMNS)
            .where(uploads.c.state == "open", uploads.c.created_ms < before_ms)
            .order_by(uploads.c.created_ms)
            .limit(limit)
        )
        async with reading(self._engine) as connection:
            return tuple(_upload(row._asdict()) for row in await connection.execute(query))

    async def abandon(self, upload: Upload) -> bool:
        """Forget an upload that is not finished, its parts becoming debris; False if it is."""
        at = (uploads.c.id == upload.id, uploads.c.state == "open")
        parts = upload_parts.c.upload == upload.id
        async with writing(self._engine) as connection:
            if (await connection.execute(select(uploads.c.id).where(*at))).one_or_none() is None:
                return False
            numbered = select(upload_parts.c.number, upload_parts.c.digest).where(parts)
            found = (await connection.execute(numbered)).all()
            await leave(connection, *(part_blob(upload.id, *row) for row in found), upload.blob)
            await connection.execute(delete(upload_parts).where(parts))
            await connection.execute(delete(uploads).where(*at))
        return True


async def _finish(connection: AsyncConnection, upload_id: str, digest: str) -> bool:
    statement = (
        update(uploads)
        .where(uploads.c.id == upload_id, uploads.c.state == "open")
        .values(state="done", digest=digest)
    )
    return (await connection.execute(statement)).rowcount == 1


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
