"""
The rows of uploaded files and folders.

A folder is there while something is in it; one that was made stays when it is empty. So whoever
adds a file adds the folders above it, and whoever takes one away takes away those left empty, in
the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Select, and_, delete, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.library.catalogue.entry import FileEntry, FolderEntry, folder_of
from edge.records.dialects import insert_into, now_ms
from edge.records.engine import reading, writing
from edge.records.tables import files, folders


class PathTaken(Exception):
    """There is a file at the path already, which may not be overwritten."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of what is in a folder, in the order of its names, and where to go on."""

    folders: tuple[FolderEntry, ...]
    files: tuple[FileEntry, ...]
    cursor: str | None


class Catalogue:
    """Every account's uploaded files and folders."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def find(self, account: str, path: str) -> FileEntry | None:
        """Describe the file at *path*, or return None."""
        async with reading(self._engine) as connection:
            return await _find(connection, account, path)

    async def remove(self, account: str, path: str) -> FileEntry | None:
        """Take the file at *path* away, and the folders it leaves empty; None if there is none."""
        async with writing(self._engine) as connection:
            entry = await _find(connection, account, path)
            if entry is not None:
                at = and_(files.c.account == account, files.c.path == path)
                await connection.execute(delete(files).where(at))
                await _prune(connection, account, entry.folder)
        return entry

    async def stored_bytes(self, account: str) -> int:
        """Sum up what the account's files hold."""
        query = select(func.coalesce(func.sum(files.c.size_bytes), 0))
        async with reading(self._engine) as connection:
            found = await connection.execute(query.where(files.c.account == account))
            return int(found.scalar_one())

    async def folder(self, account: str, path: str) -> FolderEntry | None:
        """Describe the folder at *path*, or return None; the outermost is always there."""
        at = and_(folders.c.account == account, folders.c.path == path)
        async with reading(self._engine) as connection:
            row = (await connection.execute(select(folders).where(at))).one_or_none()
        if row is not None:
            return _folder(row._asdict())
        outermost = FolderEntry(account=account, path="/", made=False, description=None)
        return outermost if path == "/" else None

    async def make_folder(self, account: str, path: str, *, description: str | None) -> FolderEntry:
        """Make a folder that stays when it is empty, and those above it; or change what it says."""
        row = {"account": account, "path": path, "parent": folder_of(path), "made": True}
        async with writing(self._engine) as connection:
            await _add_folders(connection, account, folder_of(path))
            statement = insert_into(connection, folders).values(
                **row, description=description, created_ms=now_ms()
            )
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[folders.c.account, folders.c.path],
                    set_={"made": True, "description": description},
                )
            )
        return FolderEntry(account=account, path=path, made=True, description=description)

    async def list(
        self, account: str, folder: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page:
        """
        List what is in a folder, files and folders together by their paths.

        Args:
            cursor: The last path of the page before.
        """
        inside = union_all(
            _paths(files.c.path, files.c.account == account, files.c.folder == folder, cursor, 0),
            _paths(
                folders.c.path, folders.c.account == account, folders.c.parent == folder, cursor, 1
            ),
        ).subquery()
        query = select(inside.c.path, inside.c.is_folder).order_by(inside.c.path).limit(limit + 1)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
            shown = rows[:limit]
            below = [row.path for row in shown if row.is_folder]
            there = [row.path for row in shown if not row.is_folder]
            found = await connection.execute(
                select(files).where(files.c.account == account, files.c.path.in_(there))
            )
            entries = [_entry(row._asdict()) for row in found]
            found = await connection.execute(
                select(folders).where(folders.c.account == account, folders.c.path.in_(below))
            )
            around = [_folder(row._asdict()) for row in found]
        return Page(
            folders=tuple(sorted(around, key=lambda each: each.path)),
            files=tuple(sorted(entries, key=lambda each: each.path)),
            cursor=shown[-1].path if len(rows) > limit else None,
        )


async def add(
    connection: AsyncConnection, entry: FileEntry, *, overwrites: bool
) -> FileEntry | None:
    """
    Put a file into its place, and the folders above it, within a transaction.

    Returns:
        What was in the place before.

    Raises:
        PathTaken: Something is, and it is not to be overwritten.
    """
    before = await _find(connection, entry.account, entry.path)
    if before is not None and not overwrites:
        raise PathTaken(entry.path)
    row = {
        **{name: getattr(entry, name) for name in _PLAIN},
        "folder": entry.folder,
        "tags": msgspec.json.encode(entry.tags).decode(),
        "metadata": msgspec.json.encode(entry.metadata).decode(),
    }
    statement = insert_into(connection, files).values(row)
    kept = {name: value for name, value in row.items() if name != "created_ms"}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=[files.c.account, files.c.path], set_=kept)
    )
    await _add_folders(connection, entry.account, entry.folder)
    return before


_PLAIN = (
    *("account", "path", "blob", "size_bytes", "digest", "mime", "original_name"),
    *("created_ms", "modified_ms"),
)


async def _add_folders(connection: AsyncConnection, account: str, folder: str) -> None:
    while folder != "/":
        row = {"account": account, "path": folder, "parent": folder_of(folder), "made": False}
        statement = insert_into(connection, folders).values(**row, created_ms=now_ms())
        await connection.execute(statement.on_conflict_do_nothing())
        folder = folder_of(folder)


async def _prune(connection: AsyncConnection, account: str, folder: str) -> None:
    """Take away a folder that is empty and was not made, and those above it that then are."""
    while folder != "/":
        below = select(folders.c.path).where(
            folders.c.account == account, folders.c.parent == folder
        )
        inside = select(files.c.path).where(files.c.account == account, files.c.folder == folder)
        for query in (below, inside):
            if (await connection.execute(query.limit(1))).one_or_none() is not None:
                return
        at = and_(folders.c.account == account, folders.c.path == folder, ~folders.c.made)
        if (await connection.execute(delete(folders).where(at))).rowcount == 0:
            return
        folder = folder_of(folder)


async def _find(connection: AsyncConnection, account: str, path: str) -> FileEntry | None:
    query = select(files).where(files.c.account == account, files.c.path == path)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _entry(row._asdict())


def _paths(path: Any, mine: Any, inside: Any, cursor: str | None, is_folder: int) -> Select[Any]:
    query = select(path.label("path"), literal(is_folder).label("is_folder")).where(mine, inside)
    return query if cursor is None else query.where(path > cursor)


def _entry(row: dict[str, Any]) -> FileEntry:
    plain = {name: row[name] for name in _PLAIN}
    tags = tuple(msgspec.json.decode(row["tags"], type=list[str]))
    metadata = msgspec.json.decode(row["metadata"], type=dict[str, object])
    return FileEntry(**plain, tags=tags, metadata=metadata)


def _folder(row: dict[str, Any]) -> FolderEntry:
    return FolderEntry(
        account=row["account"],
        path=row["path"],
        made=row["made"],
        description=row["description"],
    )
