"""
The outbox: events, written down with what they tell of, and taken from there to be sent.

Whoever changes something that somebody is to hear of adds the event in the same transaction, so
that both happen or neither. Whoever sends one puts it off first, so that no two nodes send it at
once; if that process dies, it is due again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.jobs.wakeups import Wakeups
from edge.library.webhooks.event import Event, EventState, new_event_id
from edge.records.dialects import insert_into, now_ms
from edge.records.engine import reading, writing
from edge.records.paging import newest_first
from edge.records.tables import events

_COLUMNS = tuple(events.c[field.name] for field in fields(Event))
_TOPIC = "events"
_MOST_ERROR_CHARACTERS = 500


async def add(connection: AsyncConnection, *, account: str, kind: str, url: str, body: str) -> str:
    """
    Write an event down within a transaction; ``Events.wake`` after it saves a second.

    Returns:
        Its id.
    """
    event_id = new_event_id()
    await connection.execute(
        insert_into(connection, events).values(
            id=event_id,
            account=account,
            kind=kind,
            url=url,
            body=body,
            state=EventState.WAITING,
            attempts=0,
            due_ms=now_ms(),
            created_ms=now_ms(),
            updated_ms=now_ms(),
        )
    )
    return event_id


class Events:
    """Every event of every account."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._wakeups = Wakeups()

    def arrivals(self) -> AbstractContextManager[asyncio.Event]:
        """Listen to what this process adds; other processes are noticed by looking only."""
        return self._wakeups.listening(_TOPIC)

    def wake(self) -> None:
        """Say that there may be something to send."""
        self._wakeups.wake(_TOPIC)

    async def take(self, *, attempt_ms: int, without: Collection[str] = ()) -> Event | None:
        """
        Take the event that is due longest, putting it off for *attempt_ms*.

        Args:
            without: Accounts whose events are left for later.
        """
        async with reading(self._engine) as connection:
            if not (await connection.execute(select(exists().where(_due(without))))).scalar_one():
                return None
        found = (
            select(events.c.id)
            .where(_due(without))
            .order_by(events.c.due_ms, events.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        statement = (
            update(events)
            .where(events.c.id == found)
            .values(
                attempts=events.c.attempts + 1, due_ms=now_ms() + attempt_ms, updated_ms=now_ms()
            )
            .returning(*_COLUMNS)
        )
        async with writing(self._engine) as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else _event(row._asdict())

    async def delivered(self, event: Event) -> None:
        """Write down that an event was heard, whoever may be sending it again just now."""
        await self._settle(events.c.id == event.id, state=EventState.DELIVERED, last_error=None)

    async def give_up(self, event: Event, error: str) -> None:
        """Write down that an event will not be sent again."""
        await self._settle(
            _taken(event), state=EventState.GIVEN_UP, last_error=error[:_MOST_ERROR_CHARACTERS]
        )

    async def put_off(self, event: Event, error: str, pause_ms: int) -> None:
        """Write down that an attempt came to nothing, and when the next one is."""
        await self._settle(
            _taken(event),
            due_ms=now_ms() + pause_ms,
            last_error=error[:_MOST_ERROR_CHARACTERS],
        )

    async def retry(self, event_id: str) -> Event | None:
        """Have an event sent now, whatever has become of it, with all its attempts before it."""
        statement = (
            update(events)
            .where(events.c.id == event_id)
            .values(state=EventState.WAITING, attempts=0, due_ms=now_ms(), updated_ms=now_ms())
            .returning(*_COLUMNS)
        )
        async with writing(self._engine) as connection:
            row = (await connection.execute(statement)).one_or_none()
        self.wake()
        return None if row is None else _event(row._asdict())

    async def list(
        self, account: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[tuple[Event, ...], str | None]:
        """
        Return a page of an account's events, newest first, and the cursor of the next.

        Raises:
            BadCursor: The cursor is not one of ours.
        """
        query = select(*_COLUMNS).where(events.c.account == account)
        async with reading(self._engine) as connection:
            rows, further = await newest_first(
                connection, query, events.c.created_ms, events.c.id, cursor=cursor, limit=limit
            )
        return tuple(map(_event, rows)), further

    async def forget(self, *, older_than_ms: int) -> int:
        """Delete what was delivered or given up so long ago; return how many events."""
        settled = and_(
            events.c.state != EventState.WAITING, events.c.updated_ms < now_ms() - older_than_ms
        )
        async with writing(self._engine) as connection:
            return (await connection.execute(delete(events).where(settled))).rowcount

    async def _settle(self, at: ColumnElement[bool], **values: Any) -> None:
        statement = (
            update(events)
            .where(at, events.c.state == EventState.WAITING)
            .values(**values, updated_ms=now_ms())
        )
        async with writing(self._engine) as connection:
            await connection.execute(statement)


def _due(without: Collection[str]) -> ColumnElement[bool]:
    return and_(
        events.c.state == EventState.WAITING,
        events.c.due_ms <= now_ms(),
        events.c.account.not_in(without),
    )


def _taken(event: Event) -> ColumnElement[bool]:
    """The fence: true as long as nobody has begun another attempt."""
    return and_(events.c.id == event.id, events.c.attempts == event.attempts)


def _event(row: dict[str, Any]) -> Event:
    return Event(**{**row, "state": EventState(row["state"])})
