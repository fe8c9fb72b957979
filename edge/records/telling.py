"""
Telling tidings to every process, and hearing those of others.

They are rows, which are looked at once a second and whenever the bell is rung. Their numbers are
given out before the transactions end that write them, so a late one may have a small number:
rows of the last minute are looked at again, and those heard already are left out.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from edge.records.bells import ring
from edge.records.dialects import now_ms
from edge.records.engine import after_commit, presence_of, reading, tidings_of, writing
from edge.records.problems import RecordsAway
from edge.records.tables import tidings
from edge.records.tidings import Tiding, Topic

_log = logging.getLogger(__name__)

BELL = "tidings"
POLL_SECONDS = 1.0

# No transaction that tells something takes nearly as long.
_LOOKED_AT_AGAIN_MS = 60_000
_KEPT_MS = 3_600_000
_PRUNED_EVERY_SECONDS = 600.0
# Who has heard nothing for so long may have missed what is no longer kept.
_MISSED_AFTER_SECONDS = 1_800.0

# What was heard last is believed until then, if nothing can be heard.
_CURRENT_SECONDS = 15.0
# A process that is cut off from a database that is there should not go on for ever.
_CUT_OFF_SECONDS = 900.0


async def tell(connection: AsyncConnection, *told: Tiding) -> None:
    """Tell everybody, once the transaction is committed."""
    if not told:
        return
    rows = [
        {"topic": each.topic, "account": each.account, "subject": each.subject} for each in told
    ]
    await connection.execute(insert(tidings).values(at_ms=now_ms()), rows)
    await ring(connection, BELL)
    here = tidings_of(connection)

    def spread() -> None:
        for each in told:
            here.spread(each)

    after_commit(connection, spread)


class Hearing:
    """Hears what other processes tell, and passes it on to those who listen in this one."""

    def __init__(self, engine: AsyncEngine, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._presence = presence_of(engine)
        self._tidings = tidings_of(engine)
        self._rung = asyncio.Event()
        self._heard: dict[int, int] = {}
        self._looked_at: float | None = None
        self._pruned_at = clock()

    @property
    def current(self) -> bool:
        """Whether all is heard that may be known: nobody changes a database that is away."""
        if self._looked_at is None:
            return False
        silent = self._clock() - self._looked_at
        return silent < (_CUT_OFF_SECONDS if self._presence.away else _CURRENT_SECONDS)

    @property
    def away(self) -> bool:
        """Whether the records cannot be reached."""
        return self._presence.away

    def rung(self, name: str) -> None:
        """Look soon if the bell called *name* is this one's."""
        if name in ("", BELL):
            self._rung.set()

    async def run(self) -> None:
        """Hear what there is, until it is cancelled."""
        while True:
            try:
                await self.look()
                await self._prune()
            except RecordsAway:
                pass
            except Exception:
                _log.exception("tidings were not looked at")
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._rung.wait()
            except TimeoutError:
                continue
            self._rung.clear()

    async def look(self) -> None:
        """
        Hear what has been told since the last time.

        Raises:
            RecordsAway: That cannot be known now.
        """
        began = self._clock()
        first = self._looked_at is None
        missed = first or began - (self._looked_at or 0) >= _MISSED_AFTER_SECONDS
        recent = tidings.c.at_ms >= now_ms() - _LOOKED_AT_AGAIN_MS
        last = max(self._heard, default=0)
        query = select(tidings).order_by(tidings.c.id)
        query = query.where(recent) if missed else query.where(recent | (tidings.c.id > last))
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        new = [row for row in rows if row.id not in self._heard]
        self._heard = {row.id: row.at_ms for row in rows} or dict.fromkeys([last], 0)
        self._looked_at = began
        if missed and not first:
            self._tidings.spread(Tiding(topic=Topic.EVERYTHING))
        if first:
            # Nothing was believed yet.
            return
        for row in new:
            told = Tiding(topic=Topic(row.topic), account=row.account, subject=row.subject)
            self._tidings.spread(told)

    async def _prune(self) -> None:
        if self._clock() - self._pruned_at < _PRUNED_EVERY_SECONDS:
            return
        self._pruned_at = self._clock()
        async with writing(self._engine) as connection:
            await connection.execute(delete(tidings).where(tidings.c.at_ms < now_ms() - _KEPT_MS))
