"""Saying something to the records that must be said, however long they are away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from edge.records.problems import RecordsAway

_PAUSE_SECONDS = 1.0

_Answer = TypeVar("_Answer")


async def until_there(call: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """
    Call again until the database can be reached.

    What is called may have happened already when it is called once more: its answer was lost.
    """
    while True:
        try:
            return await call()
        except RecordsAway:
            await asyncio.sleep(_PAUSE_SECONDS)
