"""
The rows of folders.

A folder is there while something is in it; one that was made stays when it is empty. So whoever
adds a file adds the folders above it, and whoever takes one away takes away those left empty, in
the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.library.folders.folder import (
    FolderEntry,
    Grant,
    Permissions,
    folder_of,
    read,
    written,
)
from edge.records.dialects import insert_into, lies_below, now_ms
from edge.records.engine import reading, writing
from edge.records.tables import files, folders
from edge.records.telling import tell
from edge.records.tidings import Tiding, Topic


class Folders:
    """Every account's folders."""

    def __init__(self, engine: AsyncEngine, *, mounted: Collection[str] = ()) -> None:
        """
        Prepare.

        Args:
            mounted: Accounts that have files in mounts, which no deletion of a folder deletes.
        """
        self._engine = engine
        self._mounted = frozenset(mounted)

    async def get(self, account: str, path: str) -> FolderEntry | None:
        """Describe the folder at *path*, or return None; the outermost is always there."""
        at = and_(folders.c.account == account, folders.c.path == path)
        async with reading(self._engine) as connection:
            row = (await connection.execute(select(folders).where(at))).one_or_none()
        if row is not None:
            return folder_entry(row._asdict())
        outermost = FolderEntry(account=account, path="/", made=False, description=None)
        return outermost if path == "/" else None

    async def make(
        self,
        account: str,
        path: str,
        *,
        description: str | None,
        permissions: tuple[Grant, ...] | None,
    ) -> FolderEntry:
        """Make a folder that stays when it is empty, and those above it; or change what it says."""
        settings = {
            "made": True,
            "description": description,
            "public_permissions": None if permissions is None else written(permissions),
        }
        row = {"account": account, "path": path, "parent": _parent(path), **settings}
        async with writing(self._engine) as connection:
            await add_folders(connection, account, folder_of(path))
            statement = insert_into(connection, folders).values(**row, created_ms=now_ms())
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[folders.c.account, folders.c.path], set_=settings
                )
            )
            await tell(connection, Tiding(topic=Topic.FILES, account=account))
        return FolderEntry(
            account=account,
            path=path,
            made=True,
            description=description,
            permissions=permissions,
        )

    async def made_in(self, account: str, path: str, *, recursive: bool) -> tuple[FolderEntry, ...]:
        """List the folder at *path* and those below it that were made, the outermost first."""
        mine = and_(folders.c.account == account, folders.c.made)
        here = folders.c.path == path
        if recursive:
            here = or_(here, lies_below(folders.c.path, path))
        query = select(folders).where(mine, here).order_by(folders.c.path)
        async with reading(self._engine) as connection:
            return tuple(folder_entry(row._asdict()) for row in await connection.execute(query))

    async def unmake(self, account: str, path: str) -> bool:
        """
        Let a folder be there no longer than something is in it; False if there is none.

        What of it is public stays as it is where mounted files may be left in it.
        """
        values: dict[str, object] = {"made": False, "description": None}
        if account not in self._mounted:
            values["public_permissions"] = None
        async with writing(self._engine) as connection:
            at = and_(folders.c.account == account, folders.c.path == path)
            found = await connection.execute(folders.update().where(at).values(values))
            await prune(connection, account, path)
            await tell(connection, Tiding(topic=Topic.FILES, account=account))
        return found.rowcount == 1

    async def permissions(self, account: str) -> Permissions:
        """Read what of the account's folders is public."""
        async with reading(self._engine) as connection:
            return await permissions_of(connection, account)


async def permissions_of(connection: AsyncConnection, account: str) -> Permissions:
    """Read what of an account's folders is public, within a transaction."""
    query = select(folders.c.path, folders.c.public_permissions).where(
        folders.c.account == account, folders.c.public_permissions.is_not(None)
    )
    found = await connection.execute(query)
    return Permissions({path: read(text) for path, text in found})


async def add_folders(connection: AsyncConnection, account: str, folder: str) -> None:
    """Add the folder of something that comes, and those above it."""
    while folder != "/":
        row = {"account": account, "path": folder, "parent": _parent(folder), "made": False}
        statement = insert_into(connection, folders).values(**row, created_ms=now_ms())
        await connection.execute(statement.on_conflict_do_nothing())
        folder = folder_of(folder)


async def prune(connection: AsyncConnection, account: str, folder: str) -> None:
    """Take away a folder that is empty and was not made, and those above it that then are."""
    while folder != "/":
        below = select(folders.c.path).where(
            folders.c.account == account, folders.c.parent == folder
        )
        inside = select(files.c.path).where(files.c.account == account, files.c.folder == folder)
        for query in (below, inside):
            if (await connection.execute(query.limit(1))).one_or_none() is not None:
                return
        at = and_(
            folders.c.account == account,
            folders.c.path == folder,
            ~folders.c.made,
            folders.c.public_permissions.is_(None),
        )
        if (await connection.execute(delete(folders).where(at))).rowcount == 0:
            return
        folder = folder_of(folder)


def folder_entry(row: dict[str, Any]) -> FolderEntry:
    """Make a folder of its row."""
    text = row["public_permissions"]
    return FolderEntry(
        account=row["account"],
        path=row["path"],
        made=row["made"],
        description=row["description"],
        permissions=None if text is None else read(text),
    )


def _parent(path: str) -> str:
    """The outermost folder is in none, so that it does not list itself."""
    return "" if path == "/" else folder_of(path)
