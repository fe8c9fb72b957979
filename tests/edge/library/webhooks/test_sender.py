"""Sending: signed, once if it is heard, again if not, and never where it may not go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks import Webhook

from cache.origins.addresses import parse_networks
from cache.origins.fetch import Fetcher
from edge.library.webhooks.event import MOST_ATTEMPTS, Event, EventState
from edge.library.webhooks.secrets.store import WebhookSecrets
from edge.library.webhooks.sender import Sender
from edge.library.webhooks.store import Events
from tests.edge.library.webhooks.hearing import ACCOUNT, Receiver, come_due, receiving, tell

LOOPBACK = parse_networks(["127.0.0.0/8"])
OTHER = "abcdefg"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def sender(events: Events, secrets: WebhookSecrets) -> AsyncIterator[Sender]:
    """A sender that may reach this machine, and is never late by chance."""
    async with Fetcher(allow_networks=LOOPBACK) as fetcher:
        sender = Sender(events=events, secrets=secrets, fetcher=fetcher, chance=lambda: 0)
        yield sender
        await sender.aclose()


async def attempt(events: Events, sender: Sender) -> Event:
    """Send what is due, and return what it has become."""
    taken = await events.take(attempt_ms=20_000)
    assert taken is not None
    await sender.send(taken)
    ((event, *_), _) = await events.list(ACCOUNT)
    return event


async def test_what_is_heard_is_signed_and_sent_once(
    records: AsyncEngine,
    events: Events,
    secrets: WebhookSecrets,
    sender: Sender,
    receiver: Receiver,
) -> None:
    told = await tell(records, receiver.url)
    old = (await secrets.signers(ACCOUNT))[0]
    new = (await secrets.rotate(ACCOUNT))[0]

    event = await attempt(events, sender)

    ((headers, body),) = receiver.heard
    assert (told, EventState.DELIVERED, 1) == (event.id, event.state, event.attempts)
    assert ("application/json", told) == (headers["Content-Type"], headers["webhook-id"])
    assert {"a": 1} == Webhook(new).verify(body, headers) == Webhook(old).verify(body, headers)
    await come_due(records)
    assert await events.take(attempt_ms=20_000) is None


@pytest.mark.parametrize("status", [500, 404, 302, 429])
async def test_what_is_not_heard_is_sent_again_with_the_same_id(
    records: AsyncEngine, events: Events, sender: Sender, receiver: Receiver, status: int
) -> None:
    receiver.statuses = [status, 204]
    await tell(records, receiver.url)

    first = await attempt(events, sender)
    await come_due(records)
    second = await attempt(events, sender)

    assert (EventState.WAITING, f"status {status}") == (first.state, first.last_error)
    assert first.due_ms - first.updated_ms == 5_000
    assert (second.state, second.attempts) == (EventState.DELIVERED, 2)
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1
    assert len(receiver.heard) == 2


async def test_a_receiver_that_is_gone_is_left_alone(
    records: AsyncEngine, events: Events, sender: Sender, receiver: Receiver
) -> None:
    receiver.statuses = [410]
    await tell(records, receiver.url)

    event = await attempt(events, sender)

    assert (event.state, event.last_error) == (EventState.GIVEN_UP, "status 410")


async def test_after_the_last_attempt_it_is_given_up(
    records: AsyncEngine, events: Events, sender: Sender, receiver: Receiver
) -> None:
    receiver.statuses = [503]
    await tell(records, receiver.url)

    for _ in range(MOST_ATTEMPTS):
        assert (await attempt(events, sender)).state is not EventState.DELIVERED
        await come_due(records)

    ((event,), _) = await events.list(ACCOUNT)
    assert (event.state, event.attempts) == (EventState.GIVEN_UP, MOST_ATTEMPTS)
    assert await events.take(attempt_ms=20_000) is None


async def test_nobody_at_the_other_end_is_waited_for(
    records: AsyncEngine, events: Events, sender: Sender
) -> None:
    await tell(records, "http://127.0.0.1:9/hook")

    event = await attempt(events, sender)

    assert (
        event.state,
        event.last_error,
    ) == (EventState.WAITING, "http://127.0.0.1:9/hook: no connection")


async def test_where_it_may_not_go_it_does_not_go(
    records: AsyncEngine, events: Events, secrets: WebhookSecrets, receiver: Receiver
) -> None:
    await tell(records, receiver.url)
    async with Fetcher() as guarded:
        event = await attempt(events, Sender(events=events, secrets=secrets, fetcher=guarded))

    assert (event.state, receiver.heard) == (EventState.GIVEN_UP, [])


async def test_two_loops_deliver_each_event_once(
    records: AsyncEngine, events: Events, secrets: WebhookSecrets, receiver: Receiver
) -> None:
    told = [await tell(records, receiver.url) for _ in range(12)]
    async with Fetcher(allow_networks=LOOPBACK) as fetcher:
        senders = [
            Sender(events=Events(records), secrets=secrets, fetcher=fetcher) for _ in range(2)
        ]
        loops = [asyncio.create_task(sender.run()) for sender in senders]
        while len(receiver.heard) < len(told) or await _waiting(events):
            await asyncio.sleep(0.01)
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await asyncio.gather(*(sender.aclose() for sender in senders))

    assert sorted(told) == sorted(headers["webhook-id"] for headers, _ in receiver.heard)


async def _waiting(events: Events) -> int:
    listed, _ = await events.list(ACCOUNT)
    return sum(event.state is EventState.WAITING for event in listed)


async def test_a_receiver_that_never_answers_holds_up_its_own_account_only(
    records: AsyncEngine, events: Events, sender: Sender, receiver: Receiver
) -> None:
    receiver.held = asyncio.Event()
    for _ in range(20):
        await tell(records, receiver.url)
    other = await tell(records, "http://127.0.0.1:9/hook", account=OTHER)
    loop = asyncio.create_task(sender.run())

    while not (await events.list(OTHER))[0][0].last_error:
        await asyncio.sleep(0.01)

    ((event,), _) = await events.list(OTHER)
    assert (other, EventState.WAITING, 1) == (event.id, event.state, event.attempts)
    assert len(receiver.heard) <= 4
    receiver.held.set()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
