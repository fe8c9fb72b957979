"""
The rows of media: what is known of files, found by what somebody looks for.

What is searched is folded in Python (``spelling``), because SQLite folds ASCII only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.library.catalogue.rows import COLUMNS, entry_of
from edge.library.debris.store import keep, leave
from edge.library.folders.folder import Permissions
from edge.library.folders.store import permissions_of
from edge.library.media.media import Change, Description, Draft, Media, Quality, folded
from edge.library.media.spelling import line_of, pair_of, searched, words_of
from edge.records.dialects import insert_into, now_ms
from edge.records.engine import reading, writing
from edge.records.paging import newest_first
from edge.records.tables import files, media
from edge.records.telling import tell
from edge.records.tidings import Tiding, Topic

_MICROSECONDS = 1_000_000

# Longer than two workers and a picture may take, so that nobody else begins meanwhile; it doubles
# with each attempt, up to 17 hours.
_PUT_OFF_MS = 120_000
_MOST_DOUBLINGS = 9


class Sort(StrEnum):
    """What lists are ordered by; what is equal is ordered by its id."""

    CREATED = "created"
    UPDATED = "updated"
    TITLE = "title"
    SIZE = "size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """
    What somebody looks for: all of it has to hold.

    ``words`` are looked for in titles and descriptions, as they are; of ``tags`` and ``pairs``
    each has to be there. ``sounds`` leaves out what is no sound, unless it was to be one and
    ``broken`` are looked for as well; ``there`` leaves out what has no file yet. ``deleted`` of
    None is both those that are and those that are not.
    """

    words: str = ""
    tags: tuple[str, ...] = ()
    pairs: Mapping[str, object] = field(default_factory=dict)
    sounds: bool = True
    broken: bool = False
    there: bool = False
    deleted: bool | None = False


class MediaRows:
    """What is known of every account's files."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def announce(self, media_id: str, account: str, draft: Draft) -> Media:
        """Write media down whose file is to come."""
        async with writing(self._engine) as connection:
            await announce(connection, media_id, account, draft)
            found = await _select(connection, account, media.c.id == media_id)
        return found[0]

    async def get(self, account: str, media_id: str, *, deleted: bool = False) -> Media | None:
        """Return media that are not deleted, or that are, or None."""
        gone = media.c.deleted_ms
        at = and_(media.c.id == media_id, gone.is_not(None) if deleted else gone.is_(None))
        async with reading(self._engine) as connection:
            found = await _select(connection, account, at)
        return found[0] if found else None

    async def locate(self, media_id: str) -> Media | None:
        """Return media that are not deleted, whosoever they are, or None."""
        at = and_(media.c.id == media_id, media.c.deleted_ms.is_(None))
        async with reading(self._engine) as connection:
            owner = select(media.c.account).where(at)
            account = (await connection.execute(owner)).scalar_one_or_none()
            found = [] if account is None else await _select(connection, account, at)
        return found[0] if found else None

    async def get_all(self, account: str, media_ids: list[str]) -> dict[str, Media]:
        """Return those of some media that are not deleted, by their ids."""
        async with reading(self._engine) as connection:
            at = and_(media.c.id.in_(media_ids), media.c.deleted_ms.is_(None))
            return {each.id: each for each in await _select(connection, account, at)}

    async def change(self, account: str, media_id: str, change: Change) -> bool:
        """Change what is known of media; False if there are none, or they are deleted."""
        at = and_(media.c.id == media_id, media.c.account == account, media.c.deleted_ms.is_(None))
        async with writing(self._engine) as connection:
            row = (await connection.execute(select(media).where(at))).one_or_none()
            if row is None:
                return False
            values = _changed(row._asdict(), change)
            await connection.execute(update(media).where(at).values(values))
            if change.public is not None:
                await tell(connection, Tiding(topic=Topic.FILES, account=account))
        return True

    async def begin_describing(self, media_id: str, blob: str) -> int | None:
        """
        Count an attempt at describing a file, and put the next one off, each time for longer.

        Returns:
            Which attempt it is, the first being 1; None if there is nothing to be described.
        """
        async with writing(self._engine) as connection:
            row = await _undescribed(connection, media_id, blob)
            if row is None:
                return None
            before: int = row["describe_attempts"]
            pause_ms = _PUT_OFF_MS << min(before, _MOST_DOUBLINGS)
            values = {"describe_attempts": before + 1, "describe_due_ms": now_ms() + pause_ms}
            await connection.execute(update(media).where(media.c.id == media_id).values(values))
        return before + 1

    async def describe(self, media_id: str, blob: str, told: Description, *, title: str) -> bool:
        """
        Write down what a file says of itself.

        Returns:
            False if its media have another file by now, or somebody else has described it.

        Args:
            blob: The file that was looked at.

            title: For media that have none.
        """
        async with writing(self._engine) as connection:
            row = await _undescribed(connection, media_id, blob)
            if row is None:
                return False
            seconds = told.duration_seconds
            title = row["title"] or title
            values = {
                "title": title,
                "described_ms": now_ms(),
                "describe_due_ms": 0,
                "artist": told.artist,
                "album": told.album,
                "duration_us": None if seconds is None else round(seconds * _MICROSECONDS),
                "bitrate_bps": told.bitrate_bps,
                "format": told.format,
                "flaw": told.flaw,
                "thumbnail": told.thumbnail,
                "search_text": words_of(title, row["description"]),
            }
            if row["thumbnail"] not in (None, told.thumbnail):
                await leave(connection, row["thumbnail"])
                await tell(connection, Tiding(topic=Topic.FILES, account=row["account"]))
            if told.thumbnail is not None:
                await keep(connection, told.thumbnail)
            await connection.execute(update(media).where(media.c.id == media_id).values(values))
        return True

    async def undescribed(self, *, limit: int) -> list[Media]:
        """List media whose files are to be looked at by now, those of all accounts, in order."""
        waiting = and_(media.c.described_ms.is_(None), media.c.deleted_ms.is_(None))
        query = (
            _QUERY.where(waiting, files.c.media.is_not(None), media.c.describe_due_ms <= now_ms())
            .order_by(media.c.describe_due_ms, media.c.created_ms, media.c.id)
            .limit(limit)
        )
        async with reading(self._engine) as connection:
            return [
                _media(row._asdict(), Permissions({})) for row in await connection.execute(query)
            ]

    async def bury(self, account: str, media_id: str) -> bool:
        """Delete media without a file; those with one go with it."""
        async with writing(self._engine) as connection:
            at = and_(media.c.id == media_id, media.c.account == account)
            known = select(media.c.id).where(at, media.c.deleted_ms.is_(None))
            if (await connection.execute(known)).one_or_none() is None:
                return False
            await bury(connection, media_id)
        return True

    async def find(
        self,
        account: str,
        search: Search,
        *,
        sort: Sort = Sort.CREATED,
        descending: bool = True,
        offset: int = 0,
        limit: int | None = None,
    ) -> tuple[list[Media], int]:
        """Return a page of what is looked for, and how many there are altogether."""
        column = _SORTED[sort]
        order = (column.desc(), media.c.id.desc()) if descending else (column, media.c.id)
        where = _where(account, search)
        async with reading(self._engine) as connection:
            query = _QUERY.where(where).order_by(*order).offset(offset).limit(limit)
            found = await _read(connection, account, query)
            counted = select(func.count()).select_from(_JOINED).where(where)
            total = (await connection.execute(counted)).scalar_one()
        return found, total

    async def newest(
        self, account: str, search: Search, *, cursor: str | None, limit: int
    ) -> tuple[list[Media], str | None]:
        """
        Return a page of what is looked for, newest first, and the cursor of the next.

        Raises:
            BadCursor: The cursor is not one of ours.
        """
        query = _QUERY.where(_where(account, search))
        async with reading(self._engine) as connection:
            rows, further = await newest_first(
                connection, query, media.c.created_ms, media.c.id, cursor=cursor, limit=limit
            )
            permissions = await permissions_of(connection, account)
        return [_media(row, permissions) for row in rows], further


async def announce(connection: AsyncConnection, media_id: str, account: str, draft: Draft) -> None:
    """Write media down within a transaction, unless they are known already."""
    statement = insert_into(connection, media).values(
        id=media_id,
        account=account,
        title=draft.title or "",
        description=draft.description,
        tags=_json(draft.tags),
        metadata=_json(draft.metadata),
        qualities=_json(draft.qualities),
        public=draft.public,
        **searched(draft.title or "", draft.description, draft.tags, draft.metadata),
        created_ms=now_ms(),
        updated_ms=now_ms(),
    )
    await connection.execute(statement.on_conflict_do_nothing(index_elements=[media.c.id]))


async def redraft(connection: AsyncConnection, media_id: str, draft: Draft) -> str | None:
    """
    Write down within a transaction that another file has come to media's place.

    Returns:
        The thumbnail of the one before.
    """
    at = media.c.id == media_id
    query = select(media.c.thumbnail).where(at).with_for_update()
    before = (await connection.execute(query)).scalar_one()
    values: dict[str, Any] = {
        "title": draft.title or "",
        "description": draft.description,
        "tags": _json(draft.tags),
        "metadata": _json(draft.metadata),
        **searched(draft.title or "", draft.description, draft.tags, draft.metadata),
        **dict.fromkeys(("described_ms", "artist", "album", "duration_us", "bitrate_bps")),
        **dict.fromkeys(("format", "flaw", "thumbnail")),
        **dict.fromkeys(("describe_attempts", "describe_due_ms"), 0),
        "updated_ms": now_ms(),
    }
    if draft.public is not None:
        values["public"] = draft.public
    await connection.execute(update(media).where(at).values(values))
    return None if before is None else str(before)


async def bury(connection: AsyncConnection, media_id: str) -> str | None:
    """Write down within a transaction that media are deleted; return their thumbnail."""
    at = media.c.id == media_id
    query = select(media.c.thumbnail).where(at).with_for_update()
    thumbnail = (await connection.execute(query)).scalar_one()
    values = {"deleted_ms": now_ms(), "updated_ms": now_ms(), "thumbnail": None}
    await connection.execute(update(media).where(at).values(values))
    return None if thumbnail is None else str(thumbnail)


_OWN = tuple(
    media.c[each.name]
    for each in fields(Media)
    if each.name not in ("duration_seconds", "file", "public")
)
_JOINED = media.outerjoin(files, files.c.media == media.c.id)
_QUERY = select(*_OWN, media.c.duration_us, *COLUMNS).select_from(_JOINED)

_SORTED: dict[Sort, ColumnElement[Any]] = {
    Sort.CREATED: media.c.created_ms,
    Sort.UPDATED: media.c.updated_ms,
    # It begins with the title.
    Sort.TITLE: media.c.search_text,
    Sort.SIZE: func.coalesce(files.c.size_bytes, 0),
}


async def _undescribed(
    connection: AsyncConnection, media_id: str, blob: str
) -> dict[str, Any] | None:
    """Return the row of media whose file is yet to be described, if it is still that file."""
    at = and_(media.c.id == media_id, media.c.described_ms.is_(None), media.c.deleted_ms.is_(None))
    # Whoever replaces the file has this row first, or waits for it.
    query = select(media).where(at).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    there = select(files.c.media).where(files.c.media == media_id, files.c.blob == blob)
    if row is None or (await connection.execute(there)).one_or_none() is None:
        return None
    return row._asdict()


async def _select(
    connection: AsyncConnection, account: str, where: ColumnElement[bool]
) -> list[Media]:
    return await _read(connection, account, _QUERY.where(media.c.account == account, where))


async def _read(connection: AsyncConnection, account: str, query: Select[Any]) -> list[Media]:
    rows = [row._asdict() for row in await connection.execute(query)]
    permissions = await permissions_of(connection, account) if rows else Permissions({})
    return [_media(row, permissions) for row in rows]


def _where(account: str, search: Search) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [media.c.account == account]
    deleted = media.c.deleted_ms
    if search.deleted is not None:
        conditions.append(deleted.is_not(None) if search.deleted else deleted.is_(None))
    if search.words:
        conditions.append(media.c.search_text.contains(folded(search.words), autoescape=True))
    for tag in search.tags:
        conditions.append(media.c.search_tags.contains(f"\n{line_of(tag)}\n", autoescape=True))
    for key, value in search.pairs.items():
        line = f"\n{pair_of(key, value)}\n"
        conditions.append(media.c.search_pairs.contains(line, autoescape=True))
    if search.there:
        conditions.append(files.c.media.is_not(None))
    if search.sounds:
        likely = or_(
            media.c.described_ms.is_not(None),
            files.c.media.is_(None),
            files.c.mime.startswith("audio/"),
            files.c.mime.startswith("video/"),
        )
        meant = or_(
            files.c.mime.startswith("audio/"),
            files.c.mime.startswith("video/"),
            media.c.qualities != "[]",
        )
        whole = media.c.flaw.is_(None)
        conditions += [or_(whole, meant) if search.broken else whole, likely]
    return and_(*conditions)


def _changed(row: dict[str, Any], change: Change) -> dict[str, Any]:
    plain = {
        "title": change.title,
        "description": change.description,
        "public": change.public,
        "player_theme": change.player_theme,
        "tags": None if change.tags is None else _json(change.tags),
        "metadata": None if change.metadata is None else _json(change.metadata),
    }
    values = {name: value for name, value in plain.items() if value is not None}
    after = {**row, **values}
    tags = msgspec.json.decode(after["tags"], type=tuple[str, ...])
    pairs = msgspec.json.decode(after["metadata"], type=dict[str, object])
    spelt = searched(after["title"], after["description"], tags, pairs)
    return {**values, **spelt, "updated_ms": now_ms()}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _media(row: dict[str, Any], permissions: Permissions) -> Media:
    own = {column.name: row[column.name] for column in _OWN}
    duration_us = row["duration_us"]
    own |= {
        "tags": msgspec.json.decode(row["tags"], type=tuple[str, ...]),
        "metadata": msgspec.json.decode(row["metadata"], type=dict[str, object]),
        "qualities": msgspec.json.decode(row["qualities"], type=tuple[Quality, ...]),
    }
    return Media(
        **own,
        public=row["public"],
        duration_seconds=None if duration_us is None else duration_us / _MICROSECONDS,
        file=None if row["file_path"] is None else entry_of(row, permissions),
    )
