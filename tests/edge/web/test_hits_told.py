"""What is given while records are slow or away, and what their tidings end."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.records.tidings import Tiding, Topic
from edge.web.hits.hit import Ready
from edge.web.hits.store import (
    BELIEVED_SECONDS,
    GRACE_SECONDS,
)
from tests.edge.web.hit_shelf import ACCOUNT, Shelf, target


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


async def test_as_long_as_the_long_way_has_no_answer_another_goes_after_a_while(
    shelf: Shelf,
) -> None:
    await shelf.make("a", 10)
    await shelf.find("a")
    shelf.clock.seconds += BELIEVED_SECONDS
    assert await shelf.find("a") is None
    assert isinstance(await shelf.find("a"), Ready)
    shelf.clock.seconds += GRACE_SECONDS

    assert await shelf.find("a") is None
    assert isinstance(await shelf.find("a"), Ready)


async def test_while_the_records_are_away_nothing_is_doubted(shelf: Shelf) -> None:
    await shelf.make("a", 10)
    await shelf.find("a")
    shelf.clock.seconds += BELIEVED_SECONDS
    shelf.hearing.away = True

    assert isinstance(await shelf.find("a"), Ready)
    assert shelf.hits.doubted(target("a"), []) is None
    shelf.hearing.away = False
    assert await shelf.find("a") is None
    assert shelf.hits.doubted(target("a"), []) is not None


async def test_an_answer_that_a_tiding_has_overtaken_is_not_kept(shelf: Shelf) -> None:
    (shelf.root / "a").write_bytes(b"0123456789")
    begun = shelf.hits.moment
    shelf.hits.hear(Tiding(topic=Topic.FILES, account=ACCOUNT, subject="/a"))
    await shelf.note("a", since=begun)
    assert len(shelf.hits) == 0
    begun = shelf.hits.moment
    for number in range(2_000):
        shelf.hits.hear(Tiding(topic=Topic.FILES, account=ACCOUNT, subject=f"/{number}"))
    await shelf.note("a", since=begun)
    assert len(shelf.hits) == 0
    begun = shelf.hits.moment
    shelf.hits.hear(Tiding(topic=Topic.FILES, account=ACCOUNT, subject="/b"))
    await shelf.note("a", since=begun)

    assert len(shelf.hits) == 1


@pytest.mark.parametrize(
    ("tiding", "kept"),
    [
        (Tiding(topic=Topic.FILES, account=ACCOUNT, subject="/a"), ["b"]),
        (Tiding(topic=Topic.FILES, account=ACCOUNT), []),
        (Tiding(topic=Topic.FILES, account="another", subject="/a"), ["a", "b"]),
        (Tiding(topic=Topic.ARTIFACT, subject="0f"), ["a", "b"]),
        (Tiding(topic=Topic.EVERYTHING), []),
    ],
    ids=["the-file", "the-account", "another-account", "an-artifact", "everything"],
)
async def test_what_a_tiding_is_about_is_forgotten(
    shelf: Shelf, tiding: Tiding, kept: list[str]
) -> None:
    for name in ("a", "b"):
        await shelf.make(name, 10)
        await shelf.find(name)
    shelf.hits.hear(tiding)

    assert [name for name in ("a", "b") if await shelf.find(name) is not None] == kept
    assert len(shelf.hits) == len(kept)
