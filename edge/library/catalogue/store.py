"""
The rows of uploaded files: which path leads to which bytes, and to which media.

The two come and go together: whoever adds a file adds what is known of it, and whoever takes it
away buries that, in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.jobs.sources.store import mark_gone
from edge.library.catalogue.entry import FileEntry
from edge.library.catalogue.rows import COLUMNS, PLAIN, entry_of
from edge.library.debris.store import leave
from edge.library.folders.folder import FolderEntry
from edge.library.folders.store import add_folders, folder_entry, permissions_of, prune
from edge.library.media.media import Draft, thumbnail_paths
from edge.library.media.store import announce, bury, redraft
from edge.records.dialects import insert_into, lies_below, lock
from edge.records.engine import reading, writing
from edge.records.tables import files, folders, media
from edge.records.telling import tell
from edge.records.tidings import Tiding, Topic


class StorageFull(Exception):
    """A file that has no room in its account's storage."""

    def __init__(self, *, used_bytes: int, quota_bytes: int) -> None:
        super().__init__(f"The account keeps {used_bytes} of {quota_bytes} bytes.")
        self.used_bytes = used_bytes
        self.quota_bytes = quota_bytes


class PathTaken(Exception):
    """There is a file at the path already, which may not be overwritten."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """A file that was taken away, and the blobs that are debris since."""

    file: FileEntry
    debris: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of what is in a folder, in the order of its names, and where to go on."""

    folders: tuple[FolderEntry, ...]
    files: tuple[FileEntry, ...]
    cursor: str | None


class Catalogue:
    """Every account's uploaded files."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def find(self, account: str, path: str) -> FileEntry | None:
        """Describe the file at *path*, or return None."""
        async with reading(self._engine) as connection:
            return await _find(connection, account, path)

    async def remove(
        self, account: str, path: str, *, not_after_ms: int | None = None
    ) -> Removed | None:
        """
        Take the file at *path* away, and the folders it leaves empty; None if there is none.

        Args:
            not_after_ms: Leave a file that has come there after this moment.
        """
        async with writing(self._engine) as connection:
            await lock(connection, account, path)
            entry = await _find(connection, account, path)
            if entry is None or (not_after_ms is not None and entry.modified_ms > not_after_ms):
                return None
            at = and_(files.c.account == account, files.c.path == path)
            await connection.execute(delete(files).where(at))
            thumbnail = await bury(connection, entry.media)
            debris = (entry.blob,) if thumbnail is None else (entry.blob, thumbnail)
            await leave(connection, *debris)
            await mark_gone(connection, account, path)
            await prune(connection, account, entry.folder)
            await tell(connection, *_about(entry))
        return Removed(file=entry, debris=debris)

    async def stored_bytes(self, account: str) -> int:
        """Sum up what the account's files hold."""
        query = select(func.coalesce(func.sum(files.c.size_bytes), 0))
        async with reading(self._engine) as connection:
            found = await connection.execute(query.where(files.c.account == account))
            return int(found.scalar_one())

    async def list(
        self,
        account: str,
        folder: str,
        *,
        recursive: bool = False,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """
        List what is in a folder, files and folders together by their paths.

        Args:
            recursive: List what is in the folders below it as well.

            cursor: The last path of the page before.
        """
        file_inside, folder_inside = files.c.folder == folder, folders.c.parent == folder
        if recursive:
            file_inside = lies_below(files.c.path, folder)
            folder_inside = lies_below(folders.c.path, folder)
        inside = union_all(
            _paths(files.c.path, files.c.account == account, file_inside, cursor, 0),
            _paths(folders.c.path, folders.c.account == account, folder_inside, cursor, 1),
        ).subquery()
        query = select(inside.c.path, inside.c.is_folder).order_by(inside.c.path).limit(limit + 1)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
            shown = rows[:limit]
            below = [row.path for row in shown if row.is_folder]
            there = [row.path for row in shown if not row.is_folder]
            entries = await _select(connection, account, files.c.path.in_(there))
            found = await connection.execute(
                select(folders).where(folders.c.account == account, folders.c.path.in_(below))
            )
            around = [folder_entry(row._asdict()) for row in found]
        return Page(
            folders=tuple(sorted(around, key=lambda each: each.path)),
            files=tuple(entries),
            cursor=shown[-1].path if len(rows) > limit else None,
        )

    async def below(
        self, account: str, folder: str, *, after: str = "", limit: int = 100
    ) -> tuple[FileEntry, ...]:
        """List files in a folder and all folders below it, by their paths, after a path."""
        inside = and_(lies_below(files.c.path, folder), files.c.path > after)
        async with reading(self._engine) as connection:
            return tuple(await _select(connection, account, inside, limit=limit))


async def add(
    connection: AsyncConnection, entry: FileEntry, *, draft: Draft, overwrites: bool
) -> tuple[FileEntry, tuple[str, ...]]:
    """
    Put a file into its place, and the folders above it, within a transaction.

    Returns:
        The file as it is there, with the media of what was in the place before; and the blobs of
        that, which are debris since.

    Raises:
        PathTaken: Something is, and it is not to be overwritten.
    """
    await lock(connection, entry.account, entry.path)
    before = await _find(connection, entry.account, entry.path)
    if before is not None and not overwrites:
        raise PathTaken(entry.path)
    debris: tuple[str, ...] = ()
    if before is None:
        await announce(connection, entry.media, entry.account, draft)
    else:
        entry = replace(entry, media=before.media, created_ms=before.created_ms)
        thumbnail = await redraft(connection, before.media, draft)
        debris = (before.blob,) if thumbnail is None else (before.blob, thumbnail)
        await leave(connection, *debris)
    # What was mounted there, or nothing, is also no longer what is found.
    await tell(connection, *_about(entry))
    row = {**{name: getattr(entry, name) for name in PLAIN}, "folder": entry.folder}
    statement = insert_into(connection, files).values(row)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=[files.c.account, files.c.path], set_=row)
    )
    await add_folders(connection, entry.account, entry.folder)
    there = await _find(connection, entry.account, entry.path)
    return there or entry, debris


async def keep_quota(
    connection: AsyncConnection, account: str, quota_bytes: int | None, *, added_bytes: int
) -> None:
    """
    Make sure, within the transaction that has added a file, that the account may keep all it has.

    Raises:
        StorageFull: It may not.
    """
    if quota_bytes is None:
        return
    # Who adds a file at the same time adds it before or after, and never beside this one.
    await lock(connection, account)
    query = select(func.coalesce(func.sum(files.c.size_bytes), 0))
    used = (await connection.execute(query.where(files.c.account == account))).scalar_one()
    if used > quota_bytes:
        raise StorageFull(used_bytes=int(used) - added_bytes, quota_bytes=quota_bytes)


def _about(entry: FileEntry) -> tuple[Tiding, ...]:
    """Spell what is no longer to be believed of a file: itself, and its picture."""
    paths = (entry.path, *thumbnail_paths(entry.media))
    return tuple(Tiding(topic=Topic.FILES, account=entry.account, subject=path) for path in paths)


async def _find(connection: AsyncConnection, account: str, path: str) -> FileEntry | None:
    found = await _select(connection, account, files.c.path == path)
    return found[0] if found else None


async def _select(
    connection: AsyncConnection,
    account: str,
    where: ColumnElement[bool],
    *,
    limit: int | None = None,
) -> list[FileEntry]:
    query = (
        select(*COLUMNS)
        .join(media, files.c.media == media.c.id)
        .where(files.c.account == account, where)
        .order_by(files.c.path)
        .limit(limit)
    )
    rows = [row._asdict() for row in await connection.execute(query)]
    if not rows:
        return []
    permissions = await permissions_of(connection, account)
    return [entry_of(row, permissions) for row in rows]


def _paths(path: Any, mine: Any, inside: Any, cursor: str | None, is_folder: int) -> Select[Any]:
    query = select(path.label("path"), literal(is_folder).label("is_folder")).where(mine, inside)
    return query if cursor is None else query.where(path > cursor)
