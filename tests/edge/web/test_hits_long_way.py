"""What is given when the long way leads nowhere, or not in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from edge.records.problems import RecordsAway
from edge.web.hits import path
from edge.web.hits.path import HitPath
from edge.web.hits.store import BELIEVED_SECONDS
from edge.web.problems import not_found
from tests.edge.web.conftest import Call
from tests.edge.web.hit_shelf import Shelf, target

URL = target("a").decode()

Way = Callable[[Scope, Receive, Send], Awaitable[None]]


@pytest.fixture
async def shelf(tmp_path: Path) -> Shelf:
    """A shelf with one hit that is loaded, and due to be confirmed."""
    shelf = Shelf(tmp_path)
    await shelf.make("a", 100)
    await shelf.find("a")
    shelf.clock.seconds += BELIEVED_SECONDS
    return shelf


async def away(scope: Scope, receive: Receive, send: Send) -> None:
    raise RecordsAway


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


async def other(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("other")(scope, receive, send)


@pytest.mark.parametrize("way", [away, silent], ids=["away", "silent"])
async def test_a_hit_is_given_when_the_records_are_not_there(
    shelf: Shelf, call: Call, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(path, "_PATIENCE_SECONDS", 0.01)
    answer = await call(HitPath(way, shelf.hits), path=URL)

    assert answer.status == 200
    assert answer.body == (shelf.root / "a").read_bytes()
    assert len(shelf.hits) == 1


async def test_without_a_hit_it_is_said_that_they_are_away(shelf: Shelf, call: Call) -> None:
    answer = await call(HitPath(away, shelf.hits), path=f"{URL}-not")

    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0


async def test_another_answer_takes_the_place_of_the_hit(shelf: Shelf, call: Call) -> None:
    answer = await call(HitPath(other, shelf.hits), path=URL)

    assert answer.body == b"other"
    assert len(shelf.hits) == 0


async def test_an_answer_that_has_begun_is_waited_for(
    shelf: Shelf, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(path, "_PATIENCE_SECONDS", 0.01)

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.1)
        await send({"type": "http.response.body", "body": b"slow"})

    assert (await call(HitPath(slow, shelf.hits), path=URL)).body == b"slow"


async def test_who_hangs_up_takes_the_way_along(shelf: Shelf, call: Call) -> None:
    ended: list[str] = []

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    asking = asyncio.create_task(call(HitPath(noting, shelf.hits), path=URL))
    await asyncio.sleep(0.05)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await asyncio.sleep(0)

    assert ended == ["cancelled"]


async def test_a_hit_that_no_longer_holds_is_not_what_a_slow_answer_is_waited_for(
    shelf: Shelf, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(path, "_PATIENCE_SECONDS", 0.01)
    (shelf.root / "a").write_bytes(b"another")

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.1)
        await other(scope, receive, send)

    assert (await call(HitPath(slow, shelf.hits), path=URL)).body == b"other"


async def test_a_refusal_takes_the_place_of_the_hit(shelf: Shelf, call: Call) -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        raise not_found()

    assert (await call(HitPath(refuse, shelf.hits), path=URL)).status == 404
    assert len(shelf.hits) == 0


async def test_who_hears_nothing_of_others_gives_no_hits(shelf: Shelf, call: Call) -> None:
    shelf.hearing.current = False

    assert (await call(HitPath(other, shelf.hits), path=URL)).body == b"other"
    shelf.hearing.away = True
    assert (await call(HitPath(away, shelf.hits), path=URL)).status == 503
