"""The queue of imports: one owner at a time, and what is told when a task has ended."""

from __future__ import annotations

import asyncio
import json

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.library.importing.store import ImportTasks, TooManyImports
from edge.library.importing.task import Failure, ImportState, ImportTask
from edge.library.webhooks.store import Events
from edge.records.engine import writing
from edge.records.tables import imports

ACCOUNT, OTHER = "W142hJk", "W142hJm"
MEDIA = "cfbc3d3c-2add-4265-bcdf-924092096e3d"


async def submit(tasks: ImportTasks, account: str = ACCOUNT, *, most: int = 10) -> ImportTask:
    return await tasks.submit(
        account=account,
        url="https://a.example/a.mp3",
        callback_url="https://b.example/hook",
        media=MEDIA,
        most=most,
    )


async def lapse(records: AsyncEngine) -> None:
    """Let every lease be over."""
    async with writing(records) as connection:
        await connection.execute(update(imports).values(lease_until_ms=1))


async def told(records: AsyncEngine, account: str = ACCOUNT) -> list[tuple[str, str, object]]:
    """List what callbacks are told."""
    events, _ = await Events(records).list(account)
    return [(event.kind, event.url, json.loads(event.body)) for event in events]


async def test_a_task_is_given_to_one_owner(records: AsyncEngine, tasks: ImportTasks) -> None:
    submitted = await submit(tasks)

    claimed = await asyncio.gather(*(tasks.claim(f"owner {n}") for n in range(5)))

    (task,) = [each for each in claimed if each is not None]
    assert (submitted.id, ImportState.RUNNING, 1) == (task.id, task.state, task.attempts)
    assert await tasks.renew(task)


async def test_the_end_and_what_is_told_of_it_are_one(
    records: AsyncEngine, tasks: ImportTasks
) -> None:
    await submit(tasks)
    task = await tasks.claim("owner")
    assert task is not None and await told(records) == []

    assert await tasks.finish(task, None)
    assert not await tasks.finish(task, None)

    assert [
        (
            "import.done",
            "https://b.example/hook",
            {"task_id": task.id, "clip_id": MEDIA, "code": 200, "message": "success"},
        )
    ] == await told(records)
    done = await tasks.get(ACCOUNT, task.id)
    assert done is not None and (done.state, done.owner) == (ImportState.DONE, None)
    assert await tasks.get(OTHER, task.id) is None


@pytest.mark.parametrize(
    ("code", "number"),
    [
        *(("source_unreachable", 400), ("source_forbidden", 403), ("storage_full", 402)),
        *(("unsupported_media", 400), ("too_large", 400), ("lost_too_often", 500)),
    ],
)
async def test_a_failure_is_told_by_its_number(
    records: AsyncEngine, tasks: ImportTasks, code: str, number: int
) -> None:
    await submit(tasks)
    task = await tasks.claim("owner")
    assert task is not None

    assert await tasks.finish(task, Failure(code=code, message="No."))

    ((kind, _, body),) = await told(records)
    assert ("import.failed", {"task_id": task.id, "clip_id": None, "code": number}) == (
        kind,
        {name: value for name, value in dict(body).items() if name != "message"},
    )
    failed = await tasks.get(ACCOUNT, task.id)
    assert failed is not None
    assert (ImportState.FAILED, code, "No.") == (
        failed.state,
        failed.error_code,
        failed.error_message,
    )


async def test_a_task_of_a_silent_owner_is_taken_over(
    records: AsyncEngine, tasks: ImportTasks
) -> None:
    await submit(tasks)
    first = await tasks.claim("first")
    assert first is not None and await tasks.claim("second") is None
    await lapse(records)
    second = await tasks.claim("second")

    assert second is not None and (second.id, second.attempts) == (first.id, 2)
    # The first was only slow: nothing of it counts any more.
    assert not await tasks.renew(first)
    assert not await tasks.finish(first, None)
    assert await told(records) == []
    assert await tasks.finish(second, None)


async def test_what_is_given_back_is_queued_uncounted_and_what_the_dead_leave_counted(
    records: AsyncEngine, tasks: ImportTasks
) -> None:
    await submit(tasks)
    first = await tasks.claim("first")
    assert first is not None
    await tasks.give_back(first)
    second = await tasks.claim("second")
    assert second is not None and second.attempts == 1
    await tasks.release_owner("first")
    assert await tasks.claim("third") is None
    await tasks.release_owner("second")
    third = await tasks.claim("third")

    assert third is not None and third.attempts == 2


async def test_an_account_has_so_many_under_way_and_others_are_not_kept_from_it(
    records: AsyncEngine, tasks: ImportTasks
) -> None:
    outcomes = await asyncio.gather(
        *(submit(tasks, most=3) for _ in range(6)), return_exceptions=True
    )

    assert sum(isinstance(outcome, TooManyImports) for outcome in outcomes) == 3
    other = await submit(tasks, OTHER, most=3)
    claimed = await tasks.claim("owner", without=[ACCOUNT])
    assert claimed is not None and claimed.id == other.id
    # What is done makes room.
    task = await tasks.claim("owner")
    assert task is not None and await tasks.finish(task, None)
    await submit(tasks, most=3)


async def test_what_has_ended_is_forgotten_in_time(
    records: AsyncEngine, tasks: ImportTasks
) -> None:
    waiting, done = await submit(tasks), await tasks.claim("owner")
    assert done is not None
    await tasks.finish(done, None)
    waiting = await submit(tasks)
    async with writing(records) as connection:
        await connection.execute(update(imports).values(updated_ms=imports.c.updated_ms - 2_000))

    assert await tasks.forget(older_than_ms=3_600_000) == 0
    assert await tasks.forget(older_than_ms=1_000) == 1
    assert await tasks.get(ACCOUNT, done.id) is None
    assert await tasks.get(ACCOUNT, waiting.id) is not None
