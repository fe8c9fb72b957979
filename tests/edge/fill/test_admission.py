from __future__ import annotations

import asyncio
from dataclasses import replace
from fractions import Fraction

import pytest

from edge.fill.admission import Admission, Budgets
from edge.fill.pricing import price_of
from edge.fill.problems import OverQuota, QueueFull, TooManyTransforms
from edge.fill.wanted import Wanted, understand
from edge.node import Node
from tests.edge.fill.conftest import Settable

ROOMY = Budgets(new_transforms_per_minute=100, max_queue=100, quota_seconds=None)


async def wanted(node: Node, query: str = "f=aac") -> Wanted:
    return await node.filler.find(understand(f"/W142hJk/audio/note.wav?{query}"))


def admission(node: Node, clock: Settable, budgets: Budgets) -> Admission:
    records = node.records
    return Admission(records.jobs, records.ledger, records.accounts, clock, budgets)


@pytest.mark.parametrize(
    ("query", "seconds", "price"),
    [
        ("f=aac", 60, Fraction(45)),
        ("f=mp3", 60, Fraction(45)),
        ("f=wav-riff", 60, Fraction(69)),
        ("f=aac", 1, Fraction(15, 2)),
        ("f=hls-aac", 60, Fraction(45)),
        ("f=hls-aac-rt&br=64&br=128&br=256&rt=false", 60, Fraction(150)),
    ],
)
def test_prices(query: str, seconds: int, price: Fraction) -> None:
    plan = understand(f"/W142hJk/audio/a.mp3?{query}").plan

    assert price_of("0" * 64, plan, Fraction(seconds)) == price


async def test_so_many_new_transforms_a_minute(node: Node, clock: Settable) -> None:
    door = admission(node, clock, replace(ROOMY, new_transforms_per_minute=2))
    wish = await wanted(node)
    await door.admit(wish, None)
    clock.milliseconds += 20_000
    await door.admit(wish, None)

    with pytest.raises(TooManyTransforms) as refused:
        await door.admit(wish, None)
    assert refused.value.retry_after_seconds == 40
    clock.milliseconds += 40_000
    await door.admit(wish, None)


async def fill(node: Node, account: str, *keys: str) -> None:
    """Queue jobs of an account, for nobody to take."""
    for key in keys:
        await node.records.jobs.submit(
            key=key * 64,
            account=account,
            subject=f"/{account}/audio/note.wav?f=aac&v={key}",
            priority=-1,
            owner=None,
        )


async def test_what_other_nodes_have_let_in_is_counted(node: Node, clock: Settable) -> None:
    while not node.runner.take_slot():
        await asyncio.sleep(0.01)
    door = admission(node, clock, replace(ROOMY, new_transforms_per_minute=3))
    wish = await wanted(node)
    await node.runner.begin_chore("W142hJk", "unknown", b"")
    await fill(node, "W142hJk", "a", "b")
    await fill(node, "other11", "c", "d")
    await door.admit(wish, None)
    await fill(node, "W142hJk", "e")

    with pytest.raises(TooManyTransforms) as refused:
        await door.admit(wish, None)
    assert 50 <= refused.value.retry_after_seconds <= 60


async def test_a_full_queue(node: Node, clock: Settable) -> None:
    # Whoever looks for work must not find what is put into the queue here.
    while not node.runner.take_slot():
        await asyncio.sleep(0.01)
    door = admission(node, clock, replace(ROOMY, max_queue=1))
    await fill(node, "W142hJk", "a", "b", "c")

    wish = await wanted(node)
    for _ in range(ROOMY.new_transforms_per_minute + 1):
        # Being refused uses up no budget, so it is always for the same reason.
        with pytest.raises(QueueFull):
            await door.admit(wish, None)


async def test_a_queue_that_another_account_has_filled_has_room(
    node: Node, clock: Settable
) -> None:
    while not node.runner.take_slot():
        await asyncio.sleep(0.01)
    door = admission(node, clock, replace(ROOMY, max_queue=4))
    wish = await wanted(node)
    await fill(node, "many111", "a", "b", "c", "d")
    await door.admit(wish, None)
    await fill(node, "W142hJk", "e")
    await door.admit(wish, None)
    await fill(node, "W142hJk", "f")

    # Two of four is the share of one of two accounts.
    with pytest.raises(QueueFull):
        await door.admit(wish, None)


async def test_a_queue_has_an_end_however_many_accounts_wait(node: Node, clock: Settable) -> None:
    while not node.runner.take_slot():
        await asyncio.sleep(0.01)
    door = admission(node, clock, replace(ROOMY, max_queue=2))
    for number, account in enumerate(("one1111", "two1111", "three11", "four111")):
        await fill(node, account, str(number))

    with pytest.raises(QueueFull):
        await door.admit(await wanted(node), None)


async def test_the_quota_of_the_installation_and_of_an_account(node: Node, clock: Settable) -> None:
    wish = await wanted(node)
    resolved = await node.filler.resolve(wish)
    door = admission(node, clock, replace(ROOMY, quota_seconds=7))

    with pytest.raises(OverQuota) as refused:
        await door.admit(wish, resolved)
    assert (refused.value.used, refused.value.price, refused.value.quota) == (0, 7.5, 7)
    await node.records.accounts.set_quota("W142hJk", quota_seconds=8, storage_quota_bytes=None)
    assert await door.admit(wish, resolved) == Fraction(15, 2)
