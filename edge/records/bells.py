"""
Bells: a word from process to process that there is something to look at, by PostgreSQL's NOTIFY.

They only save waiting. Whoever hears bells also looks from time to time, because a connection may
be lost with what was rung meanwhile, and because SQLite has none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.records.engine import is_embedded, reading
from edge.records.problems import RecordsAway

_log = logging.getLogger(__name__)

_CHANNEL: Final = "audio_edge"
_AGAIN_AFTER_SECONDS = 1.0

# What is heard when bells may have been missed.
ANY: Final = ""


async def ring(connection: AsyncConnection, *names: str) -> None:
    """Ring bells everywhere, once the transaction is committed."""
    if connection.dialect.name == "postgresql" and names:
        rung = [func.pg_notify(_CHANNEL, name) for name in names]
        await connection.execute(select(*rung))


class Bells:
    """Hears the bells that any process rings, this one included."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._listeners: list[Callable[[str], None]] = []

    def listen(self, listener: Callable[[str], None]) -> None:
        """Have *listener* told the name of each bell, or ``ANY``."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Hear bells until it is cancelled."""
        while not is_embedded(self._engine):
            try:
                await self._hear()
            except RecordsAway:
                pass
            except Exception:
                _log.exception("bells are not heard")
            await asyncio.sleep(_AGAIN_AFTER_SECONDS)

    async def _hear(self) -> None:
        """Hear bells for as long as one connection lasts."""
        ended = asyncio.Event()
        async with reading(self._engine) as connection:
            raw = await connection.get_raw_connection()
            driver: Any = raw.driver_connection
            driver.add_termination_listener(lambda _: ended.set())
            try:
                await driver.add_listener(_CHANNEL, lambda *rung: self._tell(rung[-1]))
                self._tell(ANY)
                await ended.wait()
            finally:
                # Nobody else is to be given a connection that listens.
                await connection.invalidate()

    def _tell(self, name: str) -> None:
        for listener in self._listeners:
            listener(name)
