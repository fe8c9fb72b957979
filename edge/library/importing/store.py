"""
The rows of import tasks, and the leases on them.

A task is taken by one process at a time, for as long as it says that it lives. How it ended and
what its callback is to be told are written in one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import fields
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.jobs.wakeups import Wakeups
from edge.library.importing.callback import callback_of, kind_of
from edge.library.importing.task import Failure, ImportState, ImportTask, new_task_id
from edge.library.webhooks.store import add
from edge.records.dialects import insert_into, now_ms
from edge.records.engine import reading, writing
from edge.records.tables import accounts, imports

_COLUMNS = tuple(imports.c[field.name] for field in fields(ImportTask))
_UNSETTLED = [state for state in ImportState if not state.settled]
_LET_GO = {"owner": None, "lease_until_ms": None}
_TOPIC = "imports"


class TooManyImports(Exception):
    """An account has as many files under way as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} files are being fetched for this account.")
        self.most = most


class ImportTasks:
    """Every task of every account."""

    def __init__(self, engine: AsyncEngine, *, lease_ms: int) -> None:
        """Prepare; an owner who is silent for *lease_ms* loses the task."""
        self._engine = engine
        self._lease_ms = lease_ms
        self._wakeups = Wakeups()

    async def submit(
        self, *, account: str, url: str, callback_url: str, media: str, most: int
    ) -> ImportTask:
        """
        Write a task down.

        Raises:
            TooManyImports: The account has *most* of them that are not done.
        """
        row = {
            "id": new_task_id(),
            "account": account,
            "url": url,
            "callback_url": callback_url,
            "media": media,
            "state": ImportState.QUEUED,
            "attempts": 0,
            "created_ms": now_ms(),
            "updated_ms": now_ms(),
        }
        mine = select(func.count()).where(
            imports.c.account == account, imports.c.state.in_(_UNSETTLED)
        )
        # Two that count at once would each find room for one.
        turn = select(accounts.c.id).where(accounts.c.id == account).with_for_update()
        async with writing(self._engine) as connection:
            await connection.execute(turn)
            if (await connection.execute(mine)).scalar_one() >= most:
                raise TooManyImports(most)
            statement = insert_into(connection, imports).values(row).returning(*_COLUMNS)
            task = _task((await connection.execute(statement)).one()._asdict())
        self.wake()
        return task

    async def claim(self, owner: str, *, without: Collection[str] = ()) -> ImportTask | None:
        """
        Give *owner* the oldest task that nobody works on.

        Args:
            without: Accounts whose tasks are left for later.
        """
        async with reading(self._engine) as connection:
            if not (await connection.execute(select(exists().where(_free(without))))).scalar_one():
                return None
        found = (
            select(imports.c.id)
            .where(_free(without))
            .order_by(imports.c.created_ms, imports.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        statement = (
            update(imports)
            .where(imports.c.id == found)
            .values(
                state=ImportState.RUNNING,
                owner=owner,
                lease_until_ms=now_ms() + self._lease_ms,
                attempts=imports.c.attempts + 1,
                updated_ms=now_ms(),
            )
            .returning(*_COLUMNS)
        )
        async with writing(self._engine) as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else _task(row._asdict())

    async def renew(self, task: ImportTask) -> bool:
        """Say that the owner of a task lives; False if it is no longer the owner."""
        return await self._change(_held(task), lease_until_ms=now_ms() + self._lease_ms)

    async def finish(self, task: ImportTask, failure: Failure | None) -> bool:
        """
        Write down how a task has ended, and in the same transaction what its callback is told.

        Returns:
            False if somebody else owns it by now: nothing was written.
        """
        state = ImportState.DONE if failure is None else ImportState.FAILED
        statement = (
            update(imports)
            .where(_held(task))
            .values(
                state=state,
                error_code=failure and failure.code,
                error_message=failure and failure.message,
                updated_ms=now_ms(),
                **_LET_GO,
            )
        )
        async with writing(self._engine) as connection:
            if (await connection.execute(statement)).rowcount != 1:
                return False
            await add(
                connection,
                account=task.account,
                kind=kind_of(failure),
                url=task.callback_url,
                body=msgspec.json.encode(callback_of(task, failure)).decode(),
            )
        return True

    async def give_back(self, task: ImportTask) -> None:
        """Queue a task whose owner stops, as if it had not been begun."""
        await self._change(
            _held(task), state=ImportState.QUEUED, attempts=imports.c.attempts - 1, **_LET_GO
        )

    async def release_owner(self, owner: str) -> None:
        """Queue what a dead owner has worked on; those attempts count."""
        held = and_(imports.c.owner == owner, imports.c.state == ImportState.RUNNING)
        await self._change(held, state=ImportState.QUEUED, **_LET_GO)

    async def get(self, account: str, task_id: str) -> ImportTask | None:
        """Return the account's task, or None."""
        query = select(*_COLUMNS).where(imports.c.id == task_id, imports.c.account == account)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _task(row._asdict())

    async def forget(self, *, older_than_ms: int) -> int:
        """Delete tasks that ended so long ago; return how many."""
        ended = and_(
            imports.c.state.not_in(_UNSETTLED), imports.c.updated_ms < now_ms() - older_than_ms
        )
        async with writing(self._engine) as connection:
            return (await connection.execute(delete(imports).where(ended))).rowcount

    def arrivals(self) -> AbstractContextManager[asyncio.Event]:
        """Listen to what this process submits; other processes are noticed by looking only."""
        return self._wakeups.listening(_TOPIC)

    def wake(self) -> None:
        """Say that there may be something to do."""
        self._wakeups.wake(_TOPIC)

    async def _change(self, at: ColumnElement[bool], **values: Any) -> bool:
        statement = update(imports).where(at).values(**values, updated_ms=now_ms())
        async with writing(self._engine) as connection:
            return (await connection.execute(statement)).rowcount > 0


def _free(without: Collection[str]) -> ColumnElement[bool]:
    lapsed = and_(imports.c.state == ImportState.RUNNING, imports.c.lease_until_ms <= now_ms())
    return and_(
        or_(imports.c.state == ImportState.QUEUED, lapsed), imports.c.account.not_in(without)
    )


def _held(task: ImportTask) -> ColumnElement[bool]:
    """The fence: true of a task that nobody has begun again since."""
    return and_(
        imports.c.id == task.id,
        imports.c.owner == task.owner,
        imports.c.attempts == task.attempts,
        imports.c.state == ImportState.RUNNING,
    )


def _task(row: dict[str, Any]) -> ImportTask:
    return ImportTask(**{**row, "state": ImportState(row["state"])})
