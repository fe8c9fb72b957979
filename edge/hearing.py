"""What a node hears of others: bells that wake it, tidings of what is no longer to be believed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from cache.artifacts import Artifacts
from edge.records.bells import Bells
from edge.records.engine import tidings_of
from edge.records.telling import Hearing
from edge.records.tidings import Tiding, Topic
from edge.registry import Records


@contextlib.asynccontextmanager
async def open_hearing(records: Records, artifacts: Artifacts) -> AsyncIterator[Hearing]:
    """Hear what other processes do until the block ends; *artifacts* forget what they removed."""
    hearing = Hearing(records.engine)

    def hear(tiding: Tiding) -> None:
        match tiding.topic:
            case Topic.ARTIFACT:
                artifacts.forget(tiding.subject)
            case Topic.EVERYTHING:
                artifacts.forget_all()
            case Topic.FILES:
                # Of files, artifacts know by their keys.
                pass

    tidings_of(records.engine).listen(hear)
    await hearing.look()
    bells = Bells(records.engine)
    bells.listen(hearing.rung)
    bells.listen(records.jobs.rung)
    tasks = [
        asyncio.create_task(bells.run(), name="hear bells"),
        asyncio.create_task(hearing.run(), name="hear tidings"),
    ]
    try:
        yield hearing
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
