from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.records import tables
from edge.records.bells import ANY, Bells, ring
from edge.records.engine import after_commit, open_records, presence_of, tidings_of, writing
from edge.records.telling import Hearing, tell
from edge.records.tidings import Tiding, Topic

TALK = Tiding(topic=Topic.FILES, account="W142hJk", subject="/talk.mp3")
ARTIFACT = Tiding(topic=Topic.ARTIFACT, subject="0f")


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Neighbour:
    """Another process on the same records, and what is heard there."""

    def __init__(self, records: AsyncEngine) -> None:
        self.clock = Clock()
        self.engine = open_records(records.url.render_as_string(hide_password=False))
        self.heard: list[Tiding] = []
        tidings_of(self.engine).listen(self.heard.append)
        self.hearing = Hearing(self.engine, clock=self.clock)

    async def aclose(self) -> None:
        await self.engine.dispose()


async def told(records: AsyncEngine, *tidings: Tiding) -> None:
    async with writing(records) as connection:
        await tell(connection, *tidings)


async def test_what_is_told_is_heard_here_once_it_is_committed_and_not_before(
    records: AsyncEngine,
) -> None:
    heard: list[Tiding] = []
    tidings_of(records).listen(heard.append)
    async with writing(records) as connection:
        await tell(connection, TALK, ARTIFACT)
        assert heard == []

    assert heard == [TALK, ARTIFACT]


async def test_what_is_rolled_back_is_told_to_nobody(records: AsyncEngine) -> None:
    heard: list[Tiding] = []
    tidings_of(records).listen(heard.append)
    neighbour = Neighbour(records)
    await neighbour.hearing.look()
    with pytest.raises(ZeroDivisionError):
        async with writing(records) as connection:
            await tell(connection, TALK)
            raise ZeroDivisionError
    await told(records, ARTIFACT)
    await neighbour.hearing.look()
    await neighbour.aclose()

    assert heard == neighbour.heard == [ARTIFACT]


async def test_another_process_hears_everything_once(records: AsyncEngine) -> None:
    neighbour = Neighbour(records)
    await told(records, TALK)
    await neighbour.hearing.look()
    assert neighbour.heard == []
    await told(records, ARTIFACT, TALK)
    for _ in range(3):
        await neighbour.hearing.look()
    await told(records, TALK)
    await neighbour.hearing.look()
    await neighbour.aclose()

    assert neighbour.heard == [ARTIFACT, TALK, TALK]


async def test_a_transaction_that_ends_late_is_heard_though_its_number_is_small(
    records: AsyncEngine,
) -> None:
    neighbour = Neighbour(records)
    await neighbour.hearing.look()
    await told(records, ARTIFACT)
    await neighbour.hearing.look()
    async with writing(records) as connection:
        # As if it had been written before the other and had come to its end only now.
        row = {"topic": TALK.topic, "account": TALK.account, "subject": TALK.subject}
        now = tables.tidings.select().with_only_columns(tables.tidings.c.at_ms)
        at_ms = (await connection.execute(now)).scalars().first()
        await connection.execute(insert(tables.tidings).values(id=-1, at_ms=at_ms, **row))
    await neighbour.hearing.look()
    await neighbour.aclose()

    assert neighbour.heard == [ARTIFACT, TALK]


async def test_numbers_do_not_come_again_after_old_rows_are_gone(records: AsyncEngine) -> None:
    neighbour = Neighbour(records)
    await neighbour.hearing.look()
    await told(records, ARTIFACT)
    await neighbour.hearing.look()
    async with writing(records) as connection:
        await connection.execute(delete(tables.tidings))
    await told(records, TALK)
    await neighbour.hearing.look()
    await neighbour.aclose()

    assert neighbour.heard == [ARTIFACT, TALK]


async def test_who_was_deaf_for_long_believes_nothing_any_more(records: AsyncEngine) -> None:
    neighbour = Neighbour(records)
    await neighbour.hearing.look()
    assert neighbour.hearing.current
    neighbour.clock.seconds += 60
    assert not neighbour.hearing.current
    presence_of(neighbour.engine).note_away()
    assert neighbour.hearing.current
    neighbour.clock.seconds += 3600
    assert not neighbour.hearing.current
    presence_of(neighbour.engine).note_there()
    await neighbour.hearing.look()
    await neighbour.aclose()

    assert neighbour.heard == [Tiding(topic=Topic.EVERYTHING)]
    assert neighbour.hearing.current


async def test_a_call_of_one_transaction_is_not_made_after_another(records: AsyncEngine) -> None:
    called: list[str] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: called.append(name)

    with pytest.raises(ZeroDivisionError):
        async with writing(records) as connection:
            after_commit(connection, note("rolled back"))
            raise ZeroDivisionError
    async with writing(records) as connection:
        after_commit(connection, note("committed"))
    async with writing(records):
        pass

    assert called == ["committed"]


async def test_bells_are_heard_in_other_processes_and_after_a_lost_connection(
    postgresql_records: AsyncEngine,
) -> None:
    neighbour = open_records(postgresql_records.url.render_as_string(hide_password=False))
    rung: asyncio.Queue[str] = asyncio.Queue()
    bells = Bells(neighbour)
    bells.listen(rung.put_nowait)
    hearing = asyncio.create_task(bells.run())
    try:
        assert await rung.get() == ANY
        async with writing(postgresql_records) as connection:
            await ring(connection, "one", "two")
            assert rung.empty()
        assert [await rung.get(), await rung.get()] == ["one", "two"]
        async with writing(postgresql_records) as connection:
            await connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
            )
        # Whatever was rung while it did not listen.
        assert await rung.get() == ANY
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await neighbour.dispose()
