from __future__ import annotations

import pytest

from edge.fill.problems import OverQuota
from edge.fill.wanted import find, understand
from edge.node import Node
from tests.support.media import boasting_mp3


async def limit(node: Node, seconds: int) -> None:
    await node.records.accounts.set_quota(
        "W142hJk", quota_seconds=seconds, storage_quota_bytes=None
    )


async def test_a_quota_is_compared_with_what_a_file_holds_and_not_with_its_claim(
    node: Node,
) -> None:
    assert node.settings.root is not None
    (node.settings.root / "boast.mp3").write_bytes(boasting_mp3(100_000))
    await limit(node, 20)
    wish = await find(node.workshop.files, understand("/W142hJk/audio/boast.mp3?f=mp3"))
    standing = await node.filler.wait(await node.filler.obtain(wish), 60)

    assert standing.job.state == "done"
    assert (await node.records.ledger.month_total("W142hJk")).billed_seconds == 7.5


async def test_what_costs_more_than_is_left_is_refused_before_any_work(node: Node) -> None:
    await limit(node, 7)
    wish = await find(node.workshop.files, understand("/W142hJk/audio/note.wav?f=mp3"))

    with pytest.raises(OverQuota):
        await node.filler.obtain(wish)
    assert await node.records.jobs.by_key(wish.key) is None
