"""The outbox: written with what it tells of, taken by one at a time, tried again, kept a while."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from edge.library.webhooks.event import MOST_ATTEMPTS, EventState, pause_ms
from edge.library.webhooks.store import Events, add
from edge.records import tables
from edge.records.engine import writing
from tests.edge.library.webhooks.hearing import ACCOUNT, come_due, tell

ATTEMPT_MS = 20_000
OTHER = "W142hJm"


async def test_what_is_rolled_back_is_not_told(records: AsyncEngine, events: Events) -> None:
    with pytest.raises(RuntimeError):
        async with writing(records) as connection:
            await add(connection, account=ACCOUNT, kind="test", url="https://a.example/", body="{}")
            raise RuntimeError

    assert await events.take(attempt_ms=ATTEMPT_MS) is None


async def test_of_many_that_look_at_once_one_takes_an_event(
    records: AsyncEngine, events: Events
) -> None:
    told = await tell(records)

    taken = await asyncio.gather(*(Events(records).take(attempt_ms=ATTEMPT_MS) for _ in range(8)))

    assert [told] == [event.id for event in taken if event is not None]
    assert await events.take(attempt_ms=ATTEMPT_MS) is None


async def test_an_event_whose_sender_died_is_due_again(
    records: AsyncEngine, events: Events
) -> None:
    told = await tell(records)
    first = await events.take(attempt_ms=ATTEMPT_MS)
    await come_due(records)
    second = await events.take(attempt_ms=ATTEMPT_MS)

    assert first is not None and second is not None
    assert (told, 1, told, 2) == (first.id, first.attempts, second.id, second.attempts)
    # The first is not dead after all: what it failed to do is no longer its to tell.
    await events.put_off(first, "too late", 0)
    assert await events.take(attempt_ms=ATTEMPT_MS) is None
    # That it was heard is true whoever says so.
    await events.delivered(first)
    ((event,), _) = await events.list(ACCOUNT)
    assert (event.state, event.last_error) == (EventState.DELIVERED, None)


async def test_accounts_can_be_left_for_later(records: AsyncEngine, events: Events) -> None:
    await tell(records)
    other = await tell(records, account=OTHER)

    taken = await events.take(attempt_ms=ATTEMPT_MS, without=[ACCOUNT])

    assert taken is not None and taken.id == other
    assert await events.take(attempt_ms=ATTEMPT_MS, without=[ACCOUNT]) is None


async def test_a_retry_begins_anew_whatever_has_become_of_it(
    records: AsyncEngine, events: Events
) -> None:
    told = await tell(records)
    taken = await events.take(attempt_ms=ATTEMPT_MS)
    assert taken is not None
    await events.give_up(taken, "status 410")
    ((given_up,), _) = await events.list(ACCOUNT)
    assert (given_up.state, given_up.last_error) == (EventState.GIVEN_UP, "status 410")

    assert await events.retry(told) is not None
    again = await events.take(attempt_ms=ATTEMPT_MS)

    assert again is not None and (again.id, again.attempts) == (told, 1)
    assert await events.retry("01M") is None


async def test_what_is_settled_is_forgotten_in_time(records: AsyncEngine, events: Events) -> None:
    await tell(records)
    waiting = await tell(records, account=OTHER)
    taken = await events.take(attempt_ms=ATTEMPT_MS, without=[OTHER])
    assert taken is not None
    await events.delivered(taken)
    async with writing(records) as connection:
        await connection.execute(
            update(tables.events).values(updated_ms=tables.events.c.updated_ms - 2_000)
        )

    assert await events.forget(older_than_ms=3_600_000) == 0
    assert await events.forget(older_than_ms=1_000) == 1
    ((left,), _) = await events.list(OTHER)
    assert (waiting, ()) == (left.id, (await events.list(ACCOUNT))[0])


def test_ten_attempts_are_made_in_three_days() -> None:
    pauses = [pause_ms(attempts, 0) for attempts in range(1, MOST_ATTEMPTS)]
    hours = sum(pause or 0 for pause in pauses) / 3_600_000

    assert pauses[:3] == [5_000, 30_000, 120_000]
    assert (MOST_ATTEMPTS, pause_ms(MOST_ATTEMPTS, 0)) == (10, None)
    assert 60 < hours < 72
    assert pause_ms(1, 1) == 6_000
