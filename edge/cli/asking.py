"""What verbs ask the records, from outside of any event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from edge.registry import Records, open_accounts
from edge.settings import Settings

_Answer = TypeVar("_Answer")


def ask(settings: Settings, question: Callable[[Records], Awaitable[_Answer]]) -> _Answer:
    """Open the records of an installation for one question."""

    async def asked() -> _Answer:
        async with open_accounts(settings) as records:
            return await question(records)

    return asyncio.run(asked())
