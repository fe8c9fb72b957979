"""The rows of uploads and of their parts."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.store import add
from edge.library.uploads.upload import Upload
from edge.records.dialects import insert_into, now_ms
from edge.records.engine import reading, writing
from edge.records.tables import upload_parts, uploads

_NAMES = tuple(field.name for field in fields(Upload))
_COLUMNS = tuple(uploads.c[name] for name in _NAMES)


class UploadRows:
    """What is known of every upload."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def begin(self, upload: Upload) -> Upload:
        """Write a new upload down; its time is the database's."""
        row: dict[str, Any] = {name: getattr(upload, name) for name in _NAMES}
        row |= {
            "tags": msgspec.json.encode(upload.tags).decode(),
            "metadata": msgspec.json.encode(upload.metadata).decode(),
            "created_ms": now_ms(),
            "state": "open",
        }
        async with writing(self._engine) as connection:
            statement = insert_into(connection, uploads).values(row)
            made = await connection.execute(statement.returning(uploads.c.created_ms))
            return replace(upload, created_ms=made.scalar_one())

    async def get(self, upload_id: str) -> Upload | None:
        """Return an upload, or None."""
        query = select(*_COLUMNS).where(uploads.c.id == upload_id)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _upload(row._asdict())

    async def note_part(self, upload_id: str, number: int, digest: str) -> str | None:
        """
        Note that a part has arrived.

        Returns:
            The digest of the one that arrived before, if it was another.
        """
        async with writing(self._engine) as connection:
            at = (upload_parts.c.upload == upload_id, upload_parts.c.number == number)
            found = await connection.execute(select(upload_parts.c.digest).where(*at))
            before = found.scalar_one_or_none()
            statement = insert_into(connection, upload_parts).values(
                upload=upload_id, number=number, digest=digest, completed=False
            )
            if before != digest:
                await connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=[upload_parts.c.upload, upload_parts.c.number],
                        set_={"digest": digest, "completed": False},
                    )
                )
        return before if before != digest else None

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

    async def completed_parts(self, upload_id: str) -> dict[int, str]:
        """List the parts that are completed, with their digests."""
        query = select(upload_parts.c.number, upload_parts.c.digest).where(
            upload_parts.c.upload == upload_id, upload_parts.c.completed
        )
        async with reading(self._engine) as connection:
            return {number: digest for number, digest in await connection.execute(query)}

    async def finish(self, upload: Upload, digest: str) -> tuple[FileEntry, FileEntry | None]:
        """
        Put a whole upload's file into the catalogue, once.

        Returns:
            The file, and what it has replaced. Of two who finish, the second replaces nothing.

        Raises:
            PathTaken: Another file has come there meanwhile.
        """
        async with writing(self._engine) as connection:
            won = await _finish(connection, upload.id, digest)
            moment = (await connection.execute(select(now_ms()))).scalar_one()
            entry = file_of(upload, digest, moment)
            before = await add(connection, entry, overwrites=upload.overwrites) if won else None
        return entry, before


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
        tags=upload.tags,
        metadata=upload.metadata,
        created_ms=moment_ms,
        modified_ms=moment_ms,
    )


def _upload(row: dict[str, Any]) -> Upload:
    row["tags"] = tuple(msgspec.json.decode(row["tags"], type=list[str]))
    row["metadata"] = msgspec.json.decode(row["metadata"], type=dict[str, object])
    return Upload(**row)
